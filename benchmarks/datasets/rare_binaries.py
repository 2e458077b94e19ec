from functools import cache

from benchmark_utils.fixed_dataset import FixedDataset
from benchmark_utils.generated import rare_binaries


class Dataset(FixedDataset):
    """200,000 x 100 zeros and ones; a column's frequency of ones is from 1e-4 to 0.1."""

    name = "rare-binaries"
    requirements = ["scipy"]
    load = staticmethod(cache(rare_binaries))
