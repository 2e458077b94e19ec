"""Standard errors against statsmodels, formulas, and every refusal."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest
import scipy.sparse
import scipy.stats
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from bce_logistic import (
    CollinearityWarning,
    GDLogisticRegression,
    SeparationWarning,
    inference_table,
)

from ..common import every_layout, needs_scikit_learn, objective, probabilities, problem
from ..objective.test_standard_errors import (
    separated_by_one_feature,
    separated_by_two_features_together,
    separated_class,
)

pandas = pytest.importorskip("pandas")
sm = pytest.importorskip("statsmodels.api")

COLUMNS = ["coef", "std_err", "z", "p_value", "ci_low", "ci_high"]
COLUMNS += ["odds_ratio", "odds_ratio_low", "odds_ratio_high"]


def fitted(X, y, sample_weight=None, **parameters):
    """A fit without a penalty, as exact as the numbers are."""
    parameters = {"C": np.inf, "tol": 1e-15, **parameters}
    return GDLogisticRegression(**parameters).fit(X, y, sample_weight)


def with_constant(X):
    """Features and a constant at the end, where the table has the intercept."""
    return sm.add_constant(np.asarray(X), prepend=False, has_constant="add")


def maximised(model):
    """Fit by Newton's method alone, until the steps are as small as the numbers allow."""
    options = {"method": "newton", "ridge_factor": 0, "warn_convergence": False}
    return model.fit(disp=0, tol=1e-13, maxiter=30, **options)


def assert_same_as_statsmodels(table, result):
    """Every column, in the order class by class; a coefficient to 1e-6 of its error."""
    coef, std_err, z, p_value = (
        np.asarray(column).T.ravel()
        for column in (result.params, result.bse, result.tvalues, result.pvalues)
    )
    ci_low, ci_high = np.asarray(result.conf_int()).reshape(-1, 2).T
    assert_allclose(table["std_err"], std_err, rtol=1e-6)
    assert_allclose(table["z"], z, rtol=1e-6, atol=1e-6)
    assert_allclose(table["p_value"], p_value, rtol=1e-4, atol=1e-300)
    for name, expected in [("coef", coef), ("ci_low", ci_low), ("ci_high", ci_high)]:
        assert_allclose((table[name] - expected) / std_err, 0, atol=1e-6)
    assert_allclose(table["odds_ratio"], np.exp(coef), rtol=1e-5)
    assert_allclose(table["odds_ratio_low"], np.exp(ci_low), rtol=1e-5)
    assert_allclose(table["odds_ratio_high"], np.exp(ci_high), rtol=1e-5)


def breast_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return X[:, [0, 1, 4, 8]], y


def spector():
    data = sm.datasets.spector.load_pandas()
    return data.exog, data.endog


def fair():
    data = sm.datasets.fair.load_pandas()
    return data.exog, (data.endog > 0).astype(int)


DATA = {"breast cancer": breast_cancer, "spector": spector, "fair": fair, "random": problem}
every_data = pytest.mark.parametrize("data", DATA.values(), ids=DATA)


@every_data
def test_two_classes_as_logit(data):
    X, y = data()
    result = maximised(sm.Logit(np.asarray(y), with_constant(X)))
    assert_same_as_statsmodels(inference_table(fitted(X, y), X, y), result)


@pytest.mark.usefixtures("small_blocks")
@every_layout
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_layouts_and_blocks(layout, fit_intercept):
    X, y = problem(n_samples=300, density=0.6)
    model = fitted(layout(X), y, fit_intercept=fit_intercept)
    result = maximised(sm.Logit(y, with_constant(X) if fit_intercept else X))
    table = inference_table(model, layout(X), y)
    assert_same_as_statsmodels(table, result)
    assert list(table.index) == ["x0", "x1", "x2", "x3", *["intercept"] * fit_intercept]


def anes96():
    data = sm.datasets.anes96.load_pandas()
    return data.exog, data.endog.astype(int)


def three_classes():
    X, y = problem(n_samples=300, n_classes=3)
    return pandas.DataFrame(X, columns=list("abcd")), y


@pytest.mark.parametrize("data", [anes96, three_classes])
def test_more_classes_as_mnlogit(data):
    X, y = data()
    result = maximised(sm.MNLogit(np.asarray(y), with_constant(X)))
    table = inference_table(fitted(X, y), X, y)
    assert_same_as_statsmodels(table, result)
    rows = pandas.MultiIndex.from_product([np.unique(y)[1:], [*X.columns, "intercept"]])
    assert list(table.index) == list(rows)
    assert table.index.names == ["class", "feature"]


