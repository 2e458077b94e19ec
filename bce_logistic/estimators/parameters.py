"""Validation of the parameters of an estimator."""

from __future__ import annotations

import functools
import inspect
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError, validate_parameter_constraints


class ValidatedParametersMixin:
    """Parameters that are validated at the start of a fit."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]]

    def _validate_params(self) -> None:
        """Raise InvalidParameterError for values out of range, and for a bool as a number.

        Only parameters that were set are looked at: all of them take a tenth of a small fit.
        """
        name, constraints = type(self).__name__, self._parameter_constraints
        values = {
            parameter: value
            for parameter, default in _defaults(type(self)).items()  # type: ignore[arg-type]
            if (value := getattr(self, parameter)) is not default
        }
        validate_parameter_constraints(constraints, values, caller_name=name)
        for parameter, value in values.items():
            is_constrained = parameter in constraints  # those of a subclass need not be
            is_bool = isinstance(value, (bool, np.bool_))
            if is_constrained and is_bool and not _takes_bool(constraints[parameter]):
                raise InvalidParameterError(
                    f"The {parameter!r} parameter of {name} must not be a bool. Got {value!r} "
                    "instead of a number."
                )


@functools.cache
def _defaults(cls: type) -> dict[str, Any]:
    """Parameters of an estimator's class and their defaults."""
    signature = inspect.signature(cls.__init__)  # type: ignore[misc]
    return {
        name: parameter.default
        for name, parameter in signature.parameters.items()
        if name != "self" and parameter.kind != parameter.VAR_KEYWORD
    }


def _takes_bool(constraints: list[Any]) -> bool:
    """Whether a bool is one of the values that a parameter may have."""
    return any(constraint in ("boolean", "verbose") for constraint in constraints)
