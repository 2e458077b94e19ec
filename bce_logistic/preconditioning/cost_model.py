"""TODO preconditioning.cost_model."""

from __future__ import annotations

from ..objective.objective import Objective

# Seconds, about, on one core of today: a pass or a product over the rows that finds no work, a
# number of X in a pass, a multiplication in a matrix product, the same in sparse data.
OVERHEAD = 5e-5
READ = 7e-10
MULTIPLY = 1.5e-11
SPARSE_READ = 3e-9
SPARSE_MULTIPLY = 5e-9


class Costs:
    """What the ways cost on the rows of an objective, in passes over them."""

    def __init__(self, objective: Objective):
        rows = objective.rows
        self.n_rows, self.n_columns = rows.n_samples, objective.shape[0]
        self.n_scores = objective.n_scores
        self.row_size = rows.size / rows.n_samples
        self.multiply = MULTIPLY if rows.dense else SPARSE_MULTIPLY
        read = READ if rows.dense else SPARSE_READ
        self.of_pass = OVERHEAD + rows.size * self.n_scores * read

    def factor(self, n_rows: int) -> float:
        """A factor of the Hessian of so many rows, for each class."""
        gram = n_rows * self.row_size**2 * self.multiply
        cholesky = self.n_columns**3 / 3 * MULTIPLY
        return (OVERHEAD + self.n_scores * (gram + cholesky)) / self.of_pass

    def block(self, n_columns: int, share: float) -> float:
        """A factor on so many columns, which hold a share of what the rows store."""
        gram = self.n_rows * (share * self.row_size) ** 2 * self.multiply
        cholesky = n_columns**3 / 3 * MULTIPLY
        return 1 + self.n_scores * (gram + cholesky) / self.of_pass

    def row_space(self) -> tuple[float, float]:
        """A first Hessian in the row space, and every further one."""
        kernel = self.n_rows**2 * self.n_columns * self.multiply
        cholesky = self.n_scores * self.n_rows**3 / 3 * MULTIPLY
        again = 1 + (OVERHEAD + cholesky) / self.of_pass
        return again + kernel / self.of_pass, again
