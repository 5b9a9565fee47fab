"""Chapter: names and configuration.  All datacenters agree on region and domain, and the zones run with what SAPI says."""

import pytest

from evidence.fact import Missing, OutOfSight
from evidence.model import ConfigFile, Difference
from evidence.subjects.agreed import admin_uuid
from evidence.subjects.datacenter import OLDER, Datacenter
from evidence.subjects.levels import overrides, unasserted_port
from evidence.subjects.triton import MANTA_ROLES, MORAY_PORT, READERS, RENDERED, SAPI_MASTER_CONFIG
from evidence.subjects.zone import Zone
from fixtures.check import BOTH, CRITICAL, WARNING, After, check
from fixtures.outcomes import Finding
from fixtures.shown import show


@check(BOTH, CRITICAL, after=["sapi-answers", "settings-have-their-form"])
def test_region_name_agrees(datacenter: Datacenter) -> None:
    """region_name in the SAPI metadata of `sdc` is the inventory's region of this datacenter.

    binder answers names of other datacenters only within its region, and Manta spans one region.  Source: seed; facts
    "Head node configuration".
    """
    assert datacenter.sdc_metadata.values.get("region_name") == datacenter.declared.region


@check(BOTH, CRITICAL, after=["sapi-answers", "settings-have-their-form"])
def test_dns_domain_agrees(datacenter: Datacenter) -> None:
    """dns_domain in the SAPI metadata of `sdc` is the inventory's, or that of most datacenters if the inventory names none.

    All names by which one datacenter finds the other's services end in it.  Source: seed (binder configuration).
    """
    assert datacenter.sdc_metadata.values.get("dns_domain") == datacenter.dns_domain


@check(BOTH, CRITICAL, after=["sapi-answers", "settings-have-their-form"])
def test_admin_uuid_agrees(datacenter: Datacenter) -> None:
    """ufds_admin_uuid in the SAPI metadata of `sdc` is set, and is that of the coupling's one admin.

    It is the one whom the operators of the master's UFDS have among them, or else the one whom most datacenters name: so the master's
    own setting is judged, too.  sdc-ufds-m2s deletes the account of this uuid, and waits until replication has brought it
    back.  Source: facts "Zones" (it is the same in every datacenter).
    """
    assert datacenter.sdc_metadata.values.get("ufds_admin_uuid") == admin_uuid(datacenter.world)


@check(
    BOTH,
    WARNING,
    after=[
        "usbkey-can-be-evaluated",
        "sapi-answers",
        "settings-have-their-form",
        "region-name-agrees",
        "dns-domain-agrees",
        "admin-uuid-agrees",
        "datacenter-identity-agrees",
        "one-ufds-master",
        "replica-points-at-master",
        "candidate-is-not-coupled-yet",
        "candidate-usbkey-names-what-is-deleted",
    ],
)
def test_usbkey_agrees_with_sapi(datacenter: Datacenter) -> None:
    """/usbkey/config and the SAPI metadata of `sdc` say the same.

    The zones' files are rendered from SAPI.  The head node boots and installs from /usbkey/config.  Nothing copies one to the
    other, and after an aborted sdc-ufds-m2s they differ.  Source: facts "Head node configuration".
    """
    usbkey, sapi = datacenter.usbkey.of_coupling, datacenter.sdc_metadata.of_coupling
    apart = [key for key in usbkey if usbkey[key] != sapi[key]]
    assert {key: usbkey[key] for key in apart} == {key: sapi[key] for key in apart}, (
        "/usbkey/config, where SAPI's metadata says what is expected"
    )


@check(BOTH, CRITICAL, after=["headnode-answers", "settings-have-their-form", "settings-are-not-overridden"])
def test_rendered_files_are_usable(configured: Zone) -> None:
    """Each rendered file is one that its service can start with: it is JSON, and SAPI's port of a master's moray is 2020.

    config-agent puts a setting into the file as it is.  With a value that is no JSON, or a blank behind a port, the service ends at its
    start and goes to maintenance.  Clearing it does not help while the value is there.  Source: facts "Rendered config files", "SAPI";
    PUBAPI-516.
    """
    if configured.evidence.settings is None:
        raise OutOfSight(configured.id, "whether its files are JSON", "cat (by zlogin)", OLDER)
    broken = [_why_broken(configured.datacenter, file) for _, file in sorted(configured.files.items()) if file.broken]
    wrong = _wrong_port(configured)
    if broken or wrong:
        raise Finding(
            expected="files that the services can start with", observed="; ".join([*broken, *filter(None, [wrong])])
        )


