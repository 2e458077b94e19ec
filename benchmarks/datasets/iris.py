from functools import partial

from sklearn.datasets import load_iris

from benchmark_utils.fixed_dataset import FixedDataset


class Dataset(FixedDataset):
    """150 flowers, 4 measurements, 3 classes."""

    name = "iris"
    requirements = ["scikit-learn"]
    load = staticmethod(partial(load_iris, return_X_y=True))
