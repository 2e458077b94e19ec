"""What the driver runs: data sets and solvers by the names that benchopt knows them by."""

from dataclasses import dataclass

OURS = "bce_logistic"
OUT_OF_THE_BOX = "bce_logistic-out-of-the-box"
ONE_READ = "one-read-of-X"

QUICK_SOLVERS = (
    ONE_READ,
    OURS,
    OUT_OF_THE_BOX,
    "scikit-learn[newton-cholesky]",
    "scikit-learn[newton-cg]",
    "scikit-learn[lbfgs]",
    "glum[irls-ls]",
    "intelex",
    "cyanure[qning-miso]",
    "cyanure[catalyst-miso]",
)
SLOW_SOLVERS = (
    "scikit-learn-liblinear-penalised-intercept",
    "snapml-penalised-intercept",
    "scikit-learn-stochastic[sag]",
    "scikit-learn-stochastic[saga]",
    "cyanure[qning-ista]",
    "glum[lbfgs]",
    "scikit-learn-sgd",
    "mlxtend",
    "bce_logistic-textbook[nesterov]",
    "bce_logistic-textbook[gd]",
)

FEW_DATASETS = (
    "breast-cancer",
    "digits",
    "rare-binaries",
    "badly-scaled",
    "gaussian[n_samples=100000,n_features=200,rho=0.9]",
    "flights-dense",
    "zipf-text",
)
MORE_DATASETS = (
    "iris",
    "wine",
    "separable",
    "gaussian[n_samples=1000000,n_features=30,rho=0.9]",
    "gaussian[n_samples=20000,n_features=2000,rho=0.5]",
    "gaussian[n_samples=20000,n_features=2000,rho=0.95]",
    "flights-one-hot",
)


@dataclass(frozen=True)
class Preset:
    """A selection of races, the promising solvers first, and how much time to spend on them.

    ``rounds`` are timed, after the one that scouts; a solver gets ``seconds`` for its sweep.
    """

    datasets: tuple[str, ...]
    solvers: tuple[str, ...]
    rounds: int
    seconds: float
    Cs: tuple[float, ...] = (1, 1000)


def is_ours(solver: str) -> bool:
    """Whether a solver is one of this project and not a peer."""
    return solver.startswith(OURS)


PRESETS = {
    "small": Preset(FEW_DATASETS, QUICK_SOLVERS, rounds=3, seconds=10.0),
    "full": Preset(
        FEW_DATASETS + MORE_DATASETS, QUICK_SOLVERS + SLOW_SOLVERS, rounds=5, seconds=30.0
    ),
}
