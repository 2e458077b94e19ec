"""What the data sets without parameters share."""

from collections.abc import Callable
from typing import Any

from benchopt import BaseDataset


class FixedDataset(BaseDataset):
    """Data made by a function without arguments, ``load``, which returns X and y."""

    load: Callable[[], tuple[Any, Any]]

    def get_data(self) -> dict[str, Any]:
        X, y = self.load()
        return {"X": X, "y": y}
