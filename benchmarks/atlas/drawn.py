"""A third of the data sets of the atlas: drawn from a seed, so that nobody tunes to them."""

from collections.abc import Callable, Iterator
from functools import partial
from math import exp, log
from typing import Any

import numpy as np

from atlas import generators
from atlas.generators import gaussian, one_hot, rare, text
from atlas.problems import Problem


class Draw:
    """Random shapes, even on a logarithmic scale."""

    def __init__(self, seed: int, number: int):
        self.rng = np.random.default_rng([seed, number])

    def between(self, low: float, high: float) -> int:
        return round(exp(self.rng.uniform(log(low), log(high))))

    def levels(self, count: int, most: int) -> tuple[int, ...]:
        return tuple(self.between(3, most) for _ in range(count))


def _fraction(draw: Draw, high: float = 0.95) -> float:
    return float(draw.rng.uniform(0, high))


RECIPES: tuple[tuple[str, Callable[[Draw], Callable[..., Any]]], ...] = (
    ("one-hot", lambda d: partial(one_hot, n=d.between(1e4, 3e5), levels=d.levels(6, 3000))),
    ("one-hot", lambda d: partial(one_hot, n=d.between(3e3, 5e4), levels=d.levels(10, 20))),
    (
        "one-hot + numbers",
        lambda d: partial(
            one_hot, n=d.between(1e4, 1e5), levels=d.levels(5, 1000), numeric=d.between(2, 20)
        ),
    ),
    (
        "one-hot + numbers",
        lambda d: partial(
            one_hot, n=d.between(2e3, 2e4), levels=d.levels(4, 50), numeric=d.between(5, 30)
        ),
    ),
    (
        "one-hot, crossed",
        lambda d: partial(one_hot, n=d.between(1e4, 1e5), levels=d.levels(4, 60), cross=True),
    ),
    (
        "text, generated",
        lambda d: partial(
            text, n=d.between(3e3, 5e4), p=d.between(5e3, 1e5), words=d.between(10, 150)
        ),
    ),
    (
        "text, generated",
        lambda d: partial(
            text, n=d.between(3e3, 2e4), p=d.between(3e3, 2e4), words=d.between(20, 150), classes=3
        ),
    ),
    ("rare binaries", lambda d: partial(rare, n=d.between(2e4, 2e5), p=d.between(30, 200))),
    ("rare binaries", lambda d: partial(rare, n=d.between(1e4, 1e5), p=d.between(30, 300))),
    (
        "large dense",
        lambda d: partial(gaussian, n=d.between(1e5, 5e5), p=d.between(10, 60), rho=_fraction(d)),
    ),
    (
        "large dense",
        lambda d: partial(
            generators.decaying, n=d.between(1e5, 3e5), p=d.between(20, 80), decay=_fraction(d)
        ),
    ),
    (
        "medium dense",
        lambda d: partial(gaussian, n=d.between(1e3, 1e4), p=d.between(50, 400), rho=_fraction(d)),
    ),
    (
        "medium dense",
        lambda d: partial(gaussian, n=d.between(3e3, 2e4), p=d.between(100, 1000), rho=0.2),
    ),
    (
        "factors",
        lambda d: partial(
            generators.factors,
            n=d.between(1e3, 2e4),
            p=d.between(60, 400),
            n_factors=d.between(5, 50),
        ),
    ),
    (
        "collinear",
        lambda d: partial(
            generators.factors,
            n=d.between(1e3, 1e4),
            p=d.between(60, 300),
            n_factors=d.between(10, 50),
            noise=0.0,
        ),
    ),
    (
        "splines",
        lambda d: partial(generators.splines, n=d.between(2e3, 3e4), inputs=d.between(3, 15)),
    ),
    (
        "polynomials",
        lambda d: partial(generators.polynomials, n=d.between(2e3, 2e4), inputs=d.between(8, 25)),
    ),
    (
        "raw units",
        lambda d: partial(generators.raw_units, n=d.between(2e3, 1e5), p=d.between(10, 80)),
    ),
    (
        "embeddings",
        lambda d: partial(generators.embeddings, n=d.between(3e3, 3e4), p=d.between(64, 512)),
    ),
    ("n < p", lambda d: partial(generators.genes, n=d.between(50, 500), p=d.between(1e3, 2e4))),
    (
        "n < p",
        lambda d: partial(
            gaussian, n=d.between(200, 1000), p=d.between(1e3, 5e3), rho=_fraction(d)
        ),
    ),
    (
        "n < p",
        lambda d: partial(generators.genes, n=d.between(50, 300), p=d.between(1e3, 1e4), classes=5),
    ),
    (
        "many classes",
        lambda d: partial(
            one_hot, n=d.between(3e3, 3e4), levels=d.levels(5, 60), classes=d.between(3, 12)
        ),
    ),
    (
        "many classes",
        lambda d: partial(
            gaussian,
            n=d.between(1e3, 5e3),
            p=d.between(20, 300),
            rho=_fraction(d),
            classes=d.between(4, 50),
        ),
    ),
    (
        "many classes",
        lambda d: partial(
            generators.embeddings, n=d.between(3e3, 1e4), p=d.between(64, 256), classes=10
        ),
    ),
    (
        "small isotropic",
        lambda d: partial(gaussian, n=d.between(700, 3000), p=d.between(8, 40), classes=4),
    ),
    (
        "small isotropic",
        lambda d: partial(gaussian, n=d.between(700, 5000), p=d.between(8, 60), rho=0.1),
    ),
    (
        "tiny",
        lambda d: partial(gaussian, n=d.between(60, 600), p=d.between(3, 30), rho=_fraction(d)),
    ),
    (
        "tiny",
        lambda d: partial(gaussian, n=d.between(60, 600), p=d.between(3, 30), classes=3),
    ),
)


def drawn(seed: int) -> Iterator[Problem]:
    """One problem for each recipe, its shape and its numbers drawn from the seed."""
    for number, (kind, recipe) in enumerate(RECIPES):
        make = partial(recipe(Draw(seed, number)), seed=seed + number)
        yield Problem(f"{kind}: drawn {seed}.{number}", kind, make)
