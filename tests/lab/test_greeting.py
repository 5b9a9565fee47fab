"""Whoever starts a shell in a lab is told who is who. A script is told nothing."""

from __future__ import annotations

import pytest

from lab.plan.making import make_plan
from lab.run import greeting


@pytest.mark.parametrize(
    ("command", "terminal", "greeted"),
    [(["bash"], True, True), (["/bin/bash"], True, True), (["bash"], False, False), (["bash", "x.sh"], True, False),
     (["pytest"], True, False)],
)  # fmt: skip
def test_only_who_types_is_greeted(command: list[str], terminal: bool, greeted: bool) -> None:
    assert greeting.wanted(command, terminal=terminal) is greeted


def test_it_tells_who_is_who() -> None:
    said = greeting.text(make_plan(3, coupled=False))
    assert "my-dc-2  master" in said
    assert "my-dc-3  not coupled yet" in said
    assert "ssh -t my-dc-1 /opt/smartdc/bin/sdc-ufds-m2s" in said
    assert "m2s" not in greeting.text(make_plan(3))
    assert "and 15 more" in greeting.text(make_plan(20))
