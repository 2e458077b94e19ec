"""The validation of parameters: of those that were set, and of a subclass's own."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils._param_validation import InvalidParameterError

from bce_logistic import GDLogisticRegression, GDLogisticRegressionCV

X, y = np.arange(8.0)[:, None], np.array([0, 0, 1, 0, 1, 0, 1, 1])


class Extended(GDLogisticRegression):
    """An estimator with a parameter of its own, without a constraint."""

    def __init__(self, *, C=1.0, verbatim=False):
        super().__init__(C=C)
        self.verbatim = verbatim


def test_a_parameter_of_a_subclass_needs_no_constraint():
    model = Extended(verbatim=True).fit(X, y)
    np.testing.assert_array_equal(model.coef_, GDLogisticRegression().fit(X, y).coef_)
    with pytest.raises(InvalidParameterError, match="The 'C' parameter of Extended must not be"):
        Extended(C=True).fit(X, y)
    with pytest.raises(InvalidParameterError, match="The 'C' parameter of Extended must be"):
        Extended(C=-1).fit(X, y)


@pytest.mark.parametrize("estimator", [GDLogisticRegression, GDLogisticRegressionCV])
def test_every_parameter_that_takes_no_bool_refuses_one(estimator):
    constraints = estimator._parameter_constraints
    numbers = [n for n, c in constraints.items() if not {"boolean", "verbose"} & set(map(str, c))]
    assert len(numbers) >= 9
    for name in numbers:
        with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter"):
            estimator(**{name: True}).fit(X, y)
