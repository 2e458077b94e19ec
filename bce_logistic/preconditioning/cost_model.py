"""Costs of approximate Hessians, in passes over the data.

Rough estimates suffice, since the alternatives differ widely.
"""

from __future__ import annotations

from ..objective.objective import Objective

# Approximate seconds on one core: a pass over rows without work, a stored number in a pass,
# a multiplication in a matrix product, the same two for sparse data.
SECONDS_PER_CALL = 5e-5
SECONDS_PER_READ = 4e-10
SECONDS_PER_FMA = 1.5e-11
SECONDS_PER_EIGENVECTOR_ENTRY = 1.5e-10  # of the cube of a matrix's size
SPARSE_SECONDS_PER_READ = 1.6e-9
SPARSE_SECONDS_PER_FMA = 5e-9
# The same three on an accelerator: about those of a GPU of a data centre.
ACCELERATOR_SECONDS_PER_CALL = 3e-4
ACCELERATOR_SECONDS_PER_READ = 4e-12
ACCELERATOR_SECONDS_PER_FMA = 4e-14
# Rows for each column of a block from which its factor is made.
ROWS_PER_BLOCK_COLUMN = 32


class Costs:
    """Costs on the rows of an objective, in passes over them."""

    def __init__(self, objective: Objective):
        rows = objective.rows
        self.n_rows, self.n_columns = rows.n_samples, objective.shape[0]
        self.n_scores = objective.n_scores
        self.row_size = rows.n_stored / rows.n_samples
        call, read, self.fma = SECONDS_PER_CALL, SECONDS_PER_READ, SECONDS_PER_FMA
        if rows.on_accelerator:
            call, read = ACCELERATOR_SECONDS_PER_CALL, ACCELERATOR_SECONDS_PER_READ
            self.fma = ACCELERATOR_SECONDS_PER_FMA
        elif not rows.is_dense:
            read, self.fma = SPARSE_SECONDS_PER_READ, SPARSE_SECONDS_PER_FMA
        self.of_pass = call + rows.n_stored * self.n_scores * read

    def factor(self, n_rows: int) -> float:
        """Cost of a factor of the Hessian of ``n_rows`` rows, for each class."""
        sandwich = n_rows * self.row_size**2 * self.fma
        cholesky = self.n_columns**3 / 3 * SECONDS_PER_FMA
        return (SECONDS_PER_CALL + self.n_scores * (sandwich + cholesky)) / self.of_pass

    def rows(self, cost: float) -> int:
        """Number of rows for which a factor has this cost."""
        cholesky = self.n_columns**3 / 3 * SECONDS_PER_FMA
        seconds = cost * self.of_pass / self.n_scores - cholesky
        return max(0, int(seconds / (self.row_size**2 * self.fma)))

    def shared_factor(self) -> float:
        """Cost of a factor of the mean Hessian of all classes."""
        sandwich = self.n_rows * self.row_size**2 * self.fma
        cholesky = self.n_columns**3 / 3 * SECONDS_PER_FMA
        return 2 + (sandwich + cholesky) / self.of_pass

    def hessian_seconds(self) -> float:
        """Seconds for the Hessian of all coefficients together and its factor."""
        sandwiches = self.n_scores * (self.n_scores + 1) / 2
        sandwich = self.n_rows * self.row_size**2 * self.fma
        cholesky = (self.n_columns * self.n_scores) ** 3 / 3 * SECONDS_PER_FMA
        return sandwiches * sandwich + cholesky

    def block(self, cost: float) -> int:
        """Number of columns of a block whose factor has this cost."""
        seconds = cost * self.of_pass
        return int((seconds / (ROWS_PER_BLOCK_COLUMN * SECONDS_PER_FMA)) ** (1 / 3))

    def row_space(self) -> float:
        """Cost of the coordinates of the row space."""
        kernel = self.n_rows**2 * self.n_columns * self.fma
        eigenvectors = self.n_rows**3 * SECONDS_PER_EIGENVECTOR_ENTRY
        return 2 + (SECONDS_PER_CALL + kernel + eigenvectors) / self.of_pass
