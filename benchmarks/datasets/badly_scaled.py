from functools import cache

from benchmark_utils.fixed_dataset import FixedDataset
from benchmark_utils.generated import badly_scaled


class Dataset(FixedDataset):
    """100,000 x 50 columns on scales from 1e-3 to 1e3, every tenth one around 1e5."""

    name = "badly-scaled"
    requirements = ["scipy"]
    load = staticmethod(cache(badly_scaled))