def test_weights_are_frequencies():
    X, y = problem(n_samples=200)
    s = np.random.default_rng(0).integers(0, 4, size=len(y))
    table = inference_table(fitted(X, y, s), X, y, s)
    binomial = sm.families.Binomial()
    result = sm.GLM(y, with_constant(X), family=binomial, freq_weights=s).fit(tol=1e-14)
    assert_same_as_statsmodels(table, result)
    X_repeated, y_repeated = np.repeat(X, s, axis=0), np.repeat(y, s)
    repeated = inference_table(fitted(X_repeated, y_repeated), X_repeated, y_repeated)
    assert_allclose(table["std_err"], repeated["std_err"], rtol=1e-9)


def test_class_weights_count_as_in_the_fit():
    X, y = problem(n_samples=200)
    s = np.random.default_rng(0).exponential(size=len(y))
    by_class = {0: 0.5, 1: 3.0}
    model = fitted(X, y, s, class_weight=by_class)
    expected_weights = s * np.where(y == 1, 3.0, 0.5)
    expected = inference_table(fitted(X, y, expected_weights), X, y, expected_weights)
    assert_allclose(inference_table(model, X, y, s), expected, rtol=1e-7)


def test_columns_are_what_they_are_called():
    X, y = problem(n_samples=200)
    model = fitted(X, y)
    table = inference_table(model, X, y, level=0.8)
    assert list(table.columns) == COLUMNS
    assert_array_equal(table["coef"], [*model.coef_[0], *model.intercept_])
    assert_allclose(table["z"], table["coef"] / table["std_err"], rtol=1e-14)
    assert_allclose(table["p_value"], 2 * scipy.stats.norm.sf(np.abs(table["z"])), rtol=1e-12)
    interval = scipy.stats.norm.interval(0.8, table["coef"], table["std_err"])
    assert_allclose(table[["ci_low", "ci_high"]].T, interval, rtol=1e-12)
    assert_allclose(table["odds_ratio"], np.exp(table["coef"]), rtol=1e-14)


def test_the_scale_of_a_feature_scales_its_row():
    X, y = problem(n_samples=200)
    X[:, 0] *= np.sign(fitted(X, y).coef_[0, 0])
    unit = np.array([1e-6, 1.0, 1e3, 1e6])
    table, scaled = (inference_table(fitted(A, y), A, y) for A in (X, X * unit))
    assert_allclose(scaled["std_err"][:-1] * unit, table["std_err"][:-1], rtol=1e-9)
    assert_allclose(scaled["z"], table["z"], rtol=1e-6)
    assert np.isinf(scaled["odds_ratio"].iloc[0])


def test_index_holds_the_names_of_the_features():
    X, y = problem()
    frame = pandas.DataFrame(X, columns=["age", "income", "size", "price"])
    table = inference_table(fitted(frame, y), frame, y)
    assert list(table.index) == ["age", "income", "size", "price", "intercept"]
    assert table.index.name == "feature"


@pytest.mark.parametrize("n_classes", [2, 3])
def test_without_pandas_a_structured_array(n_classes, monkeypatch):
    needs_scikit_learn("1.7", "scikit-learn itself stumbles over a hidden pandas")
    X, y = problem(n_samples=200, n_classes=n_classes)
    y = np.array(["a", "b", "c"])[y]
    model = fitted(X, y)
    frame = inference_table(model, X, y).reset_index()
    monkeypatch.setitem(sys.modules, "pandas", None)
    table = inference_table(model, X, y)
    assert isinstance(table, np.ndarray)
    assert list(table.dtype.names) == list(frame.columns)
    for name in table.dtype.names:
        assert_array_equal(table[name], frame[name])


