"""Every value in a command has a form: uuids, addresses, names, DNs and so on, as Triton makes them.

Quoting keeps a word whole. It does not keep a DN from being admin's, a name from being an option, or a word from being read by a second
shell. So a value from outside (a datacenter's answer, the inventory) that does not have its form makes no command at all, and the operator
is told which value it is.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from evidence.inventory.model import DNS_NAME, HEADNODE, ID
from evidence.subjects.world import World
from remediate.notes import Note

if TYPE_CHECKING:
    from remediate.steps import Step

_RDN = r"[A-Za-z][A-Za-z0-9-]*=[A-Za-z0-9][A-Za-z0-9_.:@-]*"
_LEFT = (
    # Those that are asked for, and no other file of /tmp (facts, "UFDS"): evidence.collect.headnode LEFT_BEHIND, LEFT_IN_ZONE.
    r"/(tmp/(fixufds|config\.[0-9]+)|var/tmp/(sapi\.out|(backup|restore)\.ldif)|zones/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/root/"
    r"(tmp/(cnt|\.bootstrap\.ldif\.in\.0|\.bootstrap_remote\.ldif\.in\.1)|var/tmp/metadata\.json))"
)
_FORMS = {
    "uuid": re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    # As LDAP has it (descr), with the underscore that UFDS's own names have: approved_for_provisioning.
    "attribute name": re.compile("[A-Za-z_][A-Za-z0-9_-]{0,127}"),
    # UFDS hands out neither userpassword nor names that begin with an underscore (facts, "How a real UFDS answers").
    "attribute that UFDS hands out": re.compile("(?!(?i:userpassword)$)[A-Za-z][A-Za-z0-9_-]{0,127}"),
    "DN below o=smartdc": re.compile(f"{_RDN}(, {_RDN})*, o=smartdc"),
    "DN of a checkpoint": re.compile(f"{_RDN}, cn=replicator, datacenter={ID.pattern}, o=smartdc"),
    "changenumber": re.compile("[0-9]{1,15}"),
    "DN of UFDS's root": re.compile("cn=[A-Za-z0-9_-]+"),
    "DNS name": DNS_NAME,
    "name of a datacenter or region": ID,
    "name of a service of SMF": re.compile(r"svc:/[A-Za-z0-9][A-Za-z0-9_./-]*(:([A-Za-z0-9][A-Za-z0-9_.-]*|\*))?"),
    "key of SAPI's metadata": re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*"),
    # Then the tool json takes the key for nothing else: not for an option, not for an expression.
    "key of a file": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.]*"),
    "path of a rendered file": re.compile(r"/opt/smartdc/[a-z][a-z0-9-]*/etc/[A-Za-z0-9][A-Za-z0-9_.-]*"),
    "path of a file that sdc-ufds-m2s leaves behind": re.compile(_LEFT),
    "path of a file that is copied": re.compile(f"{_LEFT}|/usbkey/config|/var/sdcadm/sdcadm\\.conf"),
    "host of ssh": HEADNODE,
    "fingerprint": re.compile("([0-9a-f]{2}:){15}[0-9a-f]{2}|SHA256:[A-Za-z0-9+/]{43}=?"),
    "public key": re.compile(r"(ssh-(rsa|dss|ed25519)|ecdsa-sha2-nistp[0-9]+) [A-Za-z0-9+/]+=*( [ -~]*)?"),
    "URL": re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?"),
}
T = TypeVar("T")
_SHOWN = 120
"""So many characters of a value are shown."""


class NotOfTheFormError(Exception):
    """A value from outside does not have the right form, so it does not enter a command."""

    def __init__(self, form: str, value: object) -> None:
        text = value if isinstance(value, str) else str(value)
        self.value = text
        shown = ascii(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
        super().__init__(f"{shown} is no {form}")


def _of(form: str) -> Callable[[object], str]:
    pattern = _FORMS[form]

    def typed(value: object) -> str:
        if isinstance(value, str) and pattern.fullmatch(value):
            return value
        raise NotOfTheFormError(form, value)

    return typed


uuid = _of("uuid")
attribute = _of("attribute name")
shown_attribute = _of("attribute that UFDS hands out")
dn = _of("DN below o=smartdc")
checkpoint_dn = _of("DN of a checkpoint")
changenumber = _of("changenumber")
dns_name = _of("DNS name")
name = _of("name of a datacenter or region")
fmri = _of("name of a service of SMF")
setting = _of("key of SAPI's metadata")
file_key = _of("key of a file")
path = _of("path of a rendered file")
leftover = _of("path of a file that sdc-ufds-m2s leaves behind")
kept = _of("path of a file that is copied")
host = _of("host of ssh")
fingerprint = _of("fingerprint")
public_key = _of("public key")
url = _of("URL")


def key_of(told: str, value: object) -> str:
    """A public key that has the fingerprint by which it is called. What calls another key by that name opens the door to a stranger."""
    key = public_key(value)
    if fingerprint(told).rstrip("=") not in fingerprints(key):
        raise NotOfTheFormError(f"public key of the fingerprint {told}", key)
    return key


def fingerprints(openssh: str) -> tuple[str, ...]:
    """The fingerprints of a public key, as MD5 and SHA256; none if it is no key of the kind that it says."""
    kind, _, rest = openssh.partition(" ")
    try:
        blob = base64.b64decode(rest.split()[0], validate=True) if rest.split() else b""
    except binascii.Error:
        return ()
    if blob[4 : 4 + int.from_bytes(blob[:4], "big")] != kind.encode():
        return ()
    md5 = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    sha = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return ":".join(md5[at : at + 2] for at in range(0, 32, 2)), f"SHA256:{sha}"


def address(value: object) -> str:
    """An IPv4 address."""
    try:
        return str(ipaddress.IPv4Address(value if isinstance(value, str) else ""))
    except ValueError:
        raise NotOfTheFormError("IPv4 address", value) from None


def prefix(value: object) -> str:
    """An IPv4 network as NAPI writes it, or an address: 10.2.1.0/24, 10.2.2.29/32, 10.2.2.29."""
    text = value if isinstance(value, str) else ""
    try:
        ipaddress.IPv4Network(text)
    except ValueError:
        raise NotOfTheFormError("IPv4 network", value) from None
    if not re.fullmatch("[0-9.]+(/[0-9]{1,2})?", text):
        raise NotOfTheFormError("IPv4 network", value)
    return text


def reached_at(value: object) -> str:
    """An address or a DNS name by which a server is reached."""
    try:
        return address(value)
    except NotOfTheFormError:
        return dns_name(value)


def _flag(value: object) -> str:
    if value in ("true", "false"):
        return str(value)
    raise NotOfTheFormError("true or false", value)


def _or_nothing(form: Callable[[object], str]) -> Callable[[object], str]:
    return lambda value: "" if value == "" else form(value)


_SETTINGS: dict[str, Callable[[object], str]] = {
    "datacenter_name": name,
    "region_name": name,
    "dns_domain": dns_name,
    "ufds_domain": dns_name,
    "ufds_admin_uuid": uuid,
    "ufds_is_master": _flag,
    "ufds_ldap_root_dn": _of("DN of UFDS's root"),
    "ufds_remote_ip": _or_nothing(reached_at),
}
"""The values that may be written into /usbkey/config, which root's shell reads at the next boot."""


