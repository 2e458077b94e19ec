from functools import lru_cache

from benchopt import BaseDataset

from benchmark_utils.generated import ar1

load = lru_cache(maxsize=1)(ar1)


class Dataset(BaseDataset):
    """Gaussian columns in which neighbours correlate with ``rho``."""

    name = "gaussian"
    requirements = ["scipy"]
    parameters = {
        "n_samples, n_features, rho": [
            (1_000_000, 30, 0.9),
            (100_000, 200, 0.9),
            (20_000, 2_000, 0.5),
            (20_000, 2_000, 0.95),
        ]
    }
    parameter_template = "{n_samples:,} x {n_features:,}, rho {rho}"
    test_config = {"n_samples": 200, "n_features": 5, "rho": 0.9}

    def get_data(self):
        X, y = load(self.n_samples, self.n_features, self.rho)
        return {"X": X, "y": y}
