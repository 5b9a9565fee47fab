"""A datacenter that was coupled with another than the master: sdc-ufds-m2s was given the address of a replica, or its own.

Any UFDS answers the search by which sdc-ufds-m2s tries the way, so it does not notice (evidence/subjects/m2s.py, step 8).
"""

from __future__ import annotations

from typing import Any

from evidence.fact import Missing
from evidence.subjects.claims import ufds_addresses
from evidence.subjects.datacenter import Datacenter
from remediate.lookup import application, changed_metadata, usbkey_steps
from remediate.registry import Advised
from remediate.steps import DISRUPTIVE, Note

URL = "ldaps://"


def followed_instead(replica: Datacenter) -> str:
    """The datacenter, or the replica itself, that it was made to follow, if it has checkpoints for such alone; else nothing."""
    try:
        urls = {each.url for ufds in replica.zones("ufds") for each in ufds.directory.checkpoints}
    except Missing:
        return ""
    master, others = replica.master, replica.world.datacenters
    of = {URL + address: dc.name for dc in others if dc.name != master.name for address in ufds_addresses(dc)}
    of = {url: name for url, name in of.items() if url.removeprefix(URL) not in ufds_addresses(master)}
    return of[min(urls)] if urls and urls <= of.keys() else ""


def led_to_the_master(replica: Datacenter, flag: Any) -> Advised:
    """Name the master's address.  The replicator begins at the master's first change there; what is there already is told afterwards."""
    address, wrong = replica.master.ufds_address, followed_instead(replica)
    wanted = {"ufds_is_master": flag, "ufds_remote_ip": address}
    present = replica.sdc_metadata.values
    differ = {key: value for key, value in wanted.items() if present.get(key) != value}
    whose = "itself" if wrong == replica.name else wrong
    if differ:
        yield changed_metadata(
            replica,
            application(replica),
            differ,
            risk=DISRUPTIVE,
            why=f"{replica.name} follows {whose} and never followed the master: sdc-ufds-m2s was given its address",
            by_hand=True,
        )
    yield from usbkey_steps(replica, {"ufds_is_master": "false", "ufds_remote_ip": address})
    yield Note(
        f"With the new address the replicator of {replica.name} begins at the master's first change. Where it meets an entry that is there "
        "already it ends, and nothing is changed by that. Run the checks again until they find nothing: they print how it is led past each."
    )
