from sklearn.linear_model import SGDClassifier

from benchmark_utils.iteration_solver import IterationSolver


class Solver(IterationSolver):
    """scikit-learn's averaged stochastic gradient descent, swept over the number of epochs."""

    name = "scikit-learn-sgd"
    requirements = ["scikit-learn"]
    several_classes = False

    def build(self, setting):
        return SGDClassifier(
            loss="log_loss",
            alpha=1.0 / (self.C * self.X.shape[0]),
            average=True,
            tol=None,
            max_iter=setting,
            random_state=0,
        )
