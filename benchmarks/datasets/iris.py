from benchopt import BaseDataset
from sklearn.datasets import load_iris


class Dataset(BaseDataset):
    """150 flowers, 4 measurements, 3 classes."""

    name = "iris"
    requirements = ["scikit-learn"]

    def get_data(self):
        X, y = load_iris(return_X_y=True)
        return {"X": X, "y": y}