def usbkey(key: str, value: str) -> str:
    """The value of a setting of /usbkey/config."""
    if key not in _SETTINGS:
        raise NotOfTheFormError("setting that is written into /usbkey/config", key)
    return _SETTINGS[key](value)


def each(world: World, items: Iterable[T], advise: Callable[[T], Iterator[Step | Note]]) -> Iterator[Step | Note]:
    """What to do about each of several. One that does not have its form gets a note, and does not affect the others."""
    for item in items:
        try:
            yield from advise(item)
        except NotOfTheFormError as error:
            yield Note(refusal(error, world))


def refusal(error: NotOfTheFormError, world: World) -> str:
    """The sentence for the operator: which value it is, and that there is no command with it."""
    told = (
        {dc.name: _told(world.evidence.datacenters.get(dc.name)) for dc in world.datacenters} if world.evidence else {}
    )
    told["the inventory"] = _told(msgspec.structs.replace(world.inventory, waived=()))
    for holds in (_is, _is_part):  # a DN is made of a uuid, so it is not found itself
        found = [ascii(whose)[1:-1] for whose, texts in told.items() if any(holds(error.value, text) for text in texts)]
        if found:
            return f"No command is given here: {error} (from {', '.join(found)}). {_THEN}"
    return f"No command is given here: {error}. {_THEN}"


_THEN = "Find out who put it there, and why, before you type a command with it."


def _is(value: str, text: str) -> bool:
    return value == text


def _is_part(value: str, text: str) -> bool:
    return len(text) > len(value) // 3 and text in value


def _told(seen: object) -> set[str]:
    """Every text in what was seen or declared."""
    found: set[str] = set()
    rest: list[Any] = [msgspec.to_builtins(seen)]
    while rest:
        each_of = rest.pop()
        if isinstance(each_of, str):
            found.add(each_of)
        elif isinstance(each_of, dict):
            rest += [*each_of, *each_of.values()]
        elif isinstance(each_of, list | tuple):
            rest += each_of
    return found
