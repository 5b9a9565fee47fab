"""`az-checks compare` in a living lab: two replicas, and one since it was kept; just what was done to them is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.operator import ROOT, Operator, living

pytestmark = pytest.mark.proof
COMPARE = f"COLUMNS=120 {ROOT}/az-checks compare"
BRUNO, CARLA = (f"uuid=10000000-0000-4000-8000-00000000000{number}, ou=users, o=smartdc" for number in (2, 3))
NAMES = ("my-dc-1", "my-dc-2", "my-dc-3")


@pytest.fixture(scope="module")
def spoilt() -> Iterator[Operator]:
    """One account is gone at one replica."""
    with living("--datacenters", "3", "--fault=account-removed@my-dc-1") as operator:
        yield operator


def told(operator: Operator, *words: str, place: Path = Path("/")) -> tuple[int, str, list[str]]:
    """The exit code, the heading, and the lines of entries."""
    code, text = operator.types(f"(cd {place}; {COMPARE} {' '.join(words)})")
    heading, *lines = text.splitlines()
    return code, heading, lines


def test_two_replicas_one_of_which_lacks_an_account(spoilt: Operator) -> None:
    """He and his key, and neither head node's own key; the other way round the same are extra."""
    code, heading, (person, key) = told(spoilt, "my-dc-3", "my-dc-1")
    assert code == 1
    assert heading.startswith("my-dc-1 against my-dc-3: ")
    assert heading.endswith(" entries compared, 2 missing, 0 extra, 0 different")
    assert person == f"missing    {BRUNO}  (login bruno)"
    assert key.startswith("missing    fingerprint=")
    assert key.endswith(f", {BRUNO}")
    _, _, lines = told(spoilt, "my-dc-1", "my-dc-3")
    assert lines == [line.replace("missing  ", "extra    ") for line in (person, key)]


@pytest.mark.parametrize("names", [("my-dc-2", "my-dc-3"), ("my-dc-3", "my-dc-2")])
def test_two_that_agree(spoilt: Operator, names: tuple[str, str]) -> None:
    code, heading, lines = told(spoilt, *names)
    assert (code, lines) == (0, [])
    assert heading.endswith(" entries compared, nothing differs")


def test_one_since_it_was_kept(spoilt: Operator, tmp_path: Path) -> None:
    """Just the account that was changed there since, and not what was wrong before."""
    code, said, _ = told(spoilt, "my-dc-1", "--keep", "kept", place=tmp_path)
    assert code == 0, said
    assert told(spoilt, "my-dc-1", "kept", place=tmp_path)[::2] == (0, [])
    spoilt.lab("fault", "account-changed@my-dc-1")  # no test below is about my-dc-1's accounts
    code, heading, lines = told(spoilt, "my-dc-1", "kept", place=tmp_path)
    assert (code, lines) == (1, [f"changed    {CARLA}  (login carla)"])
    assert heading.endswith(" entries compared, 0 removed, 0 added, 1 changed")
    _, _, lines = told(spoilt, "my-dc-3", "my-dc-1")
    assert f"different  {CARLA}  (login carla)  email" in lines
    assert len(lines) == 3


def test_a_file_of_another_installation(spoilt: Operator, tmp_path: Path) -> None:
    code, said, _ = told(spoilt, "my-dc-1", "--keep", "kept", place=tmp_path)
    assert code == 0, said
    code, text = spoilt.types(f"AZ_FINGERPRINT_KEY_FILE={tmp_path}/another.key {COMPARE} my-dc-1 {tmp_path}/kept")
    assert (code, text.strip()) == (
        4,
        f"az-checks compare: {tmp_path}/kept was kept by another installation, with another key of the fingerprints",
    )


def test_a_head_node_that_cannot_be_asked(spoilt: Operator, tmp_path: Path) -> None:
    """A sentence that names it, and exit code 1: this is neither equal nor different. Nothing is kept."""
    spoilt.lab("fault", "headnode-dark@my-dc-3")
    try:
        code, heading, lines = told(spoilt, "my-dc-1", "my-dc-3")
        assert (code, lines) == (1, [])
        assert heading.startswith("az-checks compare: my-dc-3: ")
        assert told(spoilt, "my-dc-3", "--keep", "kept", place=tmp_path)[0] == 1
    finally:
        spoilt.lab("heal", "headnode-dark@my-dc-3")
    assert [*tmp_path.iterdir()] == []


def test_another_head_node_is_not_taken_for_it(spoilt: Operator) -> None:
    spoilt.lab("fault", "headnode-is-another@my-dc-3")
    try:
        code, heading, lines = told(spoilt, "my-dc-1", "my-dc-3")
    finally:
        spoilt.lab("heal", "headnode-is-another@my-dc-3")
    assert (code, lines) == (1, [])
    assert "az-checks compare: my-dc-3: " in heading
    assert " is a head node of " in heading


def test_interrupted(spoilt: Operator, tmp_path: Path) -> None:
    """Ctrl-C while it asks: a sentence, exit code 2, and no file."""
    spoilt.lab("fault", "headnode-freezes@my-dc-1")  # it would wait long
    try:
        code, text = spoilt.types(
            f"timeout --preserve-status -s INT 3 {ROOT}/az-checks compare my-dc-1 --keep {tmp_path}/kept"
        )
    finally:
        spoilt.lab("heal", "headnode-freezes@my-dc-1")
    assert (code, text.strip()) == (2, "az-checks compare: interrupted, so nothing is told")
    assert [*tmp_path.iterdir()] == []
