"""Which URLs the datacenters' cloudapis list for each other, and which of them are another datacenter's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

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


def _listed(datacenter: Datacenter) -> dict[str, str]:
    """What a datacenter's cloudapis list."""
    return {
        name: url for cloudapi in datacenter.zones("cloudapi") for name, url in cloudapi.listing.datacenters.items()
    }
