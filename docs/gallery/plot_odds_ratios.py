"""
Odds ratios with their intervals
================================

How certain is a coefficient? A table of standard errors and intervals, their plot, and errors that
allow for samples that depend on each other.
"""

# %%
# Patients of thirty clinics
# --------------------------
#
# Which patients recover? Half of the clinics give a new treatment, and clinics differ, more than
# their patients' ages explain. The data are simulated, so that the truth is known: the treatment
# has no effect.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from bce_logistic import CoefficientDisplay, GDLogisticRegression, fit_statistics, inference_table

rng = np.random.default_rng(3)


def patients(n_clinics=30, n_patients=60):
    """A table of patients, and who recovers."""
    clinic = np.repeat(np.arange(n_clinics), n_patients)
    X = pd.DataFrame(
        {
            "age": rng.normal(60, 10, len(clinic)),
            "smoker": rng.choice(["no", "yes"], len(clinic), p=[0.7, 0.3]),
            "treatment": np.where(clinic % 2, "new", "old"),
            "clinic": clinic,
        }
    )
    quality = rng.normal(0, 0.7, n_clinics)
    score = 1 - 0.05 * (X["age"] - 60) - 0.8 * (X["smoker"] == "yes") + quality[clinic]
    return X, score + rng.logistic(size=len(clinic)) > 0


X, recovered = patients()
X.head()

# %%
# The table
# ---------
#
# Standard errors belong to a fit without a penalty, ``C=np.inf``. The pipeline is passed as a
# whole; its steps name the features.

steps = make_column_transformer(
    (StandardScaler(), ["age"]),
    (OneHotEncoder(drop=["no", "old"]), ["smoker", "treatment"]),
    verbose_feature_names_out=False,
)
model = make_pipeline(steps, GDLogisticRegression(C=np.inf)).fit(X, recovered)
inference_table(model, X, recovered).round(3)

# %%
# Patients of one clinic have something in common, so that they carry less information than as many
# patients of different ones. Clustered errors allow for that. They make the interval of the
# treatment, which differs between clinics only, three times as long; those of age and smoking
# change little.

figure, axes = plt.subplots(1, 2, figsize=(10, 3), sharex=True, sharey=True, layout="constrained")
for ax, cov_type, groups in zip(axes, ["nonrobust", "cluster"], [None, X["clinic"]], strict=True):
    CoefficientDisplay.from_estimator(
        model, X, recovered, odds_ratio=True, cov_type=cov_type, groups=groups, ax=ax
    )
    ax.set_title(f'cov_type="{cov_type}"')
plt.show()

# %%
# Which of them is right? In 100 simulations, an interval of probability 0.95 should contain the
# truth, no effect, about 95 times.

contained = {"nonrobust": 0, "cluster": 0}
for _ in range(100):
    X_new, recovered_new = patients()
    model_new = model.fit(X_new, recovered_new)
    for cov_type, groups in (("nonrobust", None), ("cluster", X_new["clinic"])):
        table = inference_table(model_new, X_new, recovered_new, cov_type=cov_type, groups=groups)
        row = table.loc["treatment_new"]
        contained[cov_type] += int(row["ci_low"] < 0 < row["ci_high"])
print(contained)

# %%
# The model as a whole
# --------------------
#
# The likelihood-ratio test compares the model with the intercept alone, AIC and BIC compare models
# with each other. They assume that the patients are independent.

statistics = fit_statistics(model.fit(X, recovered), X, recovered)
print(f"likelihood ratio {statistics.lr_statistic:.0f}, p = {statistics.lr_p_value:.0e}")
print(f"AIC {statistics.aic:.0f}, BIC {statistics.bic:.0f}, pseudo-R2 {statistics.pseudo_r2:.3f}")
