from functools import partial

from sklearn.datasets import load_digits

from benchmark_utils.fixed_dataset import FixedDataset


class Dataset(FixedDataset):
    """1,797 images of 8 x 8 pixels, 10 classes."""

    name = "digits"
    requirements = ["scikit-learn"]
    load = staticmethod(partial(load_digits, return_X_y=True))
