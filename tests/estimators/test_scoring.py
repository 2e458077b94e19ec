"""Native scores are scikit-learn's."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import get_scorer

from bce_logistic import GDLogisticRegression
from bce_logistic.estimators.scoring import MEANS, fold_model, roc_auc, takes_sample_weight

from ..common import needs_scikit_learn, problem, weights


def models(n_classes, scale, dtype):
    """Rows, labels, and models with scores of some size: the probabilities of large ones are 0."""
    X, y = problem(200, 3, n_classes=n_classes)
    X = np.round(X, 1).astype(dtype)  # ties
    rng = np.random.default_rng(1)
    w = scale * rng.normal(size=(5, 4, 1 if n_classes == 2 else n_classes)).astype(dtype)
    w[0] = 0  # all scores are equal
    z = np.einsum("ij,kjc->ikc", X.astype(np.float64), w[:, :-1]) + w[:, -1]
    return X, y, w, z[..., 0] if n_classes == 2 else z


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("scale", [1.0, 100.0])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("name", [*MEANS, "roc_auc"])
def test_native_scores(name, n_classes, scale, dtype, weighted):
    if n_classes == 3 and name == "roc_auc":
        pytest.skip("Two classes only.")
    if n_classes == 3 and name == "neg_brier_score":
        needs_scikit_learn("1.8", "the Brier score is for two classes")
    X, y, w, z = models(n_classes, scale, dtype)
    s = weights(200) if weighted else np.ones(200)
    if name == "roc_auc":
        scores = roc_auc(y, z, s)
    else:
        scores = s @ MEANS[name](np.dtype(dtype), y, z) / s.sum()
    scorer = get_scorer(name)
    with warnings.catch_warnings():
        # In single precision probabilities do not sum to one.
        warnings.simplefilter("ignore", UserWarning)
        expected = [
            scorer(
                fold_model(GDLogisticRegression(), (0.0, 1.0), one, np.arange(n_classes)),
                X,
                y,
                sample_weight=s,
            )
            for one in w
        ]
    exact = dtype == np.float64
    assert_allclose(scores, expected, rtol=1e-12 if exact else 1e-4, atol=0 if exact else 1e-6)


def test_the_area_of_one_class_is_not_defined():
    assert np.isnan(roc_auc(np.ones(3), np.zeros((3, 2)), np.ones(3))).all()


def test_a_model_without_intercept_predicts():
    template = GDLogisticRegression(fit_intercept=False)
    model = fold_model(template, (0.5, 3.0), np.array([[2.0], [-1.0]]), np.array(["a", "b"]))
    assert (template.C, model.C, model.l1_ratio) == (1.0, 3.0, 0.5)
    assert model.predict([[1.0, 0.0], [0.0, 1.0]]).tolist() == ["b", "a"]
    assert_allclose(model.decision_function([[1.0, 1.0]]), [1.0])


def test_which_scorers_take_weights():
    assert takes_sample_weight(get_scorer("f1"))
    assert takes_sample_weight(lambda estimator, X, y, sample_weight=None: 0)
    assert not takes_sample_weight(lambda estimator, X, y: 0)
