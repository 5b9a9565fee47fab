"""Every check is declared before a verdict is asked for, in whatever order the tests run."""

from __future__ import annotations

import pytest

from tests.judging import check_functions


@pytest.fixture(autouse=True, scope="session")
def _checks() -> None:
    check_functions()
