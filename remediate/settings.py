"""Chapter: settings.  Put a value in SAPI into its form where it stands, and bring up what its files have brought down."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from evidence.inventory.model import REPLICA
from evidence.subjects.agreed import admin_uuid
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.followed import address_to_follow
from evidence.subjects.identity import NAME, foreign_identity
from evidence.subjects.shapes import FLAG, LISTED, Misshapen, mended, misshapen
from evidence.subjects.triton import CONFIGURED
from remediate import typed
from remediate.cloudapi import datacenters_listed
from remediate.lookup import application, changed_metadata, usbkey_steps
from remediate.manta import with_setting
from remediate.names import restart_binder
from remediate.registry import Advised, in_each, remedy
from remediate.rendering import brought_up, cleared
from remediate.steps import DISRUPTIVE, RESTARTS, Note

MULTI_DC = "MUSKIE_MULTI_DC"
BINDERS = {
    "datacenter_name": ("datacenterName", "{}"),
    "ufds_domain": ("recursion.ufds.url", "ldaps://{}"),
    "region_name": ("recursion.regionName", "{}"),
    "dns_domain": ("dnsDomain", "{}"),
}
"""Where these stand in binder's file, and in which form; nothing restarts binder when it is rendered (hazard 7)."""


@remedy("settings-have-their-form")
def give_values_their_form(datacenter: Datacenter) -> Advised:
    """Set the value that is meant, in the object that has it; then render the files that it broke, and clear what gave up."""
    found = misshapen(datacenter)
    values = {each.key: right_value(datacenter, each) for each in found}
    yield from typed.each(datacenter.world, found, lambda each: _set(datacenter, each))
    yield from in_each((datacenter,), partial(_brought_up, values=values))
    if values.get(MULTI_DC) is not None:
        yield from in_each(datacenter.world.manta_datacenters, partial(_muskies, value=values[MULTI_DC]))


@remedy("datacenter-identity-agrees")
def call_it_by_its_own_name(datacenter: Datacenter) -> Advised:
    """Set its own names in SAPI, and on the head node where they are wrong there too; restart binder, which nothing else restarts."""
    wanted = {key: right for key, (_, right) in foreign_identity(datacenter).items()}
    why = f"these are the names of {datacenter.name} and its services; config-agent renders them into every zone"
    yield changed_metadata(datacenter, application(datacenter), wanted, risk=DISRUPTIVE, why=why)
    first = next(
        (name for name in BINDERS if name in wanted), None
    )  # they are set at once, so one restart reads them all
    if first is not None:
        yield from _binders_restarted(datacenter, first, wanted[first])
    yield from usbkey_steps(datacenter, {key: wanted[key] for key in (NAME, "ufds_domain") if key in wanted})


def _brought_up(datacenter: Datacenter, values: Mapping[str, Any]) -> Advised:
    """Renders the broken files of a datacenter's zones again, clears the services that gave up, and restarts what nobody else does."""
    for zone in (zone for role in CONFIGURED for zone in datacenter.zones(role)):
        yield from brought_up(zone)
    for name in (name for name in BINDERS if name in values):
        yield from _binders_restarted(datacenter, name, values[name])


def _binders_restarted(datacenter: Datacenter, name: str, value: Any) -> Advised:
    """Restart the binders when their file has what was set."""
    key, form = BINDERS[name]
    yield from (restart_binder(binder, key, form.format(value)) for binder in datacenter.zones("binder"))


def _set(datacenter: Datacenter, each: Misshapen) -> Advised:
    if each.key == LISTED:
        yield from datacenters_listed(datacenter)
        return
    value = right_value(datacenter, each)
    if value is None:
        yield Note(
            f"{each.key} must be {each.shape.words}. Nothing tells which one is meant: set it in the {each.level} {each.target.uuid}."
        )
        return
    yield changed_metadata(
        datacenter,
        each.target,
        {each.key: value},
        risk=DISRUPTIVE if each.key in BINDERS else RESTARTS,
        why=f"{each.key} must be {each.shape.words}; config-agent renders it within three minutes",
    )


def right_value(datacenter: Datacenter, found: Misshapen) -> Any:
    """The value that a setting should have; None if nobody can say it."""
    known = {
        "region_name": datacenter.declared.region,
        "dns_domain": datacenter.dns_domain,
        "datacenter_name": datacenter.name,
        "ufds_admin_uuid": admin_uuid(datacenter.world),
    }
    if found.key in known:
        return known[found.key]
    if found.key == "ufds_remote_ip":
        return address_to_follow(datacenter)
    meant = mended(found)
    if found.key == "ufds_is_master":  # a text, as Triton's own tools write it; "True" makes no replica a master
        return str(datacenter.state != REPLICA).lower()
    if meant is None and found.key.endswith("_domain"):
        return typed.dns_name(f"{found.key.removesuffix('_domain')}.{datacenter.suffix}")
    if meant is None and found.shape is FLAG and found.key.endswith("_MULTI_DC"):
        return len(datacenter.world.manta_datacenters) > 1
    return meant


def _muskies(datacenter: Datacenter, value: Any) -> Advised:
    for webapi in datacenter.zones("webapi"):
        yield with_setting(webapi, MULTI_DC, value)
        yield from cleared(webapi)
