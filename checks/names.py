"""Chapter: names and configuration.  Region and domain are one, and what SAPI says is what the zones run with."""

from evidence.facts import Missing
from evidence.subjects import Datacenter, Zone
from fixtures.check import BOTH, CRITICAL, check


@check(BOTH, CRITICAL, after=["sapi-answers"])
def test_region_name_agrees(datacenter: Datacenter) -> None:
    """region_name in the SAPI metadata of `sdc` is the inventory's region of this datacenter.

    binder passes names of other datacenters on within one region only, and Manta spans one region.  Source: seed; facts
    "Head node configuration".
    """
    assert datacenter.sdc_metadata.values.get("region_name") == datacenter.declared.region


@check(BOTH, CRITICAL, after=["sapi-answers"])
def test_dns_domain_agrees(datacenter: Datacenter) -> None:
    """dns_domain in the SAPI metadata of `sdc` is the inventory's, or else the master's.

    Every name by which one datacenter finds the other's services ends in it.  Source: seed (binder configuration).
    """
    assert datacenter.sdc_metadata.values.get("dns_domain") == datacenter.dns_domain


@check(BOTH, CRITICAL, after=["sapi-answers", "services-run"])
def test_rendered_config_is_current(zone: Zone) -> None:
    """Each rendered configuration file of the zone says what SAPI's metadata says.

    config-agent skips what SAPI has not changed since, so a file edited by hand, or an agent that hangs, leaves the two
    apart for good.  Source: facts "Rendered config files".
    """
    for file in zone.files.values():
        if file.uncompared:
            raise Missing(
                f"{zone.datacenter}: what {file.path} of {zone.alias} should say", "SAPI /configs", file.uncompared
            )
    stale = [
        f"{path}: {difference.key} is {difference.file}, metadata says {difference.metadata}"
        for path, file in sorted(zone.files.items())
        for difference in file.differs
    ]
    assert not stale, "; ".join(stale)
