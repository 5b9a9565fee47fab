"""Which URLs the datacenters' cloudapis list for each other, which of them are another's, and whether they must answer from here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from evidence.fact import OutOfSight, untouched
from evidence.subjects.datacenter import Datacenter, of_each


def foreign_urls(datacenter: Datacenter, listed: Mapping[str, str]) -> dict[str, str]:
    """Each name in a list whose URL more datacenters give to another name, with that other name."""
    seen, _ = of_each(datacenter.world.coupling.coupled, _listed)
    given = Counter((name, url) for each in seen.values() for name, url in each.items())
    found = {}
    for name, url in listed.items():
        others = {other: count for (other, theirs), count in given.items() if theirs == url and other != name}
        owner = max(others, key=lambda other: others[other], default="")
        if owner and others[owner] > given[name, url]:
            found[name] = owner
    return found


def shared_urls(datacenter: Datacenter, listed: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Each coupled datacenter in a list whose URL other ones have there as well, with those. Names that are no datacenter's may share."""
    coupled = [each.name for each in datacenter.world.coupling.coupled if each.name in listed]
    found = {name: tuple(at for at in coupled if at != name and listed[at] == listed[name]) for name in coupled}
    return {name: others for name, others in found.items() if others}


def wrong_urls(datacenter: Datacenter, listed: Mapping[str, str]) -> list[str]:
    """Each datacenter in a list that has another one's URL there; where none has, each that shares one."""
    foreign = [
        f"{name} has {listed[name]}, which is {owner}'s" for name, owner in foreign_urls(datacenter, listed).items()
    ]
    shared = shared_urls(datacenter, listed).items()
    return foreign or [f"{name} has {listed[name]}, as has {' and '.join(others)}" for name, others in shared]


def _listed(datacenter: Datacenter) -> dict[str, str]:
    """What a datacenter's cloudapis list."""
    return {
        name: url for cloudapi in datacenter.zones("cloudapi") for name, url in cloudapi.listing.datacenters.items()
    }


def need_to_see_outside(datacenter: Datacenter) -> None:
    """Raises OutOfSight if customers' URLs need not answer to the machine that asks, or if none does and nobody said that they must."""
    told = datacenter.world.inventory.expect.outside
    with untouched():
        seen, _ = of_each(datacenter.world.coupling.coupled, lambda dc: dc.outside)
    silent = len(seen) > 1 and all(answer.status == 0 for answer in seen.values())
    if told is False or (told is None and silent):
        why = (
            "the inventory does not expect it (expect.outside)"
            if told is False
            else f"no URL of {len(seen)} datacenters answers to the machine where these checks run, so it may be one that customers' "
            "addresses do not answer to. Write `outside: true` below `expect` if they must"
        )
        raise OutOfSight(datacenter.id, "cloudapi from outside", "curl -k", why)
