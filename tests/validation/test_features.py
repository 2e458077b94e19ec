"""Features and labels that are refused; most of it is tested through ``fit``."""

from __future__ import annotations

import datetime
import re

import numpy as np
import pytest
import scipy.sparse
import sklearn.compose
import sklearn.preprocessing
from numpy.testing import assert_array_equal
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

from bce_logistic import GDLogisticRegression

from ..common import needs_scikit_learn, problem

pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")


# Messages, and the remedies in them, which are taken from the message and carried out.


def refused(X, y, error=ValueError, match=None):
    """The message with which a fit is refused."""
    with pytest.raises(error, match=match) as caught:
        GDLogisticRegression().fit(X, y)
    return str(caught.value)


def carried_out(message, **variables):
    """What remains after the remedy for missing labels."""
    pattern = r"with labels = (.*) and known = (.*), fit\((.*), (labels.*)\)\.$"
    labels, known, *remaining = re.search(pattern, message).groups()
    names = {"np": np, "pandas": pandas, **variables}
    names["labels"] = eval(labels, names)
    names["known"] = eval(known, names)
    return [eval(expression, names) for expression in remaining]


def days_of(message, X):
    """Days, by the remedy for dates and durations."""
    days, c = re.search(r"example: (.*), where c = (.*)\.$", message).groups()
    names = {"np": np, "X": X}
    names["c"] = eval(c, names)
    return eval(days, names)


MISSING_LABELS = {
    "None in a list": lambda: [0, None, 1],
    "None among text": lambda: ["b", None, "a"],
    "NaN in a list": lambda: [0.0, np.nan, 1.0],
    "NaN": lambda: np.array([0.0, np.nan, 1.0]),
    "NaT": lambda: np.array(["2020", "NaT", "2021"], dtype="datetime64[D]"),
    "a duration": lambda: np.array([1, "NaT", 2], dtype="timedelta64[D]"),
    "objects": lambda: np.array(["b", None, "a"], dtype=object),
    "a column": lambda: np.array([["b"], [None], ["a"]], dtype=object),
    "NA": lambda: ["b", pandas.NA, "a"],
    "nullable integers": lambda: pandas.Series([0, None, 1], dtype="Int64"),
    "an extension array": lambda: pandas.array([0, None, 1], dtype="Int64"),
    "nullable booleans": lambda: pandas.Series([True, None, False], dtype="boolean"),
    "categories": lambda: pandas.Series(["b", None, "a"], dtype="category"),
    "numbered categories": lambda: pandas.Series([1, None, 0], dtype="category"),
    "strings": lambda: pandas.Series(["b", None, "a"], dtype="string"),
    "pandas text": lambda: pandas.Series(["b", None, "a"]),
    "polars": lambda: polars.Series([0, None, 1]),
    "polars text": lambda: polars.Series(["b", None, "a"]),
}


@pytest.mark.parametrize("labels", MISSING_LABELS.values(), ids=MISSING_LABELS)
def test_a_missing_label(labels):
    X, y = np.array([[0.0], [1.0], [2.0]]), labels()
    message = refused(X, y, match="y has a missing label.* at position 1: ")
    X_known, y_known = carried_out(message, X=X, y=y)
    assert_array_equal(X_known, X[[0, 2]])
    model = GDLogisticRegression().fit(X_known, y_known)
    assert len(model.classes_) == 2
    given = np.ravel(np.array(y, dtype=getattr(y_known, "dtype", object)))[[0, 2]]
    assert_array_equal(y_known, given)


def test_a_masked_label():
    X, y = problem()
    y = np.ma.masked_array(y, mask=np.arange(len(y)) == 3)
    message = refused(X, y, match="masked")
    known = re.search(r"known = (.*)\.$", message).group(1)
    known = eval(known, {"np": np, "y": y})
    assert "fit(X[known], y[known])" in message
    assert_array_equal(np.flatnonzero(~known), [3])
    GDLogisticRegression().fit(X[known], y[known])


