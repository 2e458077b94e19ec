from functools import cache

from benchmark_utils.fixed_dataset import FixedDataset
from benchmark_utils.generated import separable


class Dataset(FixedDataset):
    """200 x 500 Gaussian: a hyperplane separates the classes."""

    name = "separable"
    requirements = ["scipy"]
    load = staticmethod(cache(separable))
