from functools import cache

from benchopt import BaseDataset

from benchmark_utils.generated import rare_binaries

load = cache(rare_binaries)


class Dataset(BaseDataset):
    """200,000 x 100 zeros and ones; a column's frequency of ones is from 1e-4 to 0.1."""

    name = "rare-binaries"
    requirements = ["scipy"]

    def get_data(self):
        X, y = load()
        return {"X": X, "y": y}