X, Y = problem(20, n_features=2)
DAYS = np.datetime64("2024-02-01") + np.arange(20)
DATES = {
    "an array": lambda: (DAYS[:, None], "X"),
    "pandas": lambda: (pandas.DataFrame({"d": DAYS}), "X['d']"),
    "pandas, mixed": lambda: (pandas.DataFrame({"a": Y, "d": DAYS}), "X['d']"),
    "pandas, a zone": lambda: (
        pandas.DataFrame({"d": pandas.Series(DAYS).dt.tz_localize("UTC")}),
        "X['d']",
    ),
    "pandas, objects": lambda: (
        pandas.DataFrame({"a": Y, "d": np.array(DAYS.tolist(), dtype=object)}),
        "X['d']",
    ),
    "polars": lambda: (polars.DataFrame({"d": DAYS}), "X['d']"),
    "polars, mixed": lambda: (polars.DataFrame({"a": Y, "d": DAYS.tolist()}), "X['d']"),
    "polars, times": lambda: (
        polars.DataFrame({"a": Y, "d": DAYS.astype("datetime64[us]").tolist()}),
        "X['d']",
    ),
    "objects": lambda: (np.array([[1.0, day] for day in DAYS.tolist()], dtype=object), "X[:, 1]"),
    "lists": lambda: ([[1.0, day] for day in DAYS.tolist()], "X[:, 1]"),
}


@pytest.mark.parametrize("dates", DATES.values(), ids=DATES)
def test_dates(dates):
    features, where = dates()
    message = refused(features, Y, match=f"^{re.escape(where)} holds dates")
    features = np.array(features, dtype=object) if isinstance(features, list) else features
    days = days_of(message, features)
    assert_array_equal(np.ravel(days), np.arange(20.0))
    GDLogisticRegression().fit(np.reshape(days, (-1, 1)), Y)


@pytest.mark.parametrize("library", [pandas, polars], ids=["pandas", "polars"])
def test_durations_and_times_of_the_day(library):
    times = DAYS - DAYS[0]
    features = library.DataFrame({"a": Y, "d": times.astype("timedelta64[us]")})
    message = refused(features, Y, match=r"^X\['d'\] holds durations")
    days = days_of(message, features)
    assert_array_equal(days, np.arange(20.0))
    features = library.DataFrame({"a": Y, "t": [datetime.time(h, 30) for h in range(20)]})
    message = refused(features, Y, match=r"^X\['t'\] holds times of the day, not numbers")
    hours = eval(re.search(r"example: (.*)\.$", message).group(1), {"X": features})
    assert_array_equal(hours, np.arange(20) + 0.5)


CITIES = [f"city{k % 3}" for k in range(20)]
TEXT = {
    "pandas": lambda: (pandas.DataFrame({"a": X[:, 0], "city": CITIES}), "X['city']"),
    "pandas, categories": lambda: (
        pandas.DataFrame({"a": X[:, 0], "city": pandas.Categorical(CITIES)}),
        "X['city']",
    ),
    "pandas, a missing one": lambda: (
        pandas.DataFrame({"a": X[:, 0], "city": pandas.Categorical([*CITIES[1:], None])}),
        "X['city']",
    ),
    "pandas, a number as a name": lambda: (pandas.DataFrame({0: X[:, 0], 7: CITIES}), "X[7]"),
    "polars": lambda: (polars.DataFrame({"a": X[:, 0], "city": CITIES}), "X['city']"),
    "objects": lambda: (np.column_stack([X[:, 0].astype(object), CITIES]), "X[:, 1]"),
    "lists": lambda: (list(map(list, zip(X[:, 0], CITIES, strict=True))), "X[:, 1]"),
}


@pytest.mark.parametrize("text", TEXT.values(), ids=TEXT)
def test_text(text):
    features, where = text()
    message = refused(features, Y, match=f"^{re.escape(where)} holds text, for example 'city")
    remedy = re.search(r"(sklearn\.compose\.make_column_transformer\(.*\));", message).group(1)
    if isinstance(features, polars.DataFrame):
        # Seen with 1.6, not with 1.9.
        needs_scikit_learn("1.9", "a ColumnTransformer may stumble over columns of polars")
    encoder = eval(remedy, {"sklearn": sklearn})
    features = np.array(features, dtype=object) if isinstance(features, list) else features
    model = make_pipeline(encoder, GDLogisticRegression()).fit(features, Y)
    assert model[-1].coef_.shape[1] >= 4