@pytest.mark.parametrize("n_classes", [2, 4])
def test_with_a_penalty_the_covariance_of_the_posterior(n_classes):
    X, y = problem(n_samples=100, n_classes=n_classes)
    model = fitted(X, y, C=0.3)
    F = objective(X, y, C=0.3)
    w = np.vstack([model.coef_.T, model.intercept_]).reshape(F.shape)
    n_coefficients = w.size // F.n_scores
    H = F.hessian(w).reshape(w.size, w.size)
    # All classes' coefficients have a joint normal posterior; contrasts are sums of them. The
    # one flat direction, the same for all intercepts, is orthogonal to the contrasts.
    difference = np.eye(1)
    if n_classes > 2:
        difference = np.hstack([-np.ones((n_classes - 1, 1)), np.eye(n_classes - 1)])
    contrast = np.kron(difference, np.eye(n_coefficients))
    covariance = contrast @ np.linalg.pinv(H, rcond=1e-10, hermitian=True) @ contrast.T
    table = inference_table(model, X, y, penalized=True)
    assert_allclose(table["std_err"], np.sqrt(covariance.diagonal()), rtol=1e-9)
    assert_allclose(table["coef"], contrast @ w.T.ravel(), rtol=1e-12, atol=1e-12)


def test_the_same_added_to_all_classes_changes_nothing():
    X, y = problem(n_samples=200, n_classes=3)
    model = fitted(X, y, C=0.3)
    expected = inference_table(model, X, y, penalized=True)
    model.coef_ += 2.0
    model.intercept_ -= 1.0
    assert_allclose(inference_table(model, X, y, penalized=True), expected, rtol=1e-6)


def test_without_a_penalty_penalized_changes_nothing():
    X, y = problem()
    model = fitted(X, y)
    penalized = inference_table(model, X, y, penalized=True)
    assert_array_equal(penalized, inference_table(model, X, y))


def test_coefficients_in_single_precision_and_sparse():
    X, y = problem(n_samples=300)
    X[:, 0] += 300  # like a year: single precision would not do for the Hessian
    X = X.astype(np.float32)
    model = fitted(X, y)
    expected = inference_table(fitted(X.astype(np.float64), y), X.astype(np.float64), y)
    table = inference_table(model.sparsify(), X, y)
    assert_allclose((table["coef"] - expected["coef"]) / expected["std_err"], 0, atol=0.01)
    assert_allclose(table["std_err"], expected["std_err"], rtol=0.002)


# Pipelines and names


def test_a_pipeline_names_the_features_as_its_steps_do():
    X, y = fair()
    frame = X.assign(occupation=X["occupation"].astype(int).astype(str))
    steps = make_column_transformer(
        (StandardScaler(), ["age", "yrs_married"]),
        (OneHotEncoder(drop="first", sparse_output=False), ["occupation"]),
    )
    pipeline = make_pipeline(steps, GDLogisticRegression(C=np.inf, tol=1e-15)).fit(frame, y)
    table = inference_table(pipeline, frame, y)
    assert list(table.index) == [
        "standardscaler__age",
        "standardscaler__yrs_married",
        *(f"onehotencoder__occupation_{k}" for k in range(2, 7)),
        "intercept",
    ]
    design = with_constant(pipeline[0].transform(frame))
    assert_same_as_statsmodels(table, maximised(sm.Logit(np.asarray(y), design)))


def test_names_of_features():
    X, y = problem()
    scaled = make_pipeline(StandardScaler(), GDLogisticRegression(C=np.inf)).fit(X, y)
    assert list(inference_table(scaled, X, y).index[:2]) == ["x0", "x1"]
    nameless = make_pipeline(
        StandardScaler(), FunctionTransformer(), GDLogisticRegression(C=np.inf)
    ).fit(X, y)
    assert list(inference_table(nameless, X, y).index[:2]) == ["x0", "x1"]
    alone = make_pipeline(GDLogisticRegression(C=np.inf)).fit(X, y)
    for model in (scaled, alone, alone[-1]):
        table = inference_table(model, X, y, feature_names=["a", "b", "c", "d"])
        assert list(table.index) == ["a", "b", "c", "d", "intercept"]
    with pytest.raises(ValueError, match="3 feature_names for the 4 features"):
        inference_table(scaled, X, y, feature_names=["a", "b", "c"])


# Robust standard errors


@every_data
def test_robust_errors_as_logit(data):
    X, y = data()
    model = sm.Logit(np.asarray(y), with_constant(X))
    result = model.fit(disp=0, method="newton", tol=1e-13, cov_type="HC0")
    table = inference_table(fitted(X, y), X, y, cov_type="HC0")
    assert_same_as_statsmodels(table, result)
    # statsmodels corrects HC1 for linear models only.
    corrected = inference_table(fitted(X, y), X, y, cov_type="HC1")
    factor = np.sqrt(len(y) / (len(y) - len(table)))
    assert_allclose(corrected["std_err"], factor * result.bse, rtol=1e-6)


