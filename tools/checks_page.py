"""docs/checks.md, made from the checks themselves: what must hold, what breaks otherwise, what it comes after, how it was proved."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

from evidence.subjects.spec import After, Spec
from fixtures.check import CHECKS, FUNCTIONS, one_line
from remediate.registry import remedies
from reports.catalogue import STAGES, about
from tests.judging import check_functions
from tests.proofs.cases import CASES

PAGE = Path(__file__).resolve().parent.parent / "docs" / "checks.md"
HEAD = """\
# The checks

This page is made from `checks/`, `remediate/` and `tests/proofs/`. Do not edit it:
`AZ_GOLDEN=write .venv/bin/pytest -c tests/pytest.ini tests/test_checks_page.py` makes it again.

Each check comes *after* others. Findings of these explain a finding of the check, if they are about the same zone, datacenter or region:
then they are the cause. `x@target` means x at the target of a way, `x@ROLE` means x at the zones of that role in the same datacenter.
`x/ROLE` counts only for zones of that role. Every check comes after `headnode-answers` and `headnode-is-the-right-one`. Every check about
a zone comes after `services-run`.

*preflight*: judged before a candidate is coupled. *postchange*: judged for the master and its replicas.
"""


def page() -> str:
    """The whole page: a chapter per module of checks, an anchor per id."""
    check_functions()
    chapters: dict[str, list[str]] = {}
    for check, spec in CHECKS.items():
        chapters.setdefault(spec.chapter, []).append(check)
    parts = [HEAD]
    for chapter in sorted(chapters):
        module = importlib.import_module(f"checks.{chapter}")
        title, _, rest = one_line(module.__doc__ or "").partition(".  ")
        parts.append(f"## {title.removeprefix('Chapter: ')}\n\n{rest}\n")
        parts += ["\n".join(_check(CHECKS[check])) for check in chapters[chapter]]
    return "\n".join(parts)


def _check(spec: Spec) -> Iterator[str]:
    holds = (inspect.getdoc(FUNCTIONS[spec.id]) or "").partition("\n\n")[0]
    yield f"### {spec.id}\n"
    yield f"{one_line(holds)}\n"
    if spec.otherwise:
        yield f"{spec.otherwise}\n"
    yield f"- {spec.severity}; {STAGES[spec.stage]}; about {about(spec)}"
    after = ["every other check of the zone"] if spec.sums_up else []
    after += map(_after, spec.after)
    if after:
        yield f"- after: {', '.join(after)}"
    if spec.source:
        yield f"- source: {spec.source}"
    faults = [f"`{case.fault}`" for case in CASES if any(cause.startswith(f"{spec.id}[") for cause in case.causes)]
    if faults:
        yield f"- faults of the lab that it was seen to find: {', '.join(dict.fromkeys(faults))}"
    remedy = remedies().get(spec.id)
    if remedy is not None:
        said = one_line((inspect.getdoc(remedy.build) or "").partition("\n\n")[0])
        yield f"- remedy: {said}" if said else "- remedy: printed with the finding"
    yield ""


def _after(after: After) -> str:
    return f"[{after}](#{after.check})"
