"""Chapter: Manta's shards.  Name shards that are served, as manta-shardadm writes them, and take away what hides them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evidence.subjects.datacenter import Datacenter
from evidence.subjects.levels import SERVICE, Override
from evidence.subjects.manta import (
    DOMAIN,
    INDEX,
    NEEDED,
    STORAGE,
    domain,
    listed,
    mended,
    overrides,
    parts,
    served,
    served_if_known,
    services,
    shards,
    unserved,
    wrong_values,
)
from evidence.subjects.triton import SHARDED
from evidence.subjects.world import Region
from remediate import typed
from remediate.lookup import headnode, metadata_of
from remediate.manta import application_of, muskies_restarted, with_setting
from remediate.registry import Advised, in_each, remedy
from remediate.steps import DISRUPTIVE, RESTARTS, Note, acting


@remedy("manta-shards-are-assigned")
def assign_shards(manta_region: Region) -> Advised:
    """Set what manta-shardadm sets (sdc-manta:cmd/manta-shardadm.js).  Only the people who deployed the shards know which there are."""
    found = application_of(manta_region)
    values = found.metadata.values
    if not values.get(DOMAIN) or not isinstance(values[DOMAIN], str):
        yield Note("The application has no DOMAIN_NAME, which ends every shard's name. So manta-init did not make it.")
        return
    wrong = {each.key for each in wrong_values(manta_region, values)}
    wanted = {key: _mended(manta_region, values, key) for key in sorted(wrong)}
    unread = sorted(key for key, value in wanted.items() if value in (None, []))
    if unread:
        yield Note(f"No shard can be read out of {', '.join(unread)}. Type it as you deployed it (manta-shardadm set).")
        return
    guessed = any(not values.get(key) for key in NEEDED)
    if guessed:
        why = (
            "the same as `manta-shardadm set -i 1.moray -s 1.moray` in the manta zone of the SAPI master: one shard for all. If "
            "your Manta has more shards, or had others when its hash ring was made, type those"
        )
    else:
        why = "the same shards as manta-shardadm writes them: each once, in Manta's domain, and the last one alone with `last`"
    master = manta_region.world.master
    yield acting(headnode(master), metadata_of(master, found, wanted), risk=DISRUPTIVE, why=why, by_hand=True)
    yield from _with_shards(manta_region, "manta-shards-are-assigned", wanted)


def _mended(region: Region, values: Mapping[str, Any], key: str) -> Any:
    """The right value of a key: as it can be read out of the wrong one, or the first shard's where there is none."""
    if key not in SHARDED:
        return typed.dns_name(parts(region, values)[key])
    if values.get(key):
        return mended(region, values, key)
    there = served_if_known(region, key)
    one = typed.dns_name(next(iter(there)) if len(there) == 1 else f"1.{SHARDED[key]}.{domain(region)}")
    return one if key == STORAGE else listed((one,))


def _with_shards(region: Region, check: str, wanted: Mapping[str, Any]) -> Advised:
    """Brings shards into the processes that read them at their start only."""
    if STORAGE in wanted:
        yield from muskies_restarted(region, check, "storage.moray.srvDomain", str(wanted[STORAGE]))
    if INDEX in wanted and STORAGE not in wanted:
        yield Note(
            "electric-moray reads its shards only at its start. When its files are rendered (within three minutes), type in every "
            "datacenter, one after the other: manta-oneach -s electric-moray 'svcadm restart \"*electric-moray-*\"'"
        )


@remedy("manta-shards-are-served")
def name_shards_that_are_served(manta_region: Region) -> Advised:
    """Name a shard that is served, if there is no choice.  Whether a moray is missing instead, only those know who deployed Manta."""
    found, known = application_of(manta_region), services(manta_region)
    values, wanted = found.metadata.values, dict[str, Any]()
    for key in dict.fromkeys(each.key for each in unserved(manta_region, values)):
        there, named = served(known, key), shards(values.get(key))
        rest = tuple(host for host in named if host in there)
        free = sorted(there - set(rest))
        if key == STORAGE and len(there) == 1:
            wanted[key] = typed.dns_name(free[0])
        elif key != STORAGE and (rest or len(free) == 1):
            wanted[key] = listed(tuple(map(typed.dns_name, rest or free)))
        else:
            yield Note(
                f"{key}: {', '.join(sorted(there))} are served, and only those who deployed Manta know which is meant. Type it in the "
                "manta zone of the SAPI master (manta-shardadm set), and restart what reads it."
            )
    if wanted:
        yield acting(
            headnode(manta_region.world.master),
            metadata_of(manta_region.world.master, found, wanted),
            risk=DISRUPTIVE,
            why="names only shards that are served. If a moray of the named shard was meant to run, do not type this: deploy it "
            "(manta-adm update). The hash ring must know the same shards",
            by_hand=True,
        )
        yield from _with_shards(manta_region, "manta-shards-are-served", wanted)


@remedy("manta-settings-are-not-overridden")
def take_mantas_overrides_away(manta_region: Region) -> Advised:
    """Delete the value at the lower level, at Manta's master, so that the application's counts again."""
    found = overrides(manta_region)

    def without(each: Override) -> Advised:
        yield acting(
            headnode(manta_region.world.master),
            metadata_of(manta_region.world.master, each.target, {}, (each.key,)),
            risk=RESTARTS,
            why=f"the {each.level} of {each.target.name} hides what Manta's application has. If it is meant, set it there",
        )

    yield from typed.each(manta_region.world, found, without)
    hidden = [each for each in found if each.target.name == "webapi"]

    def restarts(datacenter: Datacenter) -> Advised:
        for webapi in datacenter.zones("webapi"):
            mine = [each for each in hidden if each.level == SERVICE or each.target.uuid == webapi.vm.uuid]
            if mine:
                yield with_setting(webapi, mine[0].key, mine[0].above)

    if hidden:
        yield from in_each(manta_region.with_manta, restarts)
    others = sorted({each.target.name for each in found} - {"webapi"})
    if others:
        yield Note(
            f"{', '.join(others)} read their files only at their start. When these are rendered (within three minutes), restart them, in "
            "every datacenter, one after the other: manta-oneach -s SERVICE 'svcadm restart \"*SERVICE*\"'"
        )
