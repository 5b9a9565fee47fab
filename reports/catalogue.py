"""A check as the catalogue has it, on the terminal: what must hold, why, about whom, after what, and how it is repaired."""

from __future__ import annotations

import inspect

from evidence.subjects.spec import Spec, page_of
from remediate.registry import remedies
from reports.page import BOLD, Page

STAGES = {"preflight": "preflight", "postchange": "postchange", "both": "preflight and postchange"}
SUBJECTS = {
    "api": "every zone of cnapi, fwapi, imgapi, napi and vmapi",
    "configured": "every zone of adminui, binder, cloudapi, sapi and ufds",
    "restarted": "every zone of adminui, cloudapi and ufds",
    "candidate": "every candidate",
    "coupling": "the coupling",
    "datacenter": "every datacenter",
    "link": "every way from a zone to its target",
    "manta_datacenter": "every datacenter with Manta",
    "manta_region": "the region with Manta",
    "master": "the master",
    "region": "every region",
    "replica": "every replica",
    "zone": "every core zone",
}
_INDENT, _LABEL = 3, 11


def about(spec: Spec) -> str:
    """Which subjects a check is about."""
    return SUBJECTS.get(spec.subject, f"every {spec.subject.replace('_', '-')} zone")


def write_check(page: Page, spec: Spec) -> None:
    """The whole entry of a check."""
    page.line(f"{spec.id}: {spec.severity}, {STAGES[spec.stage]}", BOLD)
    write_claim(page, spec)
    after = ["every other check of the zone"] * spec.sums_up + [str(each) for each in spec.after]
    remedy = remedies().get(spec.id)
    doc = inspect.getdoc(remedy.build) if remedy is not None else ""
    told = {
        "about": about(spec),
        "after": ", ".join(after),
        "remedy": " ".join((doc or "").partition("\n\n")[0].split()) or ("printed with the finding" if remedy else ""),
        "source": spec.source,
        "see": page_of(spec.id),
    }
    for label, text in told.items():
        if text:
            page.prose(text, _INDENT, label, _LABEL)


def write_claim(page: Page, spec: Spec) -> None:
    """What must hold, and why that matters."""
    page.prose(spec.summary, _INDENT, "must hold", _LABEL)
    if spec.otherwise:
        page.prose(spec.otherwise, _INDENT, "why", _LABEL)
