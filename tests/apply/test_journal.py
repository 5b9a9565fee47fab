"""The journal as a file: what a killed process leaves of its last line, and what is no journal."""

from __future__ import annotations

from pathlib import Path

import pytest

from apply.journal import FILE, Effect, Intent, Journal, JournalError, Opened, begun, effects, is_open, pending, read
from remediate.actions.vm import VmFirewall

U = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = Journal(tmp_path / FILE)
    made.open("apply", "t")
    made.intend("my-dc-1.global", "cause", VmFirewall(U, True), False)
    made.close()
    return tmp_path / FILE


@pytest.mark.parametrize("kept", [1, 10, 60])
def test_a_line_that_was_being_written_counts_as_not_written(path: Path, kept: int) -> None:
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    path.write_bytes(whole[: first + kept])
    assert [type(entry) for entry in read(path)] == [Opened]
    again = Journal(path)
    again.open("resume", "u")
    again.intend("my-dc-1.global", "cause", VmFirewall(U, True), False)
    assert [type(entry) for entry in read(path)] == [Opened, Opened, Intent]
    assert path.read_bytes().startswith(whole[: first + kept]), "nothing that was written is changed"


def test_a_line_that_is_broken_in_the_middle_is_no_journal(path: Path) -> None:
    first, second, _ = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([first, b"garbage", second, b""]))
    with pytest.raises(JournalError, match="2 is no entry"):
        read(path)


def test_what_is_pending_and_what_can_be_taken_back(path: Path) -> None:
    journal = Journal(path)
    (intent,) = pending(journal.entries)
    assert is_open(journal.entries)
    journal.result(intent.number, Effect.UNKNOWN)
    assert pending(journal.entries) == [intent]
    journal.result(intent.number, Effect.VERIFIED, 0, "", True)
    assert pending(journal.entries) == []
    assert list(effects(journal.entries)) == [intent]
    back = journal.intend("my-dc-1.global", "cause", VmFirewall(U, False), True, undoes=intent.number)
    assert pending(journal.entries) == [back]
    journal.result(back.number, Effect.VERIFIED, 0, "", False)
    assert list(effects(journal.entries)) == []
    journal.end("ended")
    assert not is_open(journal.entries)


def test_a_resume_goes_on_with_what_was_begun(path: Path) -> None:
    journal = Journal(path)
    journal.open("undo", "u")
    journal.open("resume", "v")
    assert begun(journal.entries) == "undo"


def test_a_journal_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="nothing was sent"):
        Journal(tmp_path / "no-such-folder" / FILE)
