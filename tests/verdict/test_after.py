"""What a check comes after is validated when all are declared: an entry that means nothing is no silence, but an error."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from fixtures.check import CHECKS, UnknownAfterError, validate
from tests.judging import check_functions

CHECK = "sapi-answers"


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ("no-such-check", "there is no check no-such-check"),
        ("ufds-answers@master", "master is no place"),
        ("services-run/no-such-role", "there is no role no-such-role"),
    ],
)
def test_an_after_that_means_nothing_names_file_and_line(
    monkeypatch: pytest.MonkeyPatch, after: str, said: str
) -> None:
    check_functions()
    monkeypatch.setitem(CHECKS, CHECK, replace(CHECKS[CHECK], after=(after,)))
    with pytest.raises(UnknownAfterError, match=rf"checks/sapi\.py:[0-9]+: after '{after}': {said}"):
        validate()
