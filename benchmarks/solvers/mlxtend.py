import numpy as np
from mlxtend.classifier import LogisticRegression
from scipy.sparse.linalg import LinearOperator, eigsh

from benchmark_utils.iteration_solver import IterationSolver


class Solver(IterationSolver):
    """mlxtend's gradient descent, swept over the number of epochs.

    mlxtend has no rule for its step. It is given the best safe one, the inverse of the Lipschitz
    constant of the gradient, and the time to compute it is not counted.
    """

    name = "mlxtend"
    requirements = ["pip::mlxtend"]
    sparse_data = False
    several_classes = False

    def set_objective(self, X, y, C):
        super().set_objective(X, y, C)
        self.eta = 1.0 / (0.25 * 1.01 * squared_norm(X) + 1.0 / C)

    def build(self, setting):
        return LogisticRegression(
            eta=self.eta, epochs=setting, l2_lambda=1.0 / self.C, minibatches=1, random_seed=0
        )

    def get_result(self):
        return {
            "coef": self.model.w_.reshape(1, -1),
            "intercept": self.model.b_.reshape(1),
            "passes": np.nan,
        }


def squared_norm(X):
    """The squared spectral norm of X with a column of ones, to about one per cent."""

    def product(v):
        scores = X @ v[:-1] + v[-1]
        return np.append(X.T @ scores, scores.sum())

    size = X.shape[1] + 1
    operator = LinearOperator((size, size), matvec=product, dtype=np.float64)
    return eigsh(operator, k=1, tol=1e-3, v0=np.ones(size), return_eigenvectors=False)[0]
