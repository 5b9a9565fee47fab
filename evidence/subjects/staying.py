"""What a candidate's UFDS keeps when sdc-ufds-m2s has deleted, of what replication brings, too."""

from __future__ import annotations

from evidence.fact import OutOfSight
from evidence.subjects.datacenter import OLDER
from evidence.subjects.questions import OF_ZONE
from evidence.subjects.zone import Zone


def its_own(ufds: Zone) -> list[str]:
    """The dns of groups, regions and a blacklist that it would keep.  Raises Missing, and OutOfSight of older evidence."""
    besides = ufds.accounts.besides
    if besides is None:
        question = OF_ZONE["accounts"]
        raise OutOfSight(ufds.id, "its groups and regions", question.how, OLDER)
    candidate = ufds.datacenter
    named = {candidate.declared.region, str(candidate.usbkey.values.get("region_name"))}
    return [dn for dn in besides if dn not in {f"region={name}, o=smartdc" for name in named}]
