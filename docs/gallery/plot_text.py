"""
Text: which package does a docstring come from?
===============================================

Sparse features, three classes: predict from the words of docstrings whether they are from NumPy,
SciPy or scikit-learn.
"""

# %%
# The corpus
# ----------
#
# The three packages are installed here, so their docstrings need no download. They are read from
# the source, without importing it. Words that reveal the answer are left out: the names of the
# packages and everything in the examples.

import ast
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import scipy
import sklearn
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from bce_logistic import GDLogisticRegression


def docstrings(package):
    """Docstrings of the classes and functions of a package, its tests left out."""
    for path in sorted(Path(package.__file__).parent.rglob("*.py")):
        if "tests" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                text = ast.get_docstring(node) or ""
                text, *_ = text.partition("Examples\n---")
                if len(text) > 200:
                    yield text


packages = (np, scipy, sklearn)
texts, labels = zip(
    *((text, package.__name__) for package in packages for text in docstrings(package)),
    strict=True,
)
texts, texts_test, y, y_test = train_test_split(
    texts, labels, test_size=0.3, stratify=labels, random_state=0
)
for name, count in zip(*np.unique(labels, return_counts=True), strict=True):
    print(f"{count:5} docstrings of {name}")

# %%
# The model
# ---------
#
# The vectoriser gives a sparse matrix with a column a word, and the classifier works on it as it
# is.

giveaways = [
    "np",
    "numpy",
    "scipy",
    "sklearn",
    "scikit",
    "learn",
    "sp",
    "array_api",
    "versionadded",
]
model = make_pipeline(
    TfidfVectorizer(sublinear_tf=True, min_df=3, stop_words=giveaways, token_pattern=r"[a-z_]{3,}"),
    GDLogisticRegression(C=10.0),
)
model.fit(texts, y)

vectorizer, classifier = model
X = vectorizer.transform(texts)
print(f"{X.shape[0]} x {X.shape[1]}, {X.nnz / np.prod(X.shape):.2%} of it not zero")
print(f"{classifier.n_iter_[0]} iterations, ended by {classifier.stop_reason_!r}")
print(f"{model.score(texts_test, y_test):.3f} of the test docstrings are classified correctly")

# %%
# The words with the largest effect
# ---------------------------------
#
# The words with the largest coefficients of each class.

words = vectorizer.get_feature_names_out()
figure, axes = plt.subplots(1, 3, figsize=(9, 4), sharex=True, layout="constrained")
for ax, name, coef in zip(axes, classifier.classes_, classifier.coef_, strict=True):
    top = np.argsort(coef)[-12:]
    ax.barh(words[top], coef[top])
    ax.set(title=name, xlabel="coefficient (nats)")
plt.show()

# %%
# New sentences
# -------------

for text in [
    "Fit the model to the training data and predict the labels of new samples.",
    "Return a view of the array with its axes in reverse order.",
    "Integrate an ordinary differential equation by a Runge-Kutta method.",
]:
    probabilities = zip(classifier.classes_, model.predict_proba([text])[0], strict=True)
    print(text, ", ".join(f"{name} {p:.2f}" for name, p in probabilities), sep="\n    ")
