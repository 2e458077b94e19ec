"""The docstrings follow numpydoc and agree with the code."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import re

import numpy as np
import pytest

import bce_logistic
from bce_logistic import GDLogisticRegression

from .common import problem

validate = pytest.importorskip("numpydoc.validate").validate

# Not asked of any docstring, and why.
IGNORED = {
    "ES01": "a summary that says it all needs no extended one",
    "EX01": "the examples are in the class docstring and in the documentation",
    "SA01": "not everything has something to see",
    "SS05": "its list of verbs takes nouns for them: 'Scores', 'Points', 'Passes'",
    "RT02": "two results of one kind may share a line",
}
# Not asked of what nobody imports from the package, if its summary is all there is.
IGNORED_WITHOUT_SECTIONS = {"PR01", "RT01", "YD01"}
SECTION = re.compile(r"^ *(Parameters|Returns|Yields|Raises)\n *-+$", re.MULTILINE)

OPTIONAL = {
    "array_api": importlib.util.find_spec("array_api_compat"),
    "dask": importlib.util.find_spec("dask"),
}
# Without the folders: numpydoc cannot read a file that defines nothing.
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(bce_logistic.__path__, "bce_logistic.")
    if not module.ispkg and OPTIONAL.get(module.name.rpartition(".")[2], True)
)


def public(module_name):
    """Names of a module, its public classes and functions, and the methods written there."""
    module = importlib.import_module(module_name)
    yield module_name
    for name, thing in vars(module).items():
        if name.startswith("_") or getattr(thing, "__module__", None) != module_name:
            continue
        if inspect.isfunction(thing) or inspect.isclass(thing):
            yield f"{module_name}.{name}"
        if inspect.isclass(thing):
            for member, value in vars(thing).items():
                # The function behind a property or class method; scikit-learn adds functions, too.
                value = getattr(value, "fget", getattr(value, "__func__", value))
                written_here = getattr(value, "__module__", None) == module_name
                if not member.startswith("_") and inspect.isfunction(value) and written_here:
                    yield f"{module_name}.{name}.{member}"


NAMES = [name for module in MODULES for name in public(module)]
# Fully documented: what users import, and the classes that the estimator inherits methods from.
EXPORTED = [getattr(bce_logistic, name) for name in bce_logistic.__all__]
BASES = [
    base for base in GDLogisticRegression.__mro__ if base.__module__.startswith("bce_logistic")
]
OWNERS = {f"{thing.__module__}.{thing.__qualname__}" for thing in [*EXPORTED, *BASES]}
FACE = [name for name in NAMES if name in OWNERS or name.rpartition(".")[0] in OWNERS]


def errors(name):
    return {code: text for code, text in validate(name)["errors"] if code not in IGNORED}


@pytest.mark.parametrize("name", NAMES)
def test_docstring_follows_numpydoc(name):
    found = errors(name)
    strict = name in FACE
    documentation = validate(name)["docstring"]
    if not strict and not SECTION.search(documentation):
        found = {code: text for code, text in found.items() if code not in IGNORED_WITHOUT_SECTIONS}
    assert found == {}


def test_what_is_exported_is_documented_without_exceptions():
    assert set(bce_logistic.__all__) == {
        "CVScoresDisplay",
        "C_max",
        "CoefficientDisplay",
        "CollinearityWarning",
        "FitStatistics",
        "GDLogisticRegression",
        "GDLogisticRegressionCV",
        "LossCurveDisplay",
        "RegularizationPath",
        "RegularizationPathDisplay",
        "SeparationResult",
        "SeparationWarning",
        "check_separation",
        "fit_statistics",
        "inference_table",
        "regularization_path",
    }
    assert set(FACE) >= OWNERS
    own = {
        f"{kind.__module__}.{kind.__qualname__}.{name}"
        for kind in BASES
        for name, value in vars(kind).items()
        if callable(value) and not name.startswith(("_", "set_"))
    }
    assert own <= set(FACE)
    assert len(own) > 5


def documented(section):
    """Entries of a section of the class docstring: name and description of the type."""
    text = inspect.getdoc(GDLogisticRegression)
    body = re.search(rf"^{section}\n-+\n(.*?)(?:\n\n[A-Z][\w ]+\n-+\n|\Z)", text, re.M | re.S)
    return dict(re.findall(r"^(\w+) : (.+)$", body[1], re.MULTILINE))


def test_defaults_are_those_documented():
    stated = {}
    for name, kind in documented("Parameters").items():
        default = re.search(r"default=(.+)$", kind)[1]
        stated[name] = eval(default, {"np": np})
    assert stated == GDLogisticRegression().get_params()
    assert list(stated) == list(inspect.signature(GDLogisticRegression).parameters)


def test_every_documented_attribute_is_there_and_the_other_way_round():
    pandas = pytest.importorskip("pandas")
    X, y = problem()
    model = GDLogisticRegression(early_stopping=True).fit(
        pandas.DataFrame(X, columns=list("abcd")), y
    )
    names = {name for name in vars(model) if name.endswith("_") and not name.startswith("_")}
    assert set(documented("Attributes")) == names


def test_every_parameter_is_validated():
    constraints = GDLogisticRegression._parameter_constraints
    assert set(constraints) == set(GDLogisticRegression().get_params())
