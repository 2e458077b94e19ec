from functools import cache

from benchopt import BaseDataset

from benchmark_utils.generated import zipf_text

load = cache(zipf_text)


class Dataset(BaseDataset):
    """60,000 documents x 50,000 words, sparse, with word frequencies that follow a Zipf law."""

    name = "zipf-text"
    requirements = ["scipy"]

    def get_data(self):
        X, y = load()
        return {"X": X, "y": y}
