"""The form of each setting in SAPI, at every level, and the values that do not have theirs.

Templates put most settings into a file as they are: a flag that is not true or false, a quote, or a text that is no JSON makes a file that
its service does not start with. Types do not matter: true and "true", 2020 and "2020" render alike. What other checks compare with the one
right value (MASTER_MORAY_*, the address in ufds_remote_ip, shards) is not
judged here. Sources: facts "SAPI", "Rendered config files", hazard 11;
sapi_manifests of sdc-ufds, binder, sdc-cloudapi, manta-muskie.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from evidence.fact import Missing
from evidence.inventory.model import DNS_NAME
from evidence.model import MantaService, SapiObject
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.levels import INSTANCE, JUDGED, SERVICE
from evidence.subjects.triton import UUID

APPLICATION: Final = "application"
LISTED: Final = "CLOUDAPI_DATACENTERS"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_ROOT: Final = re.compile(r"cn=[A-Za-z0-9_ -]+")
_BREAKS: Final = re.compile(r'["\\\x00-\x1f]')


@dataclass(frozen=True)
class Shape:
    """A form that a value can have: in words, and whether a value has it."""

    words: str
    fits: Callable[[Any], bool]


def _flag(value: Any) -> bool:
    return isinstance(value, bool) or (isinstance(value, str) and value in ("true", "false"))


def _address(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(ipaddress.IPv4Address(value))
    except ValueError:
        return False


def _listing(value: Any) -> bool:
    """A JSON object of names and https URLs, as a text or as it is."""
    try:
        read = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return False
    return isinstance(read, dict) and all(isinstance(url, str) for url in read.values())


def _matches(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


FLAG: Final = Shape("true or false", _flag)
NAME: Final = Shape("a name", _matches(_NAME))
DOMAIN: Final = Shape(
    "a DNS name", lambda value: _matches(DNS_NAME)(value.removesuffix(".") if isinstance(value, str) else value)
)
ADDRESS: Final = Shape("an IPv4 address", _address)
IDENTITY: Final = Shape("a uuid", lambda value: isinstance(value, str) and UUID.fullmatch(value.lower()) is not None)
ROOT: Final = Shape("a DN as cn=root", _matches(_ROOT))
LISTING: Final = Shape("JSON of datacenters and their URLs", _listing)
PLAIN: Final = Shape("an address, as a text", lambda value: isinstance(value, str))
TEXT: Final = Shape("a text without quotes", lambda value: isinstance(value, str) and not _BREAKS.search(value))

SHAPES: Final[Mapping[str, Shape]] = {
    "BUCKETS_API_MULTI_DC": FLAG,
    LISTED: LISTING,
    "CLOUDAPI_READONLY": FLAG,
    "DC_MAINT_MESSAGE": TEXT,
    "MUSKIE_MULTI_DC": FLAG,
    "admin_netmask": ADDRESS,
    "admin_network": ADDRESS,
    "cloudapi_domain": DOMAIN,
    "datacenter_name": NAME,
    "dns_domain": DOMAIN,
    "moray_domain": DOMAIN,
    "region_name": NAME,
    "sapi_domain": DOMAIN,
    "ufds_admin_uuid": IDENTITY,
    "ufds_domain": DOMAIN,
    "ufds_is_master": FLAG,
    "ufds_ldap_root_dn": ROOT,
    "ufds_remote_ip": PLAIN,
}


@dataclass(frozen=True)
class Misshapen:
    """A value that does not have its form: at which level of SAPI, in which object, under which key."""

    level: str
    target: SapiObject
    key: str
    value: Any

    @property
    def shape(self) -> Shape:
        return SHAPES[self.key]


def misshapen(datacenter: Datacenter) -> tuple[Misshapen, ...]:
    """The values of a datacenter's SAPI that do not have their form. Raises Missing if it does not tell them.

    A value of a service that hides one above it, and any value of a core zone's instance, is told as that (settings-are-not-overridden),
    whatever its form; but not one whose value at the service has a check of its own.
    """
    sdc = datacenter.evidence.applications.known().get("sdc")
    top = datacenter.sdc_metadata.values
    found = list(_of(APPLICATION, sdc, top, ())) if sdc is not None else []
    for service in datacenter.evidence.services.known().values():
        hidden = top.keys() - {*JUDGED.get(service.name, ())}
        found += _of(SERVICE, service, service.metadata.values, hidden)
    return (*found, *_of_manta(datacenter))


def _of(level: str, target: SapiObject, values: Mapping[str, Any], above: Collection[str]) -> Iterator[Misshapen]:
    for key, value in sorted(values.items()):
        if key in SHAPES and key not in above and value not in (None, "") and not SHAPES[key].fits(value):
            yield Misshapen(level, target, key, value)


def _of_manta(datacenter: Datacenter) -> tuple[Misshapen, ...]:
    """Manta's, where this datacenter's SAPI holds its application; nothing where that is not known, which Manta's own checks tell."""
    try:
        applications = datacenter.manta_applications
        services = datacenter.manta_services
    except Missing:
        return ()
    return tuple(each for application in applications for each in _levels(application, services))


def _levels(application: SapiObject, services: Iterable[MantaService]) -> Iterator[Misshapen]:
    top = application.metadata.values
    yield from _of(APPLICATION, application, top, {})
    for service in services:
        if service.application_uuid == application.uuid:
            yield from _of(SERVICE, SapiObject(service.uuid, service.name), service.metadata.values, top)
            for instance in service.instances:
                yield from _of(INSTANCE, instance, instance.metadata.values, {**top, **service.metadata.values})


def mended(found: Misshapen) -> Any:
    """The value that is meant, if it can be read out of the wrong one; None if not."""
    text = str(found.value)
    plain = text.strip().strip("\"'").strip()
    if found.shape is FLAG:
        return {"true": True, "false": False}.get(plain.lower())
    if found.shape is TEXT:
        return _BREAKS.sub(" ", text.replace('"', "'"))
    return plain if found.shape.fits(plain) else None
