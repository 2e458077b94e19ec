from benchopt import BaseDataset
from sklearn.datasets import load_breast_cancer


class Dataset(BaseDataset):
    """569 samples of 30 raw measurements on very different scales, 2 classes."""

    name = "breast-cancer"
    requirements = ["scikit-learn"]

    def get_data(self):
        X, y = load_breast_cancer(return_X_y=True)
        return {"X": X, "y": y}