@every_data
def test_clusters_as_logit(data):
    X, y = data()
    groups = np.random.default_rng(0).integers(0, 12, len(y))
    model = sm.Logit(np.asarray(y), with_constant(X))
    result = model.fit(
        disp=0, method="newton", tol=1e-13, cov_type="cluster", cov_kwds={"groups": groups}
    )
    names = np.array([f"group {k}" for k in range(12)])[groups]
    table = inference_table(fitted(X, y), X, y, cov_type="cluster", groups=names)
    assert_same_as_statsmodels(table, result)


@pytest.mark.usefixtures("small_blocks")
@every_layout
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("cov_type", ["HC0", "HC1", "cluster"])
def test_the_sandwich_is_its_formula(layout, fit_intercept, n_classes, cov_type):
    X, y = problem(n_samples=300, n_classes=n_classes, density=0.6)
    model = fitted(layout(X), y, fit_intercept=fit_intercept)
    groups = np.arange(300) // 7
    of_clusters = {"groups": groups} if cov_type == "cluster" else {}
    table = inference_table(model, layout(X), y, cov_type=cov_type, **of_clusters)
    A = with_constant(X) if fit_intercept else X
    Y_hat = model.predict_proba(X)
    # In contrasts to the first class, class after class.
    G = np.hstack([(Y_hat[:, [k]] - (y == k)[:, None]) * A for k in range(1, n_classes)])
    d = np.einsum("ij,jk->ijk", Y_hat, np.eye(n_classes)) - Y_hat[:, :, None] * Y_hat[:, None]
    H = np.einsum("ia,ijk,ib->jakb", A, d[:, 1:, 1:], A).reshape([G.shape[1]] * 2)
    factor, (n, k) = 1.0, G.shape
    if cov_type == "cluster":
        G = np.array([G[groups == g].sum(axis=0) for g in np.unique(groups)])
        factor = len(G) / (len(G) - 1) * (n - 1) / (n - k)
    elif cov_type == "HC1":
        factor = n / (n - k)
    covariance = factor * np.linalg.inv(H) @ G.T @ G @ np.linalg.inv(H)
    assert_allclose(table["std_err"], np.sqrt(covariance.diagonal()), rtol=1e-7)


def test_robust_errors_count_weights_as_samples():
    X, y = problem(n_samples=200)
    s = np.random.default_rng(0).integers(0, 4, size=len(y))
    X_all, y_all = np.repeat(X, s, axis=0), np.repeat(y, s)
    groups = np.random.default_rng(1).integers(0, 10, len(y))
    model, repeated = fitted(X, y, s), fitted(X_all, y_all)
    for params, more in (
        ({"cov_type": "HC1"}, {}),
        ({"cov_type": "cluster", "groups": groups}, {"groups": np.repeat(groups, s)}),
    ):
        table = inference_table(model, X, y, s, **params)
        expected = inference_table(repeated, X_all, y_all, **{**params, **more})
        assert_allclose(table["std_err"], expected["std_err"], rtol=1e-9)


def test_each_sample_its_own_cluster_is_hc1_nearly():
    X, y = problem(n_samples=200)
    model = fitted(X, y)
    hc0 = inference_table(model, X, y, cov_type="HC0")["std_err"]
    own = inference_table(model, X, y, cov_type="cluster", groups=np.arange(200))["std_err"]
    assert_allclose(own, hc0 * np.sqrt(200 / 195), rtol=1e-12)


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"cov_type": "HC7"}, "cov_type must be one of"),
        ({"cov_type": "cluster"}, "groups, the cluster of each"),
        ({"groups": np.zeros(80)}, "groups, the cluster of each"),
        ({"cov_type": "cluster", "groups": np.zeros(80)}, "one cluster only"),
        ({"cov_type": "cluster", "groups": np.arange(79)}, r"\[80, 79\] in X and groups"),
        ({"cov_type": "cluster", "groups": np.full(80, np.nan)}, "groups has a missing label"),
    ],
)
def test_covariances_that_are_refused(params, match):
    X, y = problem()
    with pytest.raises(ValueError, match=match):
        inference_table(fitted(X, y), X, y, **params)


def test_no_sandwich_with_a_penalty():
    X, y = problem()
    with pytest.raises(ValueError, match="'HC0' is for fits without a penalty"):
        inference_table(fitted(X, y, C=1.0), X, y, penalized=True, cov_type="HC0")


