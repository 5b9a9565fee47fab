"""Locks on several head nodes: in the order of their names, all or none of those that are new."""

from __future__ import annotations

from pathlib import Path

import pytest

from apply.door import Answer
from apply.lock import PLACE, LockedError, Owner, RemoteLocks, broken, taking
from tests.apply.pretended import Pretended

OURS = Owner("ada@here", "2026-01-01T00:00:00Z", "R", "aaaa")
THEIRS = Owner("bob@there", "2026-01-02T00:00:00Z", "S", "bbbb")
NAMES = ("dc-1", "dc-2", "dc-3")


class Nodes:
    """A head node for each datacenter."""

    def __init__(self, root: Path) -> None:
        self.nodes = {name: Pretended.made(root / name, {}) for name in NAMES}
        self.order: list[str] = []

    def run(self, datacenter: str, command: str, within: float) -> Answer:
        if "mkdir" in command:
            self.order.append(datacenter)
        return self.nodes[datacenter].run(datacenter, command, within)

    def locked(self) -> list[str]:
        return [name for name in NAMES if (self.nodes[name].root / PLACE.lstrip("/")).exists()]


@pytest.fixture
def nodes(tmp_path: Path) -> Nodes:
    return Nodes(tmp_path)


def locks(nodes: Nodes, ours: Owner = OURS, known: tuple[str, ...] = ()) -> RemoteLocks:
    return RemoteLocks(nodes, ours, known, lambda _: None)


def test_they_are_taken_in_the_order_of_their_names_and_given_back(nodes: Nodes) -> None:
    mine = locks(nodes)
    mine.take(["dc-3", "dc-1"])
    mine.take(["dc-2", "dc-1"])
    assert nodes.order == ["dc-1", "dc-3", "dc-2"], "what is held is not taken twice"
    assert nodes.locked() == list(NAMES)
    assert mine.release() == ()
    assert nodes.locked() == []


def test_one_that_is_somebody_elses_gives_back_what_was_new(nodes: Nodes) -> None:
    locks(nodes, THEIRS).take(["dc-2"])
    with pytest.raises(LockedError, match=r"bob@there.*2026-01-02.*run S"):
        locks(nodes).take(NAMES)
    assert nodes.locked() == ["dc-2"]


def test_a_lock_that_a_killed_one_of_ours_left_is_ours(nodes: Nodes) -> None:
    nodes.run("dc-1", taking(THEIRS), 5)
    mine = locks(nodes, known=(THEIRS.token,))
    mine.take(["dc-1"])
    assert mine.release() == ()
    assert nodes.locked() == []


def test_one_that_does_not_say_whose_it_is_is_left_alone(nodes: Nodes) -> None:
    (nodes.nodes["dc-1"].root / PLACE.lstrip("/")).mkdir()
    with pytest.raises(LockedError, match="--break-lock"):
        locks(nodes).take(["dc-1"])
    assert nodes.locked() == ["dc-1"]


def test_breaking_says_whose_they_were(nodes: Nodes) -> None:
    locks(nodes, THEIRS).take(["dc-2"])
    (said,) = broken(nodes, NAMES)
    assert "bob@there" in said
    assert nodes.locked() == []


def test_while_sdcadm_has_its_file_open_nothing_is_taken(nodes: Nodes) -> None:
    (nodes.nodes["dc-2"].root / "var/run/sdcadm.lock").write_text("4711")
    with pytest.raises(LockedError, match="4711"):
        locks(nodes).take(NAMES)
    assert nodes.locked() == []
