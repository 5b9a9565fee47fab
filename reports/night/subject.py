"""The result of a night in one line: the subject of its mail."""

from __future__ import annotations

from evidence.subjects.spec import BLOCKED
from reports.conclusion import Conclusion
from reports.page import counted, some
from reports.screen import nobody_answers


def subject(conclusion: Conclusion) -> str:
    """ "my-dc: 2 causes, 1 new, 1 gone; 3 checks could not be judged"."""
    verdict, since = conclusion.verdict, conclusion.since
    if nobody_answers(conclusion):
        return f"{some([region.name for region in conclusion.world.regions], 2)}: no head node can be asked"
    told = counted(len(verdict.causes), "cause") if verdict.causes else _well(conclusion)
    if since is not None:
        parts = ((since.new, "new"), (since.gone, "gone"), (since.flapping, "flapping"))
        told += "".join(f", {len(names)} {what}" for names, what in parts if names)
    unseen = verdict.counts.get(BLOCKED, 0)
    told += f"; {counted(unseen, 'check')} could not be judged" if unseen else ""
    return f"{some([region.name for region in conclusion.world.regions], 2)}: {told}"


def _well(conclusion: Conclusion) -> str:
    wellness = conclusion.wellness
    return (
        f"{wellness[0].lower()}{wellness[1:]}" if not conclusion.defects else "the suite broke; what it judged is well"
    )
