from functools import partial

from sklearn.datasets import load_wine

from benchmark_utils.fixed_dataset import FixedDataset


class Dataset(FixedDataset):
    """178 wines, 13 raw measurements, 3 classes."""

    name = "wine"
    requirements = ["scikit-learn"]
    load = staticmethod(partial(load_wine, return_X_y=True))
