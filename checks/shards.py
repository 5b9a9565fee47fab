"""Chapter: Manta's shards.  Its application names shards that somebody serves, and no lower level of SAPI hides what it says."""

from collections.abc import Iterable

from checks.manta import at_fault, coupled
from evidence.subjects.levels import INSTANCE, Override
from evidence.subjects.manta import NEEDED, application, domain, overrides, told_at_its_zone, unserved, wrong_values
from evidence.subjects.world import Region
from fixtures.check import CRITICAL, POSTCHANGE, check
from fixtures.outcomes import Finding
from fixtures.shown import show


@check(POSTCHANGE, CRITICAL, after=["one-manta-application", "one-poseidon", "sapi-answers"])
def test_manta_shards_are_assigned(manta_region: Region) -> None:
    """INDEX_MORAY_SHARDS and STORAGE_MORAY_SHARD are set in Manta's application at the master, as manta-shardadm writes them.

    In a datacenter without the application manta-shardadm says that there is none, but exits 0.  Without shards nothing can be
    deployed, and muskie finds no storage.  Of a list each shard is there once, the last one alone has `last`, and each name is one of
    Manta's domain: otherwise electric-moray's file is no JSON, or names nobody.  Source: seed; sdc-manta:cmd/manta-shardadm.js.
    """
    values = application(manta_region).metadata.values
    wrong = wrong_values(manta_region, values)
    if wrong:
        raise at_fault(
            manta_region,
            f"INDEX_MORAY_SHARDS and STORAGE_MORAY_SHARD name shards of {domain(manta_region)}",
            {key: values.get(key) for key in dict.fromkeys((*NEEDED, *(each.key for each in wrong)))}
            | {"wrong": [f"{each.key}: {each.why}" for each in wrong]},
        )


@check(
    POSTCHANGE, CRITICAL, after=["manta-shards-are-assigned", "one-manta-application", "one-poseidon", "sapi-answers"]
)
def test_manta_shards_are_served(manta_region: Region) -> None:
    """Each shard that Manta's application names is served: SAPI has an instance of moray (or buckets-mdapi) with its name.

    A name that nobody serves resolves to nothing.  muskie then finds no storage, and electric-moray none of the objects of that shard.
    Source: sdc-manta:lib/deploy.js createInstance (SERVICE_NAME).
    """
    values = application(manta_region).metadata.values
    wrong = unserved(manta_region, values)
    if wrong:
        raise at_fault(
            manta_region,
            {each.key: "a shard that is served" for each in wrong},
            {
                key: "; ".join(each.why for each in wrong if each.key == key)
                for key in dict.fromkeys(each.key for each in wrong)
            },
        )


@check(
    POSTCHANGE,
    CRITICAL,
    after=[
        "manta-shards-are-assigned",
        "manta-shards-are-served",
        "one-manta-application",
        "one-poseidon",
        "sapi-answers",
    ],
)
def test_manta_settings_are_not_overridden(manta_region: Region) -> None:
    """No service or instance of Manta's has a value of its own for a setting that its application has.

    SAPI merges the metadata of application, service and instance, and the later wins.  An electric-moray with shards of its own looks
    for objects where the others do not store them, and one webapi may put both copies into one datacenter.  An instance's own
    MUSKIE_MULTI_DC is told at its zone, if its file shows it.  Source: sdc-sapi:lib/server/endpoints/configs.js; facts "SAPI".
    """
    found = [each for each in overrides(manta_region) if not told_at_its_zone(manta_region, each)]
    if found:
        raise Finding(
            expected={each.key: each.above for each in found},
            observed="; ".join(
                f"the {each.level} {each.target.uuid} ({_whose(each)}) sets {each.key}: {show(each.value)}"
                for each in found
            ),
            culprits=_where(manta_region, found),
        )


def _whose(found: Override) -> str:
    return " in ".join(filter(None, (found.target.name, str(found.target.metadata.values.get("DATACENTER") or ""))))


def _where(region: Region, found: Iterable[Override]) -> list[str]:
    """The datacenters whose zones have such a value: an instance's own one, or all for a service."""
    names = {dc.name for dc in coupled(region)}
    own = [{str(each.target.metadata.values.get("DATACENTER"))} if each.level == INSTANCE else names for each in found]
    return sorted(set().union(*(each & names or names for each in own)))