def test_text_of_numbers():
    message = refused(X.astype(str), Y, match="X holds text")
    numbers = eval(re.search(r"with (X\.astype\(float\));", message).group(1), {"X": X.astype(str)})
    GDLogisticRegression().fit(numbers, Y)


def test_records():
    records = np.array([tuple(row) for row in X.tolist()], dtype=[("a", float), ("b", float)])
    message = refused(records, Y, match="records")
    import numpy.lib.recfunctions  # noqa: F401

    remedy = re.search(r"with (numpy.*)\.$", message).group(1)
    assert_array_equal(eval(remedy, {"numpy": np, "X": records}), X)


MISSING = {
    "a frame": lambda: pandas.DataFrame({"a": X[:, 0], "n": np.array([1, pandas.NA] * 10, object)}),
    "nullable text": lambda: pandas.DataFrame(
        {"a": X[:, 0], "n": pandas.array(["1", None] * 10, dtype="string")}
    ),
    "objects": lambda: np.array([[1.0, 1.0], [1.0, pandas.NA]] * 10, dtype=object),
}


@pytest.mark.parametrize("missing", MISSING.values(), ids=MISSING)
def test_a_missing_feature(missing):
    features = missing()
    message = refused(features, Y, match=r"^X\[.*\] has a missing value, <NA>, in row 1")
    remedy = re.search(r"with (np\.where.*), and impute", message).group(1)
    numbers = eval(remedy, {"np": np, "pandas": pandas, "X": features})
    assert_array_equal(np.isnan(numbers), [False, True] * 10)
    model = make_pipeline(SimpleImputer(), GDLogisticRegression())
    model.fit(np.column_stack([X[:, 0], numbers]), Y)


NULLABLE = {
    "integers": lambda: pandas.array([1, None] * 10, dtype="Int64"),
    "booleans": lambda: pandas.array([True, None] * 10, dtype="boolean"),
    "numbered categories": lambda: pandas.Categorical([1, None] * 10),
    "None among numbers": lambda: np.array([1, None] * 10, dtype=object),
}


@pytest.mark.parametrize("column", NULLABLE.values(), ids=NULLABLE)
@pytest.mark.parametrize("method", ["fit", "predict"])
def test_a_nullable_feature(column, method):
    features = pandas.DataFrame({"a": X[:, 0], "n": column()})
    whole = features.assign(n=1.0)
    model = GDLogisticRegression().fit(whole, Y)
    call = {"fit": lambda: model.fit(features, Y), "predict": lambda: model.predict(features)}
    with pytest.raises(ValueError, match=r"NaN(.|\n)*The first is X\[1, 1\], in the column 'n'"):
        call[method]()
    make_pipeline(SimpleImputer(), GDLogisticRegression()).fit(features, Y)


def test_where_a_feature_is_not_finite():
    dense = np.zeros((5000, 3))
    dense[4500, 2], dense[4600, 0] = np.inf, np.nan
    y = np.arange(5000) % 2
    for features in (dense, scipy.sparse.csr_array(dense), scipy.sparse.csc_array(dense)):
        refused(features, y, match=r"The first is X\[4500, 2\]\.")


def test_masked_integers():
    features = np.ma.masked_array(np.arange(40).reshape(20, 2), mask=np.eye(20, 2) == 1)
    message = refused(features, Y, match="masked")
    numbers = eval(re.search(r"which (X.*) gives", message).group(1), {"np": np, "X": features})
    make_pipeline(SimpleImputer(), GDLogisticRegression()).fit(numbers, Y)


def test_no_number_at_all():
    features = np.array([[1.0, {}]] * 20, dtype=object)
    refused(features, Y, TypeError, r"X\[:, 1\] holds no number in row 0.*argument must be")


def test_numbers_are_not_searched_for_text(monkeypatch):
    """An error about something else costs no copy of the features."""
    model = GDLogisticRegression().fit(X, Y)
    monkeypatch.setattr("bce_logistic.validation.numeric._first_non_number", None)
    for features in (X[:, :1], pandas.DataFrame(X[:, :1])):
        with pytest.raises(ValueError, match="1 features, but"):
            model.predict(features)
