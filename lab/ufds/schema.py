"""What the object classes of sdc-ufds require (sdc-ufds:schema/*.js), as far as it can be violated.

A bug in a loop of the real validator keeps it from ever looking at attributes that are not required. This one does the same.
"""

from __future__ import annotations

from lab.ufds.errors import LdapError, constraint
from lab.ufds.validators import VALIDATORS, Entry

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
    "sdcimage": dict.fromkeys(("v", "uuid", "name", "owner", "disabled", "type", "os", "activated", "state"), 1),
    "sdckey": {"name": 1, "openssh": 1, "fingerprint": 1, "pkcs": 1},
    "sdcpackage": dict.fromkeys(
        (
            "uuid",
            "name",
            "version",
            "default",
            "max_physical_memory",
            "quota",
            "max_swap",
            "cpu_cap",
            "max_lwps",
            "zfs_io_priority",
            "active",
        ),
        1,
    ),
    "sdcperson": {"login": 1, "uuid": 1, "email": 5, "userpassword": 2},
    "sdcreplcheckpoint": {"uid": 1, "changenumber": 1, "url": 1, "query": 0},
    "sdcreplicator": {"cn": 1},
    "version": {"o": 1, "version": 1},
}


def validate(entry: Entry) -> None:
    """Raises the real server's answer to an entry that its classes do not allow."""
    classes = entry.attributes.get("objectclass")
    if not classes:
        raise LdapError(65, "no objectclass")
    for name in (each.lower() for each in classes):
        if name not in REQUIRED:
            raise LdapError(17, f"{name} not a known objectclass")
        errors = []
        for attribute, most in REQUIRED[name].items():
            values = entry.attributes.get(attribute)
            if values is None:
                errors.append(f"{attribute} is required")
            elif most and len(values) > most:
                errors.append(f"{attribute} can only have {most} values")
        if errors:
            raise LdapError(65, "\n".join(errors))
        if name in VALIDATORS and (errors := list(VALIDATORS[name](entry))):
            raise constraint("\n".join(errors))