# Soft labels


@pytest.mark.parametrize("n_classes", [2, 3])
def test_soft_labels_count_like_weighted_rows(n_classes):
    X, _ = problem(n_samples=100)
    Y = probabilities(100, n_classes)
    table = inference_table(fitted(X, Y), X, Y)
    rows, labels = np.nonzero(Y)
    s = Y[rows, labels]
    expected = inference_table(fitted(X[rows], labels, s), X[rows], labels, s)
    assert_allclose(table, expected, rtol=1e-6, atol=1e-9)


def test_fractions_as_binomial_responses():
    X, _ = problem(n_samples=100)
    Y = probabilities(100, 2)
    result = sm.GLM(Y[:, 1], with_constant(X), family=sm.families.Binomial()).fit(tol=1e-14)
    assert_same_as_statsmodels(inference_table(fitted(X, Y), X, Y), result)


# Refusals


def test_of_another_kind_or_not_fitted():
    X, y = problem()
    with pytest.raises(NotFittedError, match="GDLogisticRegression"):
        inference_table(GDLogisticRegression(), X, y)
    with pytest.raises(NotFittedError):
        inference_table(make_pipeline(StandardScaler(), GDLogisticRegression()), X, y)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    with pytest.raises(TypeError, match="got LogisticRegression"):
        inference_table(pipeline, X, y)
    with pytest.raises(TypeError, match=r"got GridSearchCV.*best_estimator_"):
        inference_table(GridSearchCV(GDLogisticRegression(), {}), X, y)


@pytest.mark.parametrize("level", [0, 1, 95, -0.1, np.nan])
def test_level_that_is_no_probability(level):
    X, y = problem()
    with pytest.raises(ValueError, match=r"level must be between 0 and 1.*0\.95"):
        inference_table(fitted(X, y), X, y, level=level)


def test_penalty():
    X, y = problem()
    with pytest.raises(ValueError, match=r"penalty of C=2\.0.*C=np\.inf.*penalized=True"):
        inference_table(fitted(X, y, C=2.0), X, y)


def test_an_l1_penalty_is_no_normal_prior():
    X, y = problem()
    with pytest.raises(ValueError, match=r"l1_ratio=0\.5 is no normal prior.*l1_ratio=0"):
        inference_table(fitted(X, y, C=1.0, l1_ratio=0.5, tol=1e-8), X, y, penalized=True)


@pytest.mark.parametrize("parameters", [{"max_iter": 1}, {"tol": 0.0, "max_iter": 5}])
def test_not_converged(parameters):
    X, y = problem()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = fitted(X, y, **parameters)
    with pytest.raises(ValueError, match=r"did not converge.*'max_iter'.*larger max_iter"):
        inference_table(model, X, y)


def test_separated():
    X, y = problem()
    X[:, 1] = y
    with pytest.warns(SeparationWarning):
        model = fitted(X, y)
    with pytest.raises(ValueError, match=r"Some samples are separated.*finite C.*penalized=True"):
        inference_table(model, X, y)


@pytest.mark.parametrize("tol", [1e-8, 1e-12, 1e-15])
@pytest.mark.parametrize(
    "data", [separated_by_one_feature, separated_by_two_features_together, separated_class]
)
def test_some_samples_separated(data, tol):
    X, y, named = data()
    with pytest.warns(SeparationWarning):
        model = fitted(X, y, tol=tol)
    with pytest.raises(ValueError, match="finite C"):
        inference_table(model, X, y)
    model.stop_reason_, model.converged_ = "tol", True  # the table checks the data, too
    with pytest.raises(ValueError, match=rf"Some samples are separated perfectly, by {named}:"):
        inference_table(model, X, y)
    shrunk = fitted(X, y, C=10.0)
    assert np.isfinite(inference_table(shrunk, X, y, penalized=True)).all(axis=None)


def equal_columns(X):
    X[:, 2] = -3 * X[:, 0]
    return "x2"


def dependent_columns(X):
    X[:, 1] = 0.1 * X[:, 0] + 1e3 * X[:, 3] - 7
    return "x3"


def constant_column(X):
    X[:, 1] = 3.0
    return "x1"


