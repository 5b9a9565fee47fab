"""What each object class of sdc-ufds requires of its values (schema/*.js): the messages for every mistake."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from lab.ufds import dn, rules
from lab.ufds.errors import LdapError, constraint

LOGIN = re.compile(r"[a-zA-Z][a-zA-Z0-9_.@]+")
UUID = re.compile(r"[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}")
LONGEST_NAME = 255


@dataclass(frozen=True)
class Entry:
    """An entry to add, change or delete, and what the server's configuration says."""

    key: str
    attributes: Mapping[str, list[str]]
    is_master: bool
    datacenter: str
    modified: Collection[str] = ()
    deleting: bool = False

    def first(self, name: str) -> str:
        if not self.attributes[name]:
            raise LdapError(1, "Cannot read property 'length' of undefined")
        return self.attributes[name][0]

    def rdn(self, index: int, kind: str) -> str:
        """The value of a part of the name, if it is of that kind; else empty."""
        found, value = dn.parse(self.key).rdn(index)
        return value if found == kind else ""

    @property
    def trusted(self) -> bool:
        """Whether it was imported or replicated, and so validated elsewhere."""
        return "_imported" in self.attributes or ("_replicated" in self.attributes and not self.is_master)


def bare_login(login: str) -> str:
    """A sub-user's login is stored as ACCOUNT/name; this is the name."""
    return login[37:] if login[36:37] == "/" and UUID.fullmatch(login[:36]) else login


def integer(text: str) -> int | None:
    """The number as parseInt reads it."""
    found = re.match(r"\s*([-+]?\d+)", text)
    return int(found[1]) if found else None


def _is_ip(text: str) -> bool:
    parts = text.split(".")
    return len(parts) == 4 and all(re.fullmatch("[0-9]+", part) and int(part) <= 255 for part in parts)


def _is_number(text: str) -> bool:
    """Whether it is an address in the form of firewall rules: one number of 32 bits."""
    return re.fullmatch(r"\s*[0-9]*\s*", text) is not None and int(text.strip() or 0) <= 0xFFFFFFFF


def _own_uuid(entry: Entry, kind: str) -> Iterator[str]:
    """Check the uuid of an entry: well-formed, the same as in its name, and never modified."""
    if "uuid" not in entry.attributes:
        return
    uuid = entry.first("uuid")
    if not UUID.fullmatch(uuid):
        yield f"uuid: {uuid} is invalid"
    if entry.rdn(0, kind) not in ("", uuid):
        yield f"dn: {entry.key} is invalid"
    if "uuid" in entry.modified:
        yield "uuid cannot be modified"


def _account(entry: Entry) -> Iterator[str]:
    account = entry.first("account")
    if not UUID.fullmatch(account):
        yield f"account: {account} is invalid"
    if entry.rdn(1, "uuid") not in ("", account):
        yield f"dn: {entry.key} is invalid"


def _distinct(entry: Entry, name: str) -> None:
    values = sorted(entry.attributes.get(name, ()))
    for value, following in pairwise(values):
        if value == following:
            raise constraint(f"{value} is not unique")


def _named(**labels: str) -> Callable[[Entry], Iterator[str]]:
    """A class whose only rule is how long some values may be."""

    def check(entry: Entry) -> Iterator[str]:
        for name, label in labels.items():
            if len(entry.first(name)) > LONGEST_NAME:
                yield f"{label}: {entry.first(name)} is invalid"

    return check


def _addressed(names: Callable[[Entry], Iterator[str]], **labels: str) -> Callable[[Entry], Iterator[str]]:
    def check(entry: Entry) -> Iterator[str]:
        yield from names(entry)
        for name, label in labels.items():
            if not _is_ip(entry.first(name)):
                yield f"{label}: {entry.first(name)} is invalid"

    return check


def _person(entry: Entry) -> Iterator[str]:
    if entry.trusted:
        return
    login = bare_login(entry.first("login"))
    if not LOGIN.fullmatch(login) or not 3 <= len(login) <= 32 or login == "local":
        yield f"login: {login} is invalid"
    yield from _own_uuid(entry, "uuid")


def _account_user(entry: Entry) -> Iterator[str]:
    if not entry.trusted:
        yield from _account(entry)


def _role(entry: Entry) -> Iterator[str]:
    _distinct(entry, "uniquemember")
    _distinct(entry, "uniquememberdefault")
    for each in sorted(entry.attributes.get("uniquememberdefault", ())):
        if each not in entry.attributes.get("uniquemember", ()):
            raise constraint(f"{each} is not valid")
    _distinct(entry, "memberpolicy")
    yield from _account(entry)
    yield from _own_uuid(entry, "role-uuid")


def _policy(entry: Entry) -> Iterator[str]:
    _distinct(entry, "memberrole")
    _distinct(entry, "rule")
    wrong = [error for rule in sorted(entry.attributes["rule"]) if (error := rules.error(rule))]
    if wrong:
        yield f"Rules error: {', '.join(wrong)}"
    yield from _account(entry)
    yield from _own_uuid(entry, "policy-uuid")


def _resource(entry: Entry) -> Iterator[str]:
    _distinct(entry, "memberrole")
    yield from _account(entry)
    yield from _own_uuid(entry, "resource-uuid")


def _group(entry: Entry) -> Iterator[str]:
    _distinct(entry, "uniquemember")
    return iter(())


def _probe(entry: Entry) -> Iterator[str]:
    for name in ("agent", "machine"):
        if name in entry.attributes and not UUID.fullmatch(entry.first(name)):
            yield f"probe {name}: '{entry.first(name)}' is invalid (must be a UUID)"
    yield from _own_uuid(entry, "amonprobe")


