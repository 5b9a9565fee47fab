"""As in the suite itself: what a check compares is its finding's expected and observed."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("checks")
