"""At which step sdc-ufds-m2s ended, by what it has deleted and set, and by what it left behind."""

from __future__ import annotations

from evidence.fact import Missing
from evidence.model import Directory
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.m2s import M2S, SAVED
from evidence.subjects.triton import REPLICATOR

UNSTARTED = (17, 18)
"""SAPI says replica, and the replicator is not there yet."""
BACK = "replica in SAPI and master in /usbkey/config, with an admin, who was brought back since"


def ended(datacenter: Datacenter) -> tuple[int, int] | None:
    """The first and the last step at which it may have ended; None if it did not begin to delete. Raises Missing."""
    ufds = datacenter.zones("ufds")[0]
    held = ufds.directory
    if str(datacenter.sdc_metadata.values.get("ufds_is_master")).lower() == "true":
        return _deleting(datacenter, held)
    if ufds.service_state(REPLICATOR) == "absent":
        return UNSTARTED
    if not held.admin:
        return 19, 20
    if str(datacenter.usbkey.values.get("ufds_is_master")).lower() != "true":
        return None
    registered = [each for zone in datacenter.master.zones("ufds") for each in zone.directory.datacenters]
    return (24, 26) if any(each.datacenter == datacenter.name for each in registered) else (21, 23)


def _deleting(datacenter: Datacenter, held: Directory) -> tuple[int, int] | None:
    """While SAPI still says master: what is gone comes in the order in which it deletes."""
    if not held.admin:
        return (16, 17) if held.version is None else (14, 15)
    if held.operators is not None and held.readers:
        return None
    if not set(SAVED) & set(datacenter.leftovers):
        return 9, 11
    return (11, 13) if held.keys else (13, 14)


def told(datacenter: Datacenter) -> str:
    """The same in words: where it ended, what the datacenter is now, and what was saved; nothing if it is not known."""
    try:
        steps = ended(datacenter)
        saved = [path for path in SAVED if path in datacenter.leftovers]
        restored = steps == UNSTARTED and datacenter.zones("ufds")[0].directory.admin
    except Missing:
        return ""
    if steps is None:
        return ""
    first, last = (M2S[number - 1] for number in steps)
    return (
        f"sdc-ufds-m2s ended between its steps {first.number} ({_begun(first.does)}) and {last.number} ({_begun(last.does)}): "
        f"docs/coupling.md. {datacenter.name} is now: {BACK if restored else first.ends}. "
        f"What it saved: {', '.join(saved) or 'no file of it is there any more'}."
    )


def _begun(text: str) -> str:
    return text[:1].lower() + text[1:]
