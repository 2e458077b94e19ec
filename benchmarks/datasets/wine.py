from benchopt import BaseDataset
from sklearn.datasets import load_wine


class Dataset(BaseDataset):
    """178 wines, 13 raw measurements, 3 classes."""

    name = "wine"
    requirements = ["scikit-learn"]

    def get_data(self):
        X, y = load_wine(return_X_y=True)
        return {"X": X, "y": y}
