from functools import cache

from benchopt import BaseDataset

from benchmark_utils.generated import badly_scaled

load = cache(badly_scaled)


class Dataset(BaseDataset):
    """100,000 x 50 columns on scales from 1e-3 to 1e3, every tenth one around 1e5."""

    name = "badly-scaled"
    requirements = ["scipy"]

    def get_data(self):
        X, y = load()
        return {"X": X, "y": y}
