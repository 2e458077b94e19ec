from functools import cache

from benchmark_utils.fixed_dataset import FixedDataset
from benchmark_utils.generated import zipf_text


class Dataset(FixedDataset):
    """60,000 documents x 50,000 words, sparse, with word frequencies that follow a Zipf law."""

    name = "zipf-text"
    requirements = ["scipy"]
    load = staticmethod(cache(zipf_text))
