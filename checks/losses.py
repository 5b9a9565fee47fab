"""Chapter: what a coupling takes away.  All that sdc-ufds-m2s deletes or overwrites is current elsewhere, can be saved, or is named.

It asks whether it may begin, and says what it deletes only as a whole.  Nothing that it overwrites is saved.
"""

from evidence.accounts import KEY, Belonging, Belongings
from evidence.fact import Missing, OutOfSight
from evidence.headnode import LACKING, MORE, UNFIT, CopyDifference
from evidence.model import Key
from evidence.subjects.datacenter import OLDER, Datacenter
from evidence.subjects.m2s import LIMIT
from evidence.subjects.room import ROOM, room_for
from fixtures.check import CRITICAL, PREFLIGHT, WARNING, check
from fixtures.outcomes import Finding
from fixtures.shown import show


@check(PREFLIGHT, CRITICAL, after=["candidate-is-not-coupled-yet"])
def test_candidate_can_save_what_is_deleted(candidate: Datacenter) -> None:
    """sdc-ufds-m2s can write its files in /var/tmp and /tmp of the head node, and /var/tmp has room for what it saves.

    There it saves what it deletes below admin, twice, and reads the list of what to delete.  If it cannot, it says so and goes on: nothing
    is saved, the probes are lost, and admin stays half deleted and cannot be replicated.  1 MB must be left besides, and 16 MB where
    nobody knows how much is below admin.  Source: sdc-headnode:tools/bin/sdc-ufds-m2s.
    """
    room = candidate.m2s_room
    if room.closed:
        raise Finding(
            expected="all that sdc-ufds-m2s writes can be written", observed=f"cannot be written: {show(room.closed)}"
        )
    if room.free is None:
        raise Missing(candidate.id, "the room in /var/tmp", "df -k /var/tmp", "df prints no numbers")
    assert room.free >= _written(candidate), "kB that are free in /var/tmp, and that sdc-ufds-m2s wants there"


def _written(candidate: Datacenter) -> int:
    """kB that sdc-ufds-m2s writes in /var/tmp, as far as it is known what is below admin."""
    try:
        facts = [ufds.evidence.belongings for ufds in candidate.zones("ufds")]
    except Missing:
        return ROOM
    held = [fact.value for fact in facts if fact is not None and fact.value is not None]
    sizes = [each.size for each in held if each.size is not None]
    return room_for(sum(sizes), sum(each.count for each in held)) if sizes else ROOM


@check(
    PREFLIGHT, CRITICAL, after=["usbkey-can-be-evaluated", "candidate-usbkey-mounts", "candidate-is-not-coupled-yet"]
)
def test_candidate_usbkey_copy_is_current(candidate: Datacenter) -> None:
    """The USB key's copy of the configuration says what /usbkey/config says.

    At its end sdc-ufds-m2s writes two settings into the key's copy (/mnt/usbkey/config), and copies that over /usbkey/config.  What was
    kept current only in /usbkey/config is lost then: names, addresses, passwords.  Without a copy on the key, two lines are left of
    /usbkey/config.  It is a warning if the key's copy only has settings more.  The suite does not mount the key.  So it can read the copy
    only while the key is mounted, or where the head node was booted from a pool.  Source: sdc-headnode:tools/bin/sdc-ufds-m2s.
    """
    copy = candidate.usbkey_copy
    if not copy.path and not candidate.usbkey_mount.ok:
        why = "the USB key is not mounted, so /mnt/usbkey/config cannot be read"
        raise Missing(candidate.id, "the USB key's own copy of the configuration", "cat /mnt/usbkey/config", why)
    expected = "the USB key's copy of the configuration is that of /usbkey/config"
    if not copy.path:
        raise Finding(expected=expected, observed="the USB key is mounted, and has no /mnt/usbkey/config")
    if copy.differs:
        mild = all(each.kind == MORE for each in copy.differs)
        raise Finding(
            expected=expected,
            observed=f"{copy.path}: {'; '.join(map(_differs, copy.differs))}",
            severity=WARNING if mild else None,
        )


def _differs(each: CopyDifference) -> str:
    """Both values if they are no secrets, with what stays in front."""
    if not each.key:
        return (
            "lines that are no settings, which /usbkey/config has not"
            if each.kind != LACKING
            else "lacks a line that is no setting"
        )
    said = {
        LACKING: f"lacks {each.key}",
        MORE: f"has {each.key}, which /usbkey/config has not",
        UNFIT: f"has a bad line for {each.key}, which the shell cannot take or changes",
    }
    told = f"{show(each.there)}, not {show(each.here)}" if each.here or each.there else "another value"
    return said.get(each.kind, f"{each.key} is {told}")


@check(
    PREFLIGHT,
    CRITICAL,
    after=["ufds-answers", "candidate-is-not-coupled-yet", "admin-uuid-agrees", "candidate-is-still-whole"],
)
def test_candidate_admin_has_nothing_to_lose(candidate: Datacenter, master: Datacenter) -> None:
    """A candidate's admin has no key that the master's admin lacks, but its head node's and its sdc key; no sub-users, roles and policies.

    sdc-ufds-m2s deletes all that is below admin.  Nobody brings the keys back, or sub-users, who have passwords.  Roles and policies are
    loaded again in this datacenter only, if nothing before them fails.  Amon probes are saved and loaded again.  It is critical if there
    are more entries than UFDS lists at once (1000): then they are neither all saved nor all deleted, and admin stays.  Source:
    sdc-headnode:tools/bin/sdc-ufds-m2s; facts "How a real UFDS answers".
    """
    for ufds in candidate.zones("ufds"):
        seen = ufds.belongings
        if seen is None:
            raise OutOfSight(ufds.id, "what is below its admin", "ldapsearch", OLDER)
        lost = [one for one in seen.named if not (one.kind == KEY and one.fingerprint in _brought_back(candidate))]
        if any(one.kind == KEY for one in lost):
            known = {key.fingerprint for key in _keys(master)}
            lost = [one for one in lost if not (one.kind == KEY and one.fingerprint in known)]
        if seen.count >= LIMIT:
            raise Finding(
                expected=f"fewer than {LIMIT} entries below admin of {ufds}", observed=f"{seen.count}; {_named(lost)}"
            )
        rest = sum(seen.counts.values()) - len(seen.named)
        if lost or rest:
            raise Finding(
                expected=f"nothing below admin of {ufds} that the coupling takes away",
                observed=_named(lost) + (f", and {rest} more" if rest else "") + _saved(seen),
                severity=WARNING,
            )


def _brought_back(candidate: Datacenter) -> set[str]:
    """The keys that ufds-reconcile-data and replica-key-is-known-to-master bring back."""
    values = candidate.sdc_metadata.values
    told = (values.get("SDC_KEY_ID"), values.get("ufds_admin_key_fingerprint"))
    return {str(each).removeprefix("MD5:") for each in told if each}


def _keys(datacenter: Datacenter) -> list[Key]:
    return [key for ufds in datacenter.zones("ufds") for key in ufds.directory.keys]


def _saved(seen: Belongings) -> str:
    others = seen.count - sum(seen.counts.values())
    return f"; {others} more, probes and the like, are saved and loaded again" if others else ""


def _named(lost: list[Belonging]) -> str:
    return ", ".join(map(str, lost)) or "none of them is lost"
