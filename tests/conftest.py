"""Fixtures of all tests."""

from __future__ import annotations

import hypothesis
import pytest

from .common import SMALL_BLOCKS

# The same examples in every run, however slow the machine.
hypothesis.settings.register_profile("fixed", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("fixed")


@pytest.fixture
def small_blocks(monkeypatch):
    """Cut the rows into as many blocks as possible."""
    for name, value in SMALL_BLOCKS.items():
        monkeypatch.setattr(f"bce_logistic.rows.memory.{name}", value)


@pytest.hookimpl(wrapper=True)
def pytest_collect_file():
    """Without this, doctest hides a test module whose imports fail: it would count as skipped."""
    collectors = yield
    return [one for one in collectors if type(one).__name__ != "DoctestModule"]
