from functools import cache

from benchopt import BaseDataset

from benchmark_utils.generated import separable

load = cache(separable)


class Dataset(BaseDataset):
    """200 x 500 Gaussian: a hyperplane separates the classes."""

    name = "separable"
    requirements = ["scipy"]

    def get_data(self):
        X, y = load()
        return {"X": X, "y": y}
