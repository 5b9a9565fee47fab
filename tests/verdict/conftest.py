"""Declares every check before any test asks for a verdict, in whatever order the tests run."""

from __future__ import annotations

import pytest

from tests.judging import check_functions


@pytest.fixture(autouse=True, scope="session")
def _checks() -> None:
    check_functions()
