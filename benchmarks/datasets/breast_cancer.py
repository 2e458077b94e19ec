from functools import partial

from sklearn.datasets import load_breast_cancer

from benchmark_utils.fixed_dataset import FixedDataset


class Dataset(FixedDataset):
    """569 samples of 30 raw measurements on very different scales, 2 classes."""

    name = "breast-cancer"
    requirements = ["scikit-learn"]
    load = staticmethod(partial(load_breast_cancer, return_X_y=True))
