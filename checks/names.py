"""Chapter: names and configuration.  Region and domain are one, and what SAPI says is what the zones run with."""

import pytest

from evidence.fact import Missing
from evidence.model import Difference
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.triton import ADMIN_UUID, MANTA_ROLES, RENDERED
from evidence.subjects.zone import Zone
from fixtures.check import BOTH, CRITICAL, WARNING, After, check


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


@check(BOTH, CRITICAL, after=["sapi-answers"])
def test_admin_uuid_agrees(datacenter: Datacenter, master: Datacenter) -> None:
    """ufds_admin_uuid in the SAPI metadata of `sdc` is the master's, and set (without one there, it is that of all of Triton).

    There is one admin in all datacenters; sdc-ufds-m2s deletes the account of this uuid, and waits until it has replicated.
    Source: facts "Zones" (it is the same in every datacenter).
    """
    here, there = (dc.sdc_metadata.values.get("ufds_admin_uuid") for dc in (datacenter, master))
    assert here == (there or ADMIN_UUID)


@check(
    BOTH,
    WARNING,
    after=[
        "sapi-answers",
        "region-name-agrees",
        "dns-domain-agrees",
        "admin-uuid-agrees",
        "one-ufds-master",
        "replica-points-at-master",
        "candidate-is-not-coupled-yet",
    ],
)
def test_usbkey_agrees_with_sapi(datacenter: Datacenter) -> None:
    """/usbkey/config and the SAPI metadata of `sdc` say the same.

    Zones are rendered from SAPI, the head node boots with and installs from /usbkey/config; nothing copies the one to the
    other, and an aborted sdc-ufds-m2s leaves them apart.  Source: facts "Head node configuration".
    """
    usbkey, sapi = datacenter.usbkey.of_coupling, datacenter.sdc_metadata.of_coupling
    apart = [key for key in usbkey if usbkey[key] != sapi[key]]
    assert {key: usbkey[key] for key in apart} == {key: sapi[key] for key in apart}, (
        "/usbkey/config, where SAPI's metadata says what is expected"
    )


@check(BOTH, CRITICAL, after=["sapi-answers", "services-run", After("candidate-config-agent-runs", only="ufds")])
def test_rendered_config_is_current(zone: Zone) -> None:
    """Each rendered configuration file of the zone says what SAPI's metadata says.

    config-agent skips what SAPI has not changed since, so a file edited by hand, or an agent that hangs, leaves the two
    apart for good.  Files of adminui, binder, cloudapi, SAPI, UFDS and muskie are compared.  Of a difference the key is told,
    and the values only where they are names, addresses and the like: a file can hold passwords anywhere.  Source: facts
    "Rendered config files".
    """
    if not zone.files and zone.role not in RENDERED:
        pytest.skip("the suite reads no rendered file of such a zone")
    if not zone.files:
        raise Missing(zone.id, "its rendered files", "cat (by zlogin)", "none of them is there")
    for file in zone.files.values():
        if file.uncompared and zone.role in MANTA_ROLES:
            pytest.skip(
                f"what Manta's zones are to be rendered with is known to the master's SAPI only ({file.uncompared})"
            )
        if file.uncompared:
            raise Missing(
                zone.datacenter.id, f"what {file.path} of {zone.alias} should say", "SAPI /configs", file.uncompared
            )
    stale = [f"{path}: {_told(difference)}" for path, file in sorted(zone.files.items()) for difference in file.differs]
    assert not stale, "; ".join(stale)


def _told(difference: Difference) -> str:
    if difference.file == difference.metadata:  # neither side is shown
        return f"{difference.key} differs from what the metadata say"
    return f"{difference.key} is {difference.file}, metadata says {difference.metadata}"
