from benchopt import BaseDataset
from sklearn.datasets import load_digits


class Dataset(BaseDataset):
    """1,797 images of 8 x 8 pixels, 10 classes."""

    name = "digits"
    requirements = ["scikit-learn"]

    def get_data(self):
        X, y = load_digits(return_X_y=True)
        return {"X": X, "y": y}