def zero_column(X):
    X[:, 3] = 0
    return "x3"


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("make", [equal_columns, dependent_columns, constant_column, zero_column])
def test_collinear_columns_are_named(make, n_classes):
    X, y = problem(n_samples=300, n_classes=n_classes)
    named = make(X)
    with pytest.warns(CollinearityWarning, match=f"Leave out {named}:"):
        model = fitted(X, y)
    with pytest.raises(ValueError, match=rf"singular: columns are collinear.*Leave out {named},"):
        inference_table(model, X, y)
    table = inference_table(fitted(X, y, C=1.0), X, y, penalized=True)
    assert np.isfinite(table).all(axis=None)


@pytest.mark.parametrize("layout", [np.asarray, scipy.sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("make", [equal_columns, dependent_columns, constant_column, zero_column])
def test_collinear_columns_are_left_out_on_request(make, n_classes, layout):
    X, y = problem(n_samples=300, n_classes=n_classes)
    named = make(X)
    with pytest.warns(CollinearityWarning):
        model = fitted(layout(X), y)
    table = inference_table(model, layout(X), y, drop_collinear=True)
    others = [j for j in range(4) if f"x{j}" != named]
    expected = inference_table(fitted(X[:, others], y), X[:, others], y)
    left_out = table.index.get_level_values("feature") == named
    assert np.isnan(table[left_out]).all(axis=None)
    assert left_out.sum() == n_classes - 1
    assert_allclose(table[~left_out], expected, rtol=1e-5, atol=1e-8)
    robust = inference_table(model, layout(X), y, drop_collinear=True, cov_type="HC0")
    assert_array_equal(np.isnan(robust["std_err"]), left_out)


def test_without_collinear_columns_none_are_left_out():
    X, y = problem()
    model = fitted(X, y)
    expected = inference_table(model, X, y)
    assert_array_equal(inference_table(model, X, y, drop_collinear=True), expected)


def test_nearly_collinear_columns_are_not_refused():
    X, y = problem(n_samples=300)
    X[:, 1] = X[:, 0] + 1e-4 * X[:, 1]
    result = maximised(sm.Logit(y, with_constant(X)))
    assert_allclose(inference_table(fitted(X, y), X, y)["std_err"], result.bse, rtol=1e-5)


def other_samples(X, y, s):
    return X + 0.1, y, s


def other_labels(X, y, s):
    return X, 1 - y, s


def other_weights(X, y, s):
    return X, y, None


@pytest.mark.parametrize("change", [other_samples, other_labels, other_weights])
def test_other_data_than_those_of_the_fit(change):
    X, y = problem(n_samples=200)
    s = np.random.default_rng(0).exponential(size=len(y))
    model = fitted(X, y, s)
    with pytest.raises(ValueError, match=r"standard errors from the optimum.*fitted on"):
        inference_table(model, *change(X, y, s))


def test_distance_from_the_optimum_is_in_standard_errors():
    X, y = problem(n_samples=200, n_features=1)
    model = fitted(X, y, fit_intercept=False)
    std_err = inference_table(model, X, y)["std_err"].iloc[0]
    model.coef_ += 0.009 * std_err
    assert_allclose(inference_table(model, X, y)["std_err"], std_err, rtol=1e-2)
    model.coef_ += 0.003 * std_err
    with pytest.raises(ValueError, match=r"are 0\.012 standard errors from the optimum"):
        inference_table(model, X, y)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_too_loose_a_fit(n_classes):
    X, y = problem(n_samples=2000, n_classes=n_classes)
    loose = fitted(X, y, solver="gd", tol=0.01)
    with pytest.raises(ValueError, match=r"from the optimum.*tol=1e-12"):
        inference_table(loose, X, y)


def test_parameters_changed_since_the_fit():
    X, y = problem(n_samples=200)
    model = fitted(X, y).set_params(fit_intercept=False)
    with pytest.raises(ValueError, match="from the optimum"):
        inference_table(model, X, y)


def test_data_of_another_shape_or_with_other_labels():
    X, y = problem()
    model = fitted(X, y)
    with pytest.raises(ValueError, match="X has 3 features, but GDLogisticRegression is expecting"):
        inference_table(model, X[:, :3], y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        inference_table(model, X, y[:-1])
    with pytest.raises(ValueError, match="contains NaN"):
        inference_table(model, np.where(X > 1, np.nan, X), y)
    with pytest.raises(ValueError, match=r"classes \[1 2\].*fitted on \[0 1\]"):
        inference_table(model, X, y + 1)
    with pytest.raises(ValueError, match="negative"):
        inference_table(model, X, y, -np.ones(len(y)))
