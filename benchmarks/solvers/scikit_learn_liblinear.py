from sklearn.linear_model import LogisticRegression

from benchmark_utils.swept_solver import SweptSolver


class Solver(SweptSolver):
    """scikit-learn's liblinear, swept over ``tol``. It minimises another function than the rest.

    liblinear appends a constant column to the data and penalises its coefficient like any other.
    With the constant ``s`` (``intercept_scaling``) the penalty is ``intercept^2 / (2 C s^2)``:
    at 100 it is a ten-thousandth of what it is at 1, so the result is graded here with hardly any
    loss as long as the intercept is small. A larger constant hides the penalty better and makes
    the problem harder to solve.
    """

    name = "scikit-learn-liblinear-penalised-intercept"
    requirements = ["scikit-learn"]
    several_classes = False

    def build(self, setting):
        return LogisticRegression(
            C=self.C,
            solver="liblinear",
            intercept_scaling=100.0,
            tol=setting,
            max_iter=1000,
            random_state=0,
        )