def _why_broken(datacenter: Datacenter, file: ConfigFile) -> str:
    """Where a file is broken, and the setting of SAPI that breaks it: by its value, or because SAPI has none."""
    if not file.broken_by:
        return f"{file.path}: {file.broken}"
    objects = [
        *(datacenter.evidence.applications.value or {}).values(),
        *(datacenter.evidence.services.value or {}).values(),
    ]
    known = any(file.broken_by in each.metadata.values for each in objects)
    why = f"because of the value of {file.broken_by} in SAPI" if known else f"because SAPI has no {file.broken_by}"
    return f"{file.path}: {file.broken}, {why}"


def _wrong_port(zone: Zone) -> str:
    """What SAPI asserts: with a name as its master's moray the port is 2020. Empty if it holds."""
    port = unasserted_port(zone)
    return (
        f"{SAPI_MASTER_CONFIG}: moray.master_port, from MASTER_MORAY_PORT in SAPI, is {show(port)}, not {MORAY_PORT}"
        if port
        else ""
    )


@check(
    BOTH,
    CRITICAL,
    after=[
        "sapi-answers", "services-run", "rendered-files-are-usable", "settings-are-not-overridden",
        After("candidate-config-agent-runs", only="ufds"),
    ],
)  # fmt: skip
def test_rendered_config_is_current(zone: Zone) -> None:
    """Each rendered configuration file of the zone says what SAPI's metadata says.

    config-agent renders a file only after a change in SAPI.  So a file that was edited by hand stays wrong, and so does any
    file if the agent hangs.  Files of adminui, binder, cloudapi, SAPI, UFDS and muskie are compared.  A finding names the key
    that differs.  It shows the values only if they are names, addresses and the like, because a file can hold passwords
    anywhere.  Source: facts "Rendered config files".
    """
    if not zone.files and zone.role not in RENDERED:
        pytest.skip("the suite reads no rendered file in such a zone")
    if not zone.files:
        raise Missing(zone.id, "its rendered files", "cat (by zlogin)", "none of them is there")
    for file in zone.files.values():
        if file.uncompared and zone.role in MANTA_ROLES:
            pytest.skip(f"only the master's SAPI knows what Manta's zones must be rendered with ({file.uncompared})")
        if file.uncompared:
            raise Missing(
                zone.datacenter.id, f"what {file.path} of {zone.alias} should say", "SAPI /configs", file.uncompared
            )
    stale = [f"{path}: {_told(difference)}" for path, file in sorted(zone.files.items()) for difference in file.differs]
    assert not stale, "; ".join(stale)


@check(BOTH, CRITICAL, after=[After("sapi-answers", unseen=True)])
def test_settings_are_not_overridden(configured: Zone) -> None:
    """Neither the zone's SAPI instance nor its service hides a setting of the coupling behind a value of its own.

    SAPI merges the metadata of application, service and instance, and the later wins.  So a value at an instance decides for this
    zone alone, and whoever looks at the application or the service sees another one.  A value that is the same as above hides nothing.
    Source: sdc-sapi:lib/server/endpoints/configs.js; facts "SAPI".
    """
    if configured.evidence.settings is None:
        raise OutOfSight(configured.id, "what SAPI sets in it", "sdc-sapi /configs", OLDER)
    found = overrides(configured)
    if found:
        raise Finding(
            expected={each.key: each.above for each in found},
            observed="; ".join(
                f"the {each.level} {each.target.uuid} sets {each.key}: {show(each.value)}" for each in found
            ),
        )


@check(BOTH, WARNING, after=["rendered-config-is-current", "settings-are-not-overridden"])
def test_services_have_read_their_files(restarted: Zone) -> None:
    """adminui, cloudapi, UFDS and its replicator were started after their files were last written.

    They read them only at their start.  config-agent restarts them when it writes a file, but nobody does when somebody edits one by
    hand, even back to what it was.  Then they run with the old file, and every look at the file says that all is well.  binder, SAPI and
    muskie have checks of their own.  Source: facts "Rendered config files".
    """
    zone = restarted
    if zone.evidence.settings is None:
        raise OutOfSight(zone.id, "when its services began", "svcprop (by zlogin)", OLDER)
    old = {path: zone.began_before(path) for path in RENDERED[zone.role] if path in zone.files and _has(zone, path)}
    if any(old.values()):
        raise Finding(
            expected="started after its file was written",
            observed="; ".join(
                f"{fmri} was started before {path} was written" for path, fmris in old.items() for fmri in fmris
            ),
        )


def _has(zone: Zone, path: str) -> bool:
    """Whether the zone has the service that reads a file, and it runs: one that is not online is another check's."""
    return any(each.fmri.rpartition(":")[0] == READERS[path] and each.state == "online" for each in zone.services)


def _told(difference: Difference) -> str:
    if difference.file == difference.metadata:  # neither side is shown
        return f"{difference.key} differs from what the metadata say"
    return f"{difference.key} is {difference.file}, metadata says {difference.metadata}"
