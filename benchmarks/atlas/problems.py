"""The fixed data sets of the atlas, by kind."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from atlas import generators, real
from atlas.generators import Data, blobs, gaussian, one_hot, rare, text
from benchmark_utils import flights
from benchmark_utils.generated import badly_scaled, zipf_text


@dataclass(frozen=True)
class Problem:
    """A data set: its name, the kind that it counts for, and how it is made."""

    name: str
    kind: str
    make: Callable[[], Data]


LEVELS = (7, 12, 24, 100, 2000, 4000)
_FIXED: dict[str, dict[str, Callable[[], Data]]] = {
    "one-hot": {
        "flights one-hot": flights.flights_one_hot,
        "100k of 6 categories": partial(one_hot, 0, 100_000, LEVELS),
        "30k of 3 categories": partial(one_hot, 0, 30_000, (10, 40, 20)),
        "20k of 14 small categories": partial(one_hot, 0, 20_000, (3, 5, 9, 16, 7, 15, 6) * 2),
    },
    "one-hot + numbers": {
        "flights mixed": real.flights_mixed,
        "100k of 6 categories + 10": partial(one_hot, 1, 100_000, LEVELS, numeric=10),
        "20k of 3 categories + 3": partial(one_hot, 1, 20_000, (3, 12, 300), numeric=3),
    },
    "one-hot, crossed": {
        "50k of 5 crossed + 4": partial(one_hot, 2, 50_000, (7, 12, 24, 60, 800), 4, cross=True),
    },
    "text, real": {
        "source words": real.source_text,
        "source words and pairs": partial(real.source_text, 2),
        "docstrings, 12 classes": real.docstring_text,
    },
    "text, generated": {
        "60k documents": zipf_text,
        "20k documents": partial(text, 0, 20_000, 20_000, 60),
        "60k short documents": partial(text, 0, 60_000, 100_000, 15),
    },
    "rare binaries": {
        "200k x 100": partial(rare, 0, 200_000, 100),
        "50k x 100, at most 1 %": partial(rare, 1, 50_000, 100, 0.01),
    },
    "large dense": {
        "flights dense": flights.flights_dense,
        "1M x 30": partial(gaussian, 0, 1_000_000, 30, 0.9),
        "200k x 100": partial(gaussian, 0, 200_000, 100, 0.5),
        "100k x 50 in bad units": partial(badly_scaled, 100_000, 50),
    },
    "medium dense": {
        "3,000 x 100": partial(gaussian, 0, 3000, 100),
        "2,000 x 300": partial(gaussian, 0, 2000, 300),
        "5,000 x 1,000": partial(gaussian, 0, 5000, 1000, 0.3),
        "20,000 x 300": partial(gaussian, 0, 20_000, 300, 0.5),
        "caravan": real.caravan,
    },
    "factors": {
        "3,000 x 150 of 25": partial(generators.factors, 0, 3000, 150, 25),
        "20,000 x 300 of 50": partial(generators.factors, 0, 20_000, 300, 50),
    },
    "collinear": {
        "2,000 x 80 of rank 40": partial(generators.factors, 0, 2000, 80, 40, 0.0),
        "10,000 x 200, decaying": partial(generators.decaying, 0, 10_000, 200, 2.0),
    },
    "splines": {"20,000 x 90": partial(generators.splines, 0, 20_000, 9)},
    "polynomials": {
        "2,000 x 230": partial(generators.polynomials, 0, 2000, 20),
        "breast cancer squared": partial(real.toy, "breast_cancer", real.squares),
    },
    "raw units": {
        "50,000 x 40": partial(generators.raw_units, 0, 50_000, 40),
        "5,000 x 60": partial(generators.raw_units, 0, 5000, 60),
        "credit default": real.credit_default,
    },
    "embeddings": {
        "20,000 x 384": partial(generators.embeddings, 0, 20_000, 384),
        "5,000 x 500 Fourier": partial(generators.fourier, 0, 5000, 500),
    },
    "n < p": {
        "Khan's genes": real.khan,
        "NCI60's genes": real.nci60,
        "200 x 20,000 genes": partial(generators.genes, 0, 200, 20_000),
        "500 x 1,000": partial(gaussian, 0, 500, 1000),
        "100 x 5,000, correlated": partial(gaussian, 0, 100, 5000, 0.95),
    },
    "many classes": {
        "digits": partial(real.toy, "digits", lambda X: X / 16),
        "blobs of 20": partial(blobs, 0, 1000, 500, 20, 8.0),
        "34 classes": partial(gaussian, 0, 3000, 500, 0.5, 34),
        "50 classes": partial(gaussian, 0, 5000, 50, 0.3, 50),
        "5 classes of text": partial(text, 1, 10_000, 10_000, 60, 5),
        "8 classes of categories": partial(one_hot, 3, 20_000, (7, 12, 24, 300), classes=8),
    },
    "small isotropic": {
        "1,000 x 20": partial(gaussian, 0, 1000, 20, 0.2),
        "3,000 x 60": partial(gaussian, 0, 3000, 60),
        "digits' parity": partial(real.toy, "digits", target=lambda y: y % 2),
        "health insurance": real.health_insurance,
        "labour supply": real.labour_supply,
    },
    "tiny": {
        "iris": partial(real.toy, "iris"),
        "wine as it is": partial(real.toy, "wine", np.array),
        "breast cancer": partial(real.toy, "breast_cancer"),
        "100 x 4": partial(gaussian, 0, 100, 4),
        "600 x 40": partial(gaussian, 0, 600, 40),
    },
}

QUICK = (
    "one-hot: 30k of 3 categories",
    "one-hot + numbers: 20k of 3 categories + 3",
    "text, generated: 20k documents",
    "medium dense: 3,000 x 100",
    "medium dense: 2,000 x 300",
    "factors: 3,000 x 150 of 25",
    "collinear: 2,000 x 80 of rank 40",
    "raw units: 5,000 x 60",
    "n < p: 500 x 1,000",
    "many classes: digits",
    "small isotropic: 1,000 x 20",
    "tiny: breast cancer",
)
"""Small problems, one or two of a kind, that take two minutes at C=1."""


def fixed() -> Iterator[Problem]:
    """The problems that never change."""
    for kind, makers in _FIXED.items():
        for name, make in makers.items():
            yield Problem(f"{kind}: {name}", kind, make)
