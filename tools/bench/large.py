"""Inside a lab: what it costs to read large directories and to compare them, and what whoever only reads them pays.

`python -m tools.bench.large FIGURES ACCOUNTS PACE`
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from evidence.inventory.reading import read_inventory
from tools.bench.contenders import ROOT, judged
from tools.bench.figures import AFTER_CHANGES, AGAIN, ALL, DUMPS, LDAP3, OFF, CommandCost, LargeSetting
from tools.bench.inside import say
from tools.bench.reads import Searched, directories, load

FIRST_PORT: Final = 6360
"""Of the tunnels for ldapsearch, in the lab's own network."""
SECONDS: Final = 1800.0
LDAPSEARCH: Final = """for port in {ports}; do
    ldapsearch -x -LLL -H ldaps://127.0.0.1:$port -D {dn} -w {password} -z 2147483647 -b o=smartdc '(objectclass=*)' '*' >dump.$port || exit
done"""
CHANGE: Final = "dn: {dn}\nchangetype: modify\nreplace: cn\ncn: changed for the bench\n\n"


def main(figures: Path, accounts: int, pace: int) -> None:
    """Each contender once; the suite also by what changed."""
    inventory = os.environ["AZ_INVENTORY"]
    with tempfile.TemporaryDirectory(prefix="az-bench-") as name:
        folder = Path(name)
        reads = folder / "reads.json"
        if not judged(inventory, folder / "recorded", "--compare=off", AZ_BENCH_READS=str(reads)):
            raise SystemExit("bench: the suite did not judge the lab")
        declared = read_inventory(Path(inventory))
        master = declared.datacenters[declared.master].headnode
        there = sorted(directories(load(reads)), key=lambda each: each.host != master)
        took: dict[str, CommandCost] = {}

        def measure(what: str, command: Sequence[str]) -> str:
            took[what], told = measured(command, folder)
            say(
                f"  {what:8} {took[what].seconds:6.1f} s, processor {took[what].processor:5.1f} s, at most {took[what].megabytes} MB"
            )
            return told

        suite = [str(ROOT / "az-checks"), "run", inventory, f"--runs={folder / 'runs'}", "-q"]
        plain = measure(LDAP3, [sys.executable, "-m", "tools.bench.plain", str(reads)])
        entries, *dns = plain.split("\n")
        if shutil.which("ldapsearch"):
            with tunnels(there) as ports:
                dump = LDAPSEARCH.format(ports=" ".join(map(str, ports)), dn=there[0].dn, password=there[0].password)
                measure(DUMPS, ["sh", "-c", f"cd {folder} && {dump}"])
        measure(OFF, [*suite, "--compare=off"])
        measure(ALL, suite)
        measure(AGAIN, suite)
        change(there[0], [dn for dn in dns if dn])
        measure(AFTER_CHANGES, suite)
        found = LargeSetting(len(there), accounts, int(entries), took, pace)
    figures.write_bytes(msgspec.json.encode(found))


def measured(command: Sequence[str], folder: Path) -> tuple[CommandCost, str]:
    """What a command costs, with all that it starts and waits for, and what it prints."""
    known = os.environ | {"LDAPTLS_REQCERT": "never"}
    begun = time.monotonic()
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(command, cwd=ROOT, env=known, stdout=said, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds, used = time.monotonic() - begun, usage.ru_utime + usage.ru_stime
    if process.returncode:
        raise SystemExit(f"bench: {command[0]} ended with {process.returncode}")
    return CommandCost(seconds, used, usage.ru_maxrss // 1024), (folder / "said").read_text("utf-8", "replace")


@contextlib.contextmanager
def tunnels(there: Sequence[Searched]) -> Iterator[list[int]]:
    """A port of this machine for each UFDS."""
    with contextlib.ExitStack() as stack:
        ports = []
        for number, each in enumerate(there):
            port = FIRST_PORT + number
            forward = ["-o", "ExitOnForwardFailure=yes", "-L", f"127.0.0.1:{port}:{each.address}:636"]
            told = subprocess.Popen(
                ["ssh", *forward, each.host, "echo open; cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            stack.callback(told.terminate)
            assert told.stdout is not None
            if told.stdout.readline() != b"open\n":
                raise SystemExit(f"bench: no tunnel to {each.address}")
            ports.append(port)
        yield ports


def change(master: Searched, dns: Sequence[str]) -> None:
    """Change accounts of the first directory, and wait until every agent has seen that."""
    ldif = "".join(CHANGE.format(dn=dn) for dn in dns)
    command = ["ssh", master.host, "/opt/smartdc/bin/sdc-ldap modify"]
    subprocess.run(command, input=ldif.encode(), check=True, capture_output=True, timeout=SECONDS)
    subprocess.run([sys.executable, "-m", "lab", "settle"], cwd=ROOT, check=True, capture_output=True, timeout=SECONDS)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
