"""`make bench`: measures in labs of several sizes, and writes docs/benchmark.md and its plot.

`--minutes N`: how long the rounds may take altogether (16). `--to FOLDER`: where page, plot and raw figures go, instead of docs/.
`--page FIGURES`: make the page from raw figures again.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import asyncssh
import msgspec

from tools.bench import judging, page, plot
from tools.bench.contenders import LIMIT, OWN_PYTHON, ROOT
from tools.bench.figures import Figures, LabSetting, LargeSetting, Terms
from tools.bench.inside import NEAR, WORKERS, say

LABS = {3: (("0", "40", "10+dark", "10"), 0.65), 10: (("10", "10+dark2"), 0.35)}
"""For each number of datacenters: delays each way, in milliseconds, and the share of the time."""
LARGE = ("10000", "100000", "20000@500")
"""So many accounts; and so many entries a second a UFDS sends: a real one took more than 20 s for 10,254."""
LIBRARIES = 'import importlib.metadata as m; print(m.version("pytest-testinfra"))'


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("--minutes", type=float, default=16)
    parser.add_argument("--to", type=Path, default=ROOT / "docs")
    parser.add_argument("--datacenters", type=int, action="append", choices=sorted(LABS), help="only labs of this size")
    told = "only large directories, added to the figures that are there"
    parser.add_argument("--large", action="append", metavar="ACCOUNTS[@PACE]", help=told)
    parser.add_argument("--page", type=Path, metavar="FIGURES")
    given = parser.parse_args()
    if given.page is not None:
        write(msgspec.json.decode(given.page.read_bytes(), type=Figures), given.to)
        return
    if given.large:
        before = msgspec.json.decode((given.to / "benchmark.json").read_bytes(), type=Figures)
        keep(msgspec.structs.replace(before, large=large(given.large)), given.to)
        return
    if not OWN_PYTHON.exists():
        raise SystemExit("bench: pytest-testinfra is not set up; make bench does that")
    sizes = given.datacenters or sorted(LABS)
    shares = sum(LABS[size][1] for size in sizes)
    by_size = {size: lab(size, given.minutes * LABS[size][1] / shares) for size in sizes}
    settings = [each for found in by_size.values() for each in found]
    if not settings:
        raise SystemExit("bench: there are no figures at all; docs/ is as it was")
    count, *judged = judging.measured()
    say(f"{count} checks judged from stored evidence: {judged[0]:.2f} s; as many empty tests: {judged[1]:.2f} s")
    figures = Figures(
        machine=machine(),
        day=f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
        versions=versions(),
        judging=(judged[0], judged[1], judged[2]),
        terms=Terms(LIMIT, NEAR, WORKERS),
        settings=settings,
        without=tuple(size for size, found in by_size.items() if not found),
        large=large(LARGE),
    )
    keep(figures, given.to)


def keep(figures: Figures, folder: Path) -> None:
    """Write the figures, and what is made of them."""
    (folder / "benchmark.json").write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=1) + b"\n")
    write(figures, folder)


def large(wanted: Sequence[str]) -> list[LargeSetting]:
    """Measure large directories, each size and pace in a lab of its own."""
    return [found for each in wanted if (found := _large(*each.partition("@")[::2])) is not None]


def _large(accounts: str, pace: str) -> LargeSetting | None:
    with tempfile.NamedTemporaryFile(prefix="az-bench-") as file:
        inside = [sys.executable, "-m", "tools.bench.large", file.name, accounts, pace or "0"]
        done = subprocess.run(
            [sys.executable, "-m", "lab", "--accounts", accounts, "--ufds-pace", pace or "0", "--", *inside],
            cwd=ROOT,
            env=_known(),
            check=False,
        )
        if done.returncode:
            say(f"no figures of {accounts} accounts: exit status {done.returncode}")
            return None
        return msgspec.json.decode(Path(file.name).read_bytes(), type=LargeSetting)


def _known() -> dict[str, str]:
    """Modules are compiled once, as on an operator's machine."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


def lab(size: int, minutes: float) -> list[LabSetting]:
    """Measure in a lab of so many datacenters. One that this machine does not carry is left out, and that is said."""
    with tempfile.NamedTemporaryFile(prefix="az-bench-") as file:
        inside = [sys.executable, "-m", "tools.bench.inside", f"{minutes:g}", file.name, *LABS[size][0]]
        command = [sys.executable, "-m", "lab", "--datacenters", str(size), "--", *inside]
        done = subprocess.run(command, cwd=ROOT, env=_known(), check=False)
        if done.returncode:
            say(f"not all figures of {size} datacenters: exit status {done.returncode}")
        return msgspec.json.decode(Path(file.name).read_bytes() or b"[]", type=list[LabSetting])


def write(figures: Figures, folder: Path) -> None:
    """Write the page and the plot."""
    (folder / "benchmark.md").write_text(page.rendered(figures), encoding="utf-8")
    (folder / "benchmark.svg").write_text(plot.drawn(figures.settings), encoding="utf-8")
    say(f"see {folder / 'benchmark.md'}")


def machine() -> str:
    """This machine, in general words."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return f"{os.cpu_count()} processors ({platform.machine()}), {memory:.0f} GiB of memory, Linux, Python {platform.python_version()}"


def versions() -> dict[str, str]:
    """Of the programs that are compared."""
    theirs = subprocess.run([OWN_PYTHON, "-c", LIBRARIES], capture_output=True, text=True, check=True).stdout.strip()
    ssh = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=True).stderr.partition(" ")[0]
    return {"asyncssh": asyncssh.__version__, "OpenSSH": ssh.removeprefix("OpenSSH_"), "pytest-testinfra": theirs}


if __name__ == "__main__":
    main()
