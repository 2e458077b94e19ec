"""The docstrings follow numpydoc, and say what the code says."""

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
# Not asked where the summary is all there is: a few words say what the arguments are.
IGNORED_WITHOUT_SECTIONS = {"PR01", "RT01", "YD01"}
SECTION = re.compile(r"^ *(Parameters|Returns|Yields|Raises)\n *-+$", re.MULTILINE)

OPTIONAL = {
    "array_api": importlib.util.find_spec("array_api_compat"),
    "dask": importlib.util.find_spec("dask"),
}
MODULES = sorted(
    f"bce_logistic.{module.name}"
    for module in pkgutil.iter_modules(bce_logistic.__path__)
    if OPTIONAL.get(module.name, True)
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
                # What a property or a class method is made of; scikit-learn adds functions too.
                value = getattr(value, "fget", getattr(value, "__func__", value))
                written_here = getattr(value, "__module__", None) == module_name
                if not member.startswith("_") and inspect.isfunction(value) and written_here:
                    yield f"{module_name}.{name}.{member}"


NAMES = [name for module in MODULES for name in public(module)]
PUBLIC = (
    r"GDLogisticRegression|LinearPredictions\.|Display|exceptions|\.inference_table|"
    r"\.check_separation|\.SeparationResult"
)
FACE = [name for name in NAMES if re.search(PUBLIC, name)]


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
        "CoefficientPathDisplay",
        "CollinearityWarning",
        "GDLogisticRegression",
        "LossCurveDisplay",
        "SeparationResult",
        "SeparationWarning",
        "check_separation",
        "inference_table",
    }
    exported = [getattr(bce_logistic, name) for name in bce_logistic.__all__]
    assert {f"{thing.__module__}.{thing.__qualname__}" for thing in exported} <= set(FACE)
    own = {
        f"{kind.__module__}.{kind.__qualname__}.{name}"
        for kind in GDLogisticRegression.__mro__
        if kind.__module__.startswith("bce_logistic")
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
