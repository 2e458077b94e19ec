"""Corrupt sparse matrices; repeated entries are tested in rows/test_training_data.py."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

from bce_logistic.validation.sparse import check_sparse


def test_an_index_check_reads_what_is_used_and_no_more():
    X = scipy.sparse.csr_array(np.eye(3))
    check_sparse(X)
    X.indices = np.append(X.indices, [7])  # behind the last row
    check_sparse(X)
    X.indptr = np.array([0, 1, 2, 4])
    with pytest.raises(ValueError, match="corrupt"):
        check_sparse(X)
    for other in (np.eye(3), None, scipy.sparse.lil_array((3, 3)), scipy.sparse.csr_array((3, 0))):
        check_sparse(other)
