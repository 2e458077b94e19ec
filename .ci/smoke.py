"""Use an installed wheel with its required dependencies and nothing else."""

import importlib.metadata
import importlib.util
import sys
import warnings
from pathlib import Path

import numpy as np
import scipy.sparse
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale

import bce_logistic
from bce_logistic import GDLogisticRegression, SeparationWarning, check_separation, inference_table

warnings.simplefilter("error")

folder = Path(bce_logistic.__file__).parent
assert Path(sys.prefix) in folder.parents, f"{folder} is not the installed package"
assert (folder / "py.typed").is_file()
assert importlib.metadata.version("bce_logistic") == bce_logistic.__version__
for optional in ("matplotlib", "pandas", "dask", "pytest"):
    assert importlib.util.find_spec(optional) is None, (
        f"{optional} is installed: no bare environment"
    )

for load in (load_breast_cancer, load_iris):
    X, y = load(return_X_y=True)
    X = scale(X)
    reference = LogisticRegression(tol=1e-8, max_iter=10_000).fit(X, y)
    for features in (X, scipy.sparse.csr_array(X)):
        model = GDLogisticRegression().fit(features, y)
        np.testing.assert_allclose(model.coef_, reference.coef_, atol=1e-4)
        np.testing.assert_allclose(
            model.predict_proba(features), reference.predict_proba(X), atol=1e-4
        )
    GDLogisticRegression(solver="gd", nesterov=True, max_iter=5000).fit(X, y)
    GDLogisticRegression(batch_size=32).partial_fit(X, y, classes=np.unique(y))

rng = np.random.default_rng(0)
X = rng.normal(size=(200, 2))
y = X @ [1.0, -1.0] + rng.logistic(size=200) > 0
table = inference_table(GDLogisticRegression(C=np.inf, tol=1e-12).fit(X, y), X, y)
assert len(table) == 3
assert check_separation([[0.0], [1.0]], [0, 1]).separated
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    GDLogisticRegression(C=np.inf).fit([[0.0], [1.0]], [0, 1])
assert [warning.category for warning in caught] == [SeparationWarning]
print(f"bce_logistic {bce_logistic.__version__} works in {sys.prefix}")
