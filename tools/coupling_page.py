"""docs/coupling.md, made from the table of sdc-ufds-m2s: each step, what it needs and which check judges that, and what stands after it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from evidence.subjects.m2s import M2S, VERSIONS, Loss, Need, ToolStep
from evidence.subjects.mantatools import MANTA
from evidence.subjects.reconcile import RECONCILE

PAGE = Path(__file__).resolve().parent.parent / "docs" / "coupling.md"
HEAD = """\
# A coupling, step by step

This page is made from `evidence/subjects/m2s.py`, `reconcile.py` and `mantatools.py`. Do not edit it:
`AZ_GOLDEN=write .venv/bin/pytest -c tests/pytest.ini tests/test_coupling_page.py` makes it again.

`sdc-ufds-m2s` has no undo. It deletes first, and finds out afterwards whether it has what it needs. So the checks before a coupling
(`./az-checks run --preflight`) are those that its steps need; behind each need stand the checks that judge it. What a step takes away is
brought back by what stands behind it, or named by the check there.
"""
LINES = "Read in `sdc-headnode:tools/bin/sdc-ufds-m2s` as of 2022-09-13; the numbers behind the steps are those of its lines."
OTHER = "Read in `sdc-ufds:bin/ufds-reconcile-data` as of 2023-02-28. `sdc-ufds-m2s` starts it in its step 23. It can be run again by hand."

TOOLS = (
    "Read in `sdc-manta` (`cmd/manta-init.js`, `cmd/manta-shardadm.js`, `bin/manta-create-topology.sh`, `lib/deploy.js`); the names behind "
    "the steps are those of its functions. `./az-checks plan` prints the next of these as gates, where `manta: planned` is expected."
)


def page() -> str:
    """The whole page."""
    parts = [
        HEAD,
        "## sdc-ufds-m2s",
        LINES,
        *map(_row, M2S),
        "## ufds-reconcile-data",
        OTHER,
        *map(_row, RECONCILE),
        "## Manta over the region",
        TOOLS,
        *map(_row, MANTA),
        "## Other versions",
    ]
    return (
        "\n\n".join(part.strip() for part in parts)
        + "\n\n"
        + "".join(f"- {name}: {told}.\n" for name, told in VERSIONS)
    )


def _row(row: ToolStep) -> str:
    return "\n".join([f"**{row.number}.** {row.does} ({row.source}).", *_lines(row)])


def _lines(row: ToolStep) -> Iterator[str]:
    for need in row.needs:
        yield f"- needs {need.what}: {_judged(need)}"
    for loss in row.takes:
        yield f"- takes away {loss.what}: {_brought_back(loss)}"
    if row.writes:
        yield f"- writes {row.writes}"
    if row.ends:
        yield f"- ends here: {row.ends}"


def _judged(need: Need) -> str:
    return _links(need.checks) if need.checks else f"not checked; {need.why}"


def _brought_back(loss: Loss) -> str:
    named = f"named by {_links(loss.checks)}" if loss.checks else ""
    return "; ".join(filter(None, (loss.back, named)))


def _links(checks: Iterable[str]) -> str:
    return ", ".join(f"[{check}](checks.md#{check})" for check in checks)
