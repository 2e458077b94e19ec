"""
Few words are enough: an L1 penalty on text
===========================================

Of tens of thousands of words most are irrelevant. An L1 penalty leaves their coefficients at
exactly zero, so that the model is a short list of words.
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

from bce_logistic import GDLogisticRegression, regularization_path


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
# Each word and each pair of words is a column. All three models have the same C, but the same C
# is not the same strength for every penalty.

giveaways = ["np", "numpy", "scipy", "sklearn", "scikit", "learn", "sp", "versionadded"]
vectorizer = TfidfVectorizer(
    sublinear_tf=True,
    ngram_range=(1, 2),
    min_df=2,
    stop_words=giveaways,
    token_pattern=r"[a-z_]{3,}",
)
X, X_test = vectorizer.fit_transform(texts), vectorizer.transform(texts_test)
models = {
    "L2": GDLogisticRegression(C=10.0, tol=1e-6),
    "elastic net": GDLogisticRegression(C=10.0, l1_ratio=0.5, tol=1e-6),
    "L1": GDLogisticRegression(C=10.0, l1_ratio=1.0, tol=1e-6),
}
for name, model in models.items():
    model.fit(X, y)
    used = (model.coef_ != 0).any(axis=0).sum()
    print(f"{name:12} {used:6} of {X.shape[1]} columns, accuracy {model.score(X_test, y_test):.3f}")

# %%
# The words
# ---------
#
# Those with the largest coefficients for NumPy:

model = models["L1"]
words = vectorizer.get_feature_names_out()
row = list(model.classes_).index("numpy")
order = np.argsort(-model.coef_[row])
print(", ".join(f"{words[j]} {model.coef_[row, j]:.1f}" for j in order[:15]))

# %%
# The more columns a model may use, the better it fits; here few of them are enough:

Cs = [0.1, 0.3, 1.0, 3.0, 10.0, 30.0]
path = regularization_path(X, y, Cs, estimator=GDLogisticRegression(tol=1e-4))
scores = [X_test @ w.T + b for w, b in zip(path.coefs, path.intercepts, strict=True)]
accuracy = [np.mean(path.classes[z.argmax(axis=1)] == y_test) for z in scores]
used = (path.coefs != 0).any(axis=1).sum(axis=1)

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ax.semilogx(used, accuracy, "o-")
ax.set(xlabel="columns with a coefficient that is not zero", ylabel="accuracy on test docstrings")
plt.show()

# %%
# ``sparsify`` stores only the coefficients that are not zero:

before = model.coef_.nbytes
sparse = model.sparsify().coef_
after = sparse.data.nbytes + sparse.indices.nbytes + sparse.indptr.nbytes
print(f"{before:,} bytes before, {after:,} after")
