"""How a shell and pytest-testinfra read the commands of a run: the files that they need, and what they leave.

Each command leaves NUMBER.out, NUMBER.err and NUMBER.rc. A peer that is a shell skips a head node as soon as it has not answered once,
as whoever types would.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

from tools.bench.reads import Reads, TypedRead

CONNECT_SECONDS = 5
OPTIONS = f"-o BatchMode=yes -o ConnectTimeout={CONNECT_SECONDS}"
AT_ONCE = 8
SERIAL = """#!/bin/sh
# One ssh after the other.
cd "$1" && export OPTIONS='{options}'
for number in {order}; do sh $number.sh; done
"""
SHARED = """#!/bin/sh
# One connection to each head node (ControlMaster), and eight commands at once.
cd "$1" && export OPTIONS='{options} -S control-%h'
for host in {hosts}; do (ssh $OPTIONS -M -N -f $host >/dev/null 2>&1 || : >dark-$host) & done; wait
echo {order} | xargs -n 1 -P {at_once} sh -c 'sh $0.sh'
for host in {hosts}; do ssh $OPTIONS -O exit $host 2>/dev/null; done; true
"""
ONE = """test -e dark-{host} && exit
ssh $OPTIONS {host} {command} <{stdin} >{number}.out 2>{number}.err; code=$?
test $code = 255 && : >dark-{host}
echo $code >{number}.rc
"""
TESTINFRA = """import json
from pathlib import Path

import pytest
import testinfra

FOLDER = Path(__file__).parent
READS = json.loads((FOLDER / "reads.json").read_bytes())


@pytest.mark.parametrize("number", range(len(READS)))
def test_read(number):
    host, command, code = READS[number]
    at = testinfra.get_host(f"ssh://{host}", timeout=5, controlpath=f"{FOLDER}/control-{host}")
    got = at.run(command)
    (FOLDER / f"{number}.out").write_bytes(got.stdout_bytes)
    (FOLDER / f"{number}.err").write_bytes(got.stderr_bytes)
    (FOLDER / f"{number}.rc").write_text(str(got.rc))
    assert got.rc == code
"""


def prepare(folder: Path, reads: Reads) -> None:
    """Write everything that peers need into a folder."""
    typed = reads.typed or []
    for number, each in enumerate(typed):
        stdin = "/dev/null"
        if each.stdin:
            stdin = f"{number}.in"
            (folder / stdin).write_text(each.stdin, encoding="utf-8")
        one = ONE.format(host=each.host, command=shlex.quote(each.sent), stdin=stdin, number=number)
        (folder / f"{number}.sh").write_text(one, encoding="utf-8")
    names = {"options": OPTIONS, "hosts": " ".join(reads.hosts), "at_once": AT_ONCE}
    by_host = [[at for at, each in enumerate(typed) if each.host == host] for host in reads.hosts]
    one_by_one = [number for host in by_host for number in host]
    in_turn = [number for row in zip_longest(*by_host) for number in row if number is not None]
    (folder / "serial.sh").write_text(SERIAL.format(order=words(one_by_one), **names), encoding="utf-8")
    (folder / "shared.sh").write_text(SHARED.format(order=words(in_turn), **names), encoding="utf-8")
    (folder / "test_reads.py").write_text(TESTINFRA, encoding="utf-8")
    (folder / "reads.json").write_text(json.dumps([in_one_word(typed[at]) for at in in_turn]), encoding="utf-8")
    (folder / "order.json").write_text(json.dumps(in_turn), encoding="utf-8")


def words(numbers: Sequence[int]) -> str:
    return " ".join(map(str, numbers))


def in_one_word(each: TypedRead) -> tuple[str, str, int | None]:
    """Where, what and the exit status, for testinfra, which passes no standard input on: so that stands in the command."""
    sent = each.sent
    if each.stdin:
        sent += f" <<'AZ_BENCH_END'\n{each.stdin.rstrip(chr(10))}\nAZ_BENCH_END\n"
    return each.host, sent, each.code


def answers(folder: Path, reads: Reads, *, in_turn: bool) -> Reads:
    """What a peer has read. `in_turn`: testinfra counts in the order of its own list."""
    typed = reads.typed or []
    order = json.loads((folder / "order.json").read_bytes()) if in_turn else range(len(typed))
    found = []
    for number, which in enumerate(order):
        ended = folder / f"{number}.rc"
        if not ended.exists() or not ended.read_text("ascii").strip():
            continue
        out, errors = ((folder / f"{number}.{kind}").read_bytes() for kind in ("out", "err"))
        each, code = typed[which], int(ended.read_text("ascii"))
        found.append(TypedRead(each.host, each.command, "", code, out, errors, ended.stat().st_mtime))
    return Reads(typed=found)