def _probe_group(entry: Entry) -> Iterator[str]:
    yield from _own_uuid(entry, "amonprobegroup")


def _local_config(entry: Entry) -> Iterator[str]:
    own = entry.datacenter
    if entry.first("dclocalconfig") != own:
        yield f"dclocalconfig name must be: {own} for this instance"
    if entry.rdn(0, "dclocalconfig") not in ("", own):
        yield f"dn: {entry.key} is invalid, dclocalconfig must be dclocalconfig={own}"
    if "dclocalconfig" in entry.modified and entry.first("dclocalconfig") != own:
        yield "dclocalconfig cannot be modified"


def _version(entry: Entry) -> Iterator[str]:
    yield from _named(o="o")(entry)
    if integer(entry.first("version")) is None:
        yield f"version: {entry.first('version')} is invalid"


def _access_key(entry: Entry) -> Iterator[str]:
    if not entry.is_master:
        return
    number, secret = entry.first("accesskeyid"), entry.first("accesskeysecret")
    if not re.fullmatch(r"[A-Za-z0-9_]{16,128}", number):
        yield f"accesskeyid: {number} is invalid"
    if not re.fullmatch(r"[A-Za-z0-9_-]+", secret):  # its checksum is not checked here
        yield "accesskeysecret is invalid"
    if entry.first("status") not in ("Active", "Inactive", "Expired"):
        yield "status must be one of: Active, Inactive, Expired"
    if len(entry.attributes.get("description", [""])[0]) > 150:
        yield "description must be 150 characters in length or less"
    if entry.attributes.get("credentialtype") == ["temporary"]:
        yield from _temporary(entry)
    if {"accesskeyid", "accesskeysecret", "created"} & set(entry.modified):
        yield "accesskeyid, accesskeysecret, created attributes can not be modified"


def _temporary(entry: Entry) -> Iterator[str]:
    if "sessiontoken" not in entry.attributes:
        yield "sessiontoken is required for temporary credentials"
    if "expiration" not in entry.attributes:
        yield "expiration is required for temporary credentials"
    else:
        try:
            ends = datetime.fromisoformat(entry.first("expiration"))
            ends = ends if ends.tzinfo else ends.replace(tzinfo=UTC)
            if not entry.deleting and ends <= datetime.now(UTC):
                yield "expiration must be in the future"
        except ValueError:
            yield "expiration must be a valid ISO timestamp"
    if "principaluuid" not in entry.attributes:
        yield "principaluuid is required for temporary credentials"


def _rule(entry: Entry) -> Iterator[str]:
    """What fwrule says about a firewall rule."""
    given = entry.attributes
    if not UUID.fullmatch(",".join(given["uuid"])):
        yield f'UUID "{entry.first("uuid")}" is invalid'
    for side in ("from", "to"):
        yield from (f'IP number "{each}" is invalid' for each in given.get(f"{side}ip", ()) if not _is_number(each))
        yield from (f'VM UUID "{each}" is invalid' for each in given.get(f"{side}vm", ()) if not UUID.fullmatch(each))
        for each in given.get(f"{side}subnet", ()):
            address, _, bits = each.partition("/")
            if not _is_number(address) or not 1 <= (integer(bits) or 0) <= 32:
                yield f'subnet "{each}" is invalid (must be in CIDR format)'
    if entry.first("action") not in ("allow", "block"):
        yield f'action "{entry.first("action")}" is invalid (must be one of: allow,block)'
    if entry.first("enabled") not in ("true", "false"):
        yield f'enabled value "{entry.first("enabled")}" is invalid (must be one of: true,false)'
    if entry.first("protocol") not in ("tcp", "udp", "icmp"):
        yield f'protocol "{entry.first("protocol")}" is invalid (must be one of: tcp,udp,icmp)'
    for each in given.get("ports", ()):
        yield from _ports(each)
    if "owner" in given and not UUID.fullmatch(entry.first("owner")):
        yield f'owner UUID "{entry.first("owner")}" is invalid'


def _ports(text: str) -> Iterator[str]:
    def valid(port: str) -> bool:
        return 1 <= (integer(port) or 0) <= 65535

    ends = re.fullmatch("([0-9]+)-([0-9]+)", text)
    if ends is None:
        if text != "all" and not valid(text):
            yield f'port "{text}" is invalid'
        return
    first, last = ends.groups()
    if not valid(first):
        yield f'start of port range "{first}" is invalid'
    if not valid(last):
        yield f'end of port range "{last}" is invalid'
    if int(first) >= int(last):
        yield f"beginning of port range ({first}) should come before the end of the range ({last})"


_PLACE = {"o": "o", "region": "region name", "datacenter": "datacenter name"}

VALIDATORS: dict[str, Callable[[Entry], Iterator[str]]] = {
    "accesskey": _access_key,
    "amonprobe": _probe,
    "amonprobegroup": _probe_group,
    "authdev": _named(authdev="authdev name"),
    "datacenter": _named(**_PLACE),
    "dclocalconfig": _local_config,
    "foreigndc": _named(foreigndc="foreigndc name"),
    "fwrule": _rule,
    "groupofuniquenames": _group,
    "network": _addressed(_named(**_PLACE, network="network name"), networkaddr="networkaddr", netmask="netmask"),
    "region": _named(o="o", region="region name"),
    "resolver": _addressed(_named(**_PLACE, network="network"), ip="ip address"),
    "sdcaccountpolicy": _policy,
    "sdcaccountresource": _resource,
    "sdcaccountrole": _role,
    "sdcaccountuser": _account_user,
    "sdcperson": _person,
    "version": _version,
}
