"""Fixtures of the tests of the estimator."""

from __future__ import annotations

import pytest

from ..common import problem


@pytest.fixture
def data():
    return problem()
