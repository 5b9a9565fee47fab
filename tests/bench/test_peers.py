"""Peers are told to type what the suite types, and what they leave is read as theirs."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest

from evidence.collect.permitted import COMMANDS
from evidence.collect.unanswered import UnansweredError
from evidence.subjects.questions import OF_DATACENTER
from tools.bench import peers
from tools.bench.contenders import counted
from tools.bench.reads import Reads, TypedRead, load, save
from tools.bench.tap import NOT_READ, InTurn, moved_on

ZONE = "zlogin -Q 2666b8ca-0e2a-5327-a19e-a3cfafc6d1bf /usr/bin/bash -s -- 5 tcp:10.2.2.29:636"
READS = Reads(
    typed=[
        TypedRead("root@10.1.2.2", "sysinfo", "", 0, b"{}"),
        TypedRead("root@10.1.2.2", ZONE, 'echo "it\'s" $HOME\n', 0, b"open"),
        TypedRead("root@10.2.2.2", "date -u +%s", "", 0, b"100\n", at=1000.0),
        TypedRead("root@10.2.2.2", "grep -c nothing /etc/hosts", "", 1, b"0\n"),
    ]
)
SSH = """#!/bin/sh
# Keeps what it was told, and answers as the head node would.
while case $1 in -o|-S|-O) shift 2;; -*) shift;; *) false;; esac; do :; done
test $# -gt 1 || exit 0
test "$1" != "$DARK" || exit 255
printf '%s\\t' "$1" >>"$TOLD"; printf '%s' "$2" | tr '\\n' ' ' >>"$TOLD"; printf '\\t' >>"$TOLD"; cat >>"$TOLD"; printf '\\n\\0' >>"$TOLD"
case $2 in *grep*) echo 0; exit 1;; *) echo said;; esac
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What peers need, and an `ssh` that writes down what it is told."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/ssh").write_text(SSH, encoding="utf-8")
    (tmp_path / "bin/ssh").chmod(0o755)
    (tmp_path / "jobs").mkdir()
    peers.prepare(tmp_path / "jobs", READS)
    return tmp_path


def typed(folder: Path, script: str, dark: str = "") -> list[tuple[str, str, str]]:
    """Host, command line and standard input of each `ssh` that a peer started."""
    told = folder / "told"
    names = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "TOLD": str(told), "DARK": dark}
    subprocess.run(["sh", str(folder / "jobs" / script), str(folder / "jobs")], env=os.environ | names, check=True)
    rows = told.read_text("utf-8").split("\n\0") if told.exists() else []
    return sorted(tuple(row.split("\t", 2)) for row in rows if row)  # type: ignore[misc]


def test_one_by_one_a_shell_types_what_the_suite_typed(folder: Path) -> None:
    wanted = sorted((each.host, each.sent, each.stdin) for each in READS.typed or ())
    assert typed(folder, "serial.sh") == wanted


def test_shared_it_types_as_much(folder: Path) -> None:
    """Eight at once write into one file here, so only what they left is looked at."""
    typed(folder, "shared.sh")
    got = peers.answers(folder / "jobs", READS, in_turn=False)
    assert [(each.host, each.command, each.code) for each in got.typed or ()] == [
        (each.host, each.command, each.code) for each in READS.typed or ()
    ]
    assert counted(READS, got, False, "") == (4, 4)


def test_a_head_node_that_does_not_answer_is_skipped(folder: Path) -> None:
    assert {host for host, *_ in typed(folder, "serial.sh", dark="root@10.1.2.2")} == {"root@10.2.2.2"}
    got = peers.answers(folder / "jobs", READS, in_turn=False)
    assert counted(READS, got, False, "") == (2, 4)
    assert counted(READS, got, False, "root@10.1.2.2") == (2, 2)


def test_testinfra_is_told_the_same_with_the_script_in_it(folder: Path) -> None:
    told = json.loads((folder / "jobs/reads.json").read_bytes())
    order = json.loads((folder / "jobs/order.json").read_bytes())
    wanted = READS.typed or []
    assert sorted(order) == [0, 1, 2, 3]
    for (host, command, code), each in zip(told, (wanted[at] for at in order), strict=True):
        assert (host, code) == (each.host, each.code)
        assert command.startswith(each.sent)
        assert (each.stdin in command) and ("AZ_BENCH_END" in command) == bool(each.stdin)


def test_a_heredoc_hands_the_script_on_as_it_is(tmp_path: Path) -> None:
    each = TypedRead("h", "cat", 'echo "it\'s" $HOME `x` \\\n', 0)
    _, command, _ = peers.in_one_word(each)
    said = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
    assert said == each.stdin


def test_answers_are_counted_by_exit_status_and_output() -> None:
    first, second, third, fourth = READS.typed or ()
    got = Reads(
        typed=[
            TypedRead(first.host, first.command, "", 0, b"other"),
            TypedRead(second.host, second.command, "", 0, b""),
            TypedRead(third.host, third.command, "", 1, b"100"),
            TypedRead(fourth.host, fourth.command, "", 1, b"0"),
        ]
    )
    assert counted(READS, got, False, "") == (2, 4)


def test_reads_are_kept_for_their_owner_alone(tmp_path: Path) -> None:
    save(READS, tmp_path / "reads.json")
    assert load(tmp_path / "reads.json") == READS
    assert (tmp_path / "reads.json").stat().st_mode & 0o077 == 0


def test_the_same_question_again_gets_the_next_answer() -> None:
    answers = InTurn([("a", 1), ("a", 2)])
    assert [answers.next("a") for _ in range(3)] == [1, 2, 2]
    with pytest.raises(UnansweredError, match=NOT_READ):
        answers.next("b")


def test_a_clock_goes_on_after_it_was_read() -> None:
    clock = TypedRead("h", OF_DATACENTER["clock"].how, "", 0, b"100\n", at=1000.0)
    assert moved_on(clock, 1007.2) == b"107\n"
    assert moved_on(TypedRead("h", "cat /usbkey/config", "", 0, b"100\n", at=1000.0), 1007.2) == b"100\n"


def test_what_is_sent_is_the_command_behind_a_path() -> None:
    words = shlex.split(TypedRead("h", "sysinfo").sent)
    assert words[:3] == ["/usr/bin/bash", "--norc", "-c"]
    assert words[3].endswith("; sysinfo")
    assert any(form.is_it("sysinfo") for form in COMMANDS)
