"""What the object classes of sdc-ufds demand (sdc-ufds:schema/*.js), as far as it can be violated.

A loop bug in the real validator keeps it from ever looking at attributes that are not required; so does this one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from lab.ufds import dn
from lab.ufds.errors import LdapError, constraint

LOGIN = re.compile(r"[a-zA-Z][a-zA-Z0-9_.@]+")
UUID = re.compile(r"[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}")
_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}")

# Required attributes and how many values each may have (0: any number).
REQUIRED: dict[str, dict[str, int]] = {
    "accesskey": {"accesskeyid": 1, "accesskeysecret": 1, "status": 1, "created": 1, "updated": 1},
    "amonprobe": {"uuid": 1, "type": 1, "agent": 1},
    "amonprobegroup": {"uuid": 1},
    "authdev": {"authdev": 1},
    "capilimit": {"datacenter": 1000},
    "capimetadata": {"cn": 1},
    "comment": {"commentid": 1, "author_uuid": 1, "body": 1},
    "config": {},
    "datacenter": {"o": 1, "region": 1, "datacenter": 1},
    "dclocalconfig": {"dclocalconfig": 1},
    "emailblacklist": {},
    "foreigndc": {"foreigndc": 1, "url": 1, "token": 1},
    "fwrule": {"uuid": 1, "protocol": 1, "action": 1, "enabled": 1},
    "groupofuniquenames": {},
    "keyapiprivkey": {"uuid": 1, "key": 1, "timestamp": 1},
    "network": {"o": 1, "region": 1, "datacenter": 1, "network": 1, "networkaddr": 1, "netmask": 1},
    "organization": {"o": 1},
    "organizationalunit": {"ou": 1},
    "pwdpolicy": {"pwdattribute": 1},
    "region": {"o": 1, "region": 1},
    "resolver": {"o": 1, "region": 1, "datacenter": 1, "network": 1, "ip": 1},
    "sdcaccountpolicy": {"name": 1, "account": 1, "uuid": 1, "rule": 100000},
    "sdcaccountresource": {"name": 1, "account": 1, "uuid": 1},
    "sdcaccountrole": {"name": 1, "account": 1, "uuid": 1},
    "sdcaccountuser": {"account": 1},
    "sdckey": {"name": 1, "openssh": 1, "fingerprint": 1, "pkcs": 1},
    "sdcperson": {"login": 1, "uuid": 1, "email": 5, "userpassword": 2},
    "sdcreplcheckpoint": {"uid": 1, "changenumber": 1, "url": 1, "query": 0},
    "sdcreplicator": {"cn": 1},
    "version": {"o": 1, "version": 1},
}


def bare_login(login: str) -> str:
    """A sub-user's login is stored as ACCOUNT/name; this is the name."""
    return login[37:] if login[36:37] == "/" and UUID.fullmatch(login[:36]) else login


def validate(key: str, attributes: Mapping[str, list[str]], *, is_master: bool, modified: Collection[str] = ()) -> None:
    """Raises what the real server answers to an entry that its classes do not allow."""
    classes = attributes.get("objectclass")
    if not classes:
        raise LdapError(65, "no objectclass")
    for name in (each.lower() for each in classes):
        if name not in REQUIRED:
            raise LdapError(17, f"{name} not a known objectclass")
        errors = []
        for attribute, most in REQUIRED[name].items():
            values = attributes.get(attribute)
            if values is None:
                errors.append(f"{attribute} is required")
            elif most and len(values) > most:
                errors.append(f"{attribute} can only have {most} values")
        if errors:
            raise LdapError(65, "\n".join(errors))
        if name == "sdcperson":
            _person(key, attributes, is_master, modified)
        elif name == "resolver" and not _IPV4.fullmatch(attributes["ip"][0]):
            raise constraint(f"ip address: {attributes['ip'][0]} is invalid")


def _person(key: str, attributes: Mapping[str, list[str]], is_master: bool, modified: Collection[str]) -> None:
    if "_imported" in attributes or ("_replicated" in attributes and not is_master):
        return
    errors = []
    login = bare_login(attributes["login"][0])
    if not LOGIN.fullmatch(login) or not 3 <= len(login) <= 32 or login == "local":
        errors.append(f"login: {login} is invalid")
    uuid = attributes["uuid"][0]
    if not UUID.fullmatch(uuid):
        errors.append(f"uuid: {uuid} is invalid")
    kind, value = dn.parse(key).rdn(0)
    if kind == "uuid" and value != uuid:
        errors.append(f"dn: {key} is invalid")
    if "uuid" in modified:
        errors.append("uuid cannot be modified")
    if errors:
        raise constraint("\n".join(errors))
