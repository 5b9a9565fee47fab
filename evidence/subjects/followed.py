"""At which of its addresses a replica can go on to follow its master: a checkpoint belongs to an address."""

from __future__ import annotations

from evidence.subjects.claims import follows_well, ufds_addresses
from evidence.subjects.datacenter import Datacenter


def address_to_follow(replica: Datacenter) -> str | None:
    """The master's address for which the replica has a checkpoint: the one by which it follows, or else by which it came furthest.

    It is None if there is none: with another address, replication begins at change 0 although the directory is full.  Raises Missing.
    """
    reached: dict[str, int] = {}
    for ufds in replica.zones("ufds"):
        for each in ufds.directory.checkpoints:
            address = each.url.removeprefix("ldaps://")
            reached[address] = max(each.changenumber, reached.get(address, 0))
    known = reached.keys() & ufds_addresses(replica.master)
    used, declared = str(replica.sdc_metadata.values.get("ufds_remote_ip")), replica.master.declared.ufds_address
    if used in known and follows_well(replica):
        return used
    return max(known, key=lambda each: (reached[each], each == used, each == declared, each), default=None)
