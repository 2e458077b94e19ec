from cyanure.estimators import Classifier

from benchmark_utils.iteration_solver import IterationSolver


class Solver(IterationSolver):
    """Cyanure's accelerated incremental solvers, swept over the number of epochs."""

    name = "cyanure"
    requirements = ["pip::cyanure"]
    parameters = {"solver": ["qning-miso", "catalyst-miso", "qning-ista"]}
    parameter_template = "{solver}"

    def build(self, setting):
        return Classifier(
            loss="logistic" if self.n_scores == 1 else "multiclass-logistic",
            penalty="l2",
            lambda_1=1.0 / (self.C * self.X.shape[0]),
            solver=self.solver,
            tol=1e-12,
            max_iter=setting,
            random_state=0,
            verbose=False,
        )

    def coef(self):
        return self.model.coef_.T if self.n_scores > 1 else self.model.coef_
