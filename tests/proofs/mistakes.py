"""Mistakes drawn over the model, which no list names: any setting at any level, any route, any replicated entry, each wrong in any way.

A mistake is what is typed to make it, and what has to be said of it.  Nothing of the suite is used: what the lab holds is read from the
lab, and what must be said follows from what was typed.
"""

from __future__ import annotations

import json
import os
import random
import shlex
from dataclasses import dataclass
from typing import Any

SEED = int(os.environ.get("AZ_SEED", "20261127"))
"""Another one draws mistakes that nobody has looked at yet."""
COUNT = 200
MASTER, REPLICAS = "my-dc-2", ("my-dc-1", "my-dc-3")
EVERY = ("my-dc-1", "my-dc-2", "my-dc-3")
DOMAIN = "srv.example.com"
ADMIN = "930896af-bf8c-48d4-885c-6573a94b1853"


@dataclass(frozen=True)
class Mistake:
    """`commands` are typed in order, each into a datacenter's head node. All of `says` must be said of one of so many `causes`."""

    name: str
    commands: tuple[tuple[str, str], ...]
    says: tuple[str, ...]
    causes: int = 1
    by_hand: bool = False
    """No command can be certain to mend it: a gateway to which nobody answers may be another's router that is down."""


@dataclass(frozen=True)
class Setting:
    """A key, at which levels it may stand ("sdc" is the application, "X" a service, "X/" its instance), where, and how it can be wrong."""

    key: str
    levels: tuple[str, ...]
    datacenters: tuple[str, ...]
    wrong: dict[str, Any]
    """Values by the kind of the mistake; "{}" is a datacenter's own name, "{other}" another's, None: the key is removed."""


def _text(right: str, other: str, **more: Any) -> dict[str, Any]:
    """How a text can be wrong at every level."""
    typo = right.replace("my-", "ny-").replace("10.", "11.").replace("{}", "{}x")
    return {"other": other, "typo": typo, "blank": f"{right} ", "case": right.upper(), "type": [right]} | more


SETTINGS = (
    Setting("region_name", ("sdc", "binder", "binder/", "ufds", "ufds/"), EVERY, _text("my-dc", "other-region")),
    Setting("datacenter_name", ("sdc", "binder", "binder/", "cloudapi", "cloudapi/"), EVERY, _text("{}", "{other}")),
    Setting(
        "dns_domain", ("sdc", "binder", "binder/"), EVERY, _text(DOMAIN, "srv.example.net", typo="srv.exmaple.com")
    ),
    Setting("ufds_remote_ip", ("sdc", "ufds", "ufds/"), REPLICAS, _text("10.2.2.29", "10.2.1.29", case="10.2.2.290")),
    Setting("ufds_remote_ip", ("sdc",), REPLICAS, {"absent": None}),
    Setting("ufds_is_master", ("sdc", "ufds", "ufds/"), REPLICAS, {"other": "true", "case": "True", "blank": "false "}),
    Setting("ufds_is_master", ("sdc", "ufds", "ufds/"), (MASTER,), {"other": "false", "case": "TRUE", "type": "1"}),
    Setting(
        "ufds_domain", ("sdc",), EVERY, _text("ufds.{}." + DOMAIN, "ufds.{other}." + DOMAIN, typo="udfs.{}." + DOMAIN)
    ),
    Setting("ufds_admin_uuid", ("sdc",), EVERY, {"other": ADMIN.replace("9", "8"), "case": ADMIN.upper()}),
    Setting(
        "MASTER_MORAY_IP",
        ("sapi", "sapi/"),
        REPLICAS,
        _text("moray.my-dc-2." + DOMAIN, "moray.{}." + DOMAIN, absent=None, stale="10.2.1.99"),
    ),
    Setting(
        "MASTER_MORAY_PORT", ("sapi", "sapi/"), REPLICAS, {"absent": None, "blank": "2020 ", "typo": 2021, "type": True}
    ),
    Setting(
        "CLOUDAPI_DATACENTERS",
        ("cloudapi", "cloudapi/"),
        EVERY,
        {
            "absent": None,
            "other": json.dumps(dict.fromkeys(EVERY, f"https://cloudapi.my-dc-9.{DOMAIN}")),
            "stale": json.dumps({"{}": "https://cloudapi.{}." + DOMAIN}),
            "typo": '{"my-dc-1": https://cloudapi.my-dc-1.' + DOMAIN + "}",
            "type": [1],
        },
    ),
)


def drawn(count: int = COUNT, seed: int = SEED) -> tuple[Mistake, ...]:
    """The same mistakes for the same seed, none twice: half of them settings, a quarter routes, a quarter entries."""
    chance = random.Random(seed)
    makers = (_setting, _setting, _route, _entry)
    found: dict[str, Mistake] = {}
    while len(found) < count:
        mistake = chance.choice(makers)(chance)
        found.setdefault(mistake.name, mistake)
    return tuple(found.values())


def _setting(chance: random.Random) -> Mistake:
    setting = chance.choice(SETTINGS)
    level, datacenter = chance.choice(setting.levels), chance.choice(setting.datacenters)
    kind = chance.choice([kind for kind in setting.wrong if kind != "absent" or not level.endswith("/")])
    other = chance.choice([name for name in EVERY if name != datacenter])
    value = json.loads(json.dumps(setting.wrong[kind]).replace("{}", datacenter).replace("{other}", other))
    if setting.wrong[kind] == "{}":  # a name in capitals, which the form of it has not
        value = datacenter.upper()
    name = f"{setting.key} at {level} of {datacenter}: {kind}"
    return Mistake(name, ((datacenter, metadata_typed(level, setting.key, value)),), (setting.key, datacenter))


def metadata_typed(level: str, key: str, value: Any) -> str:
    service = level.removesuffix("/")
    words = [
        "uuid=$(sdc-sapi --no-headers /applications?name=sdc | json -Ha uuid)"
        if level == "sdc"
        else f"uuid=$(sdc-sapi --no-headers /services?name={service} | json -Ha uuid)"
    ]
    if level.endswith("/"):
        words.append("uuid=$(sdc-sapi --no-headers /instances?service_uuid=$uuid | json -Ha uuid)")
    change = {"metadata": {key: value}} if value is not None else {"action": "delete", "metadata": {key: ""}}
    return "; ".join([*words, f"echo {shlex.quote(json.dumps(change))} | sapiadm update $uuid"])


def _route(chance: random.Random) -> Mistake:
    """A route of NAPI's admin network is gone, or wrong."""
    here, there = chance.sample(EVERY, 2)
    subnet, gateway = f"10.{there[-1]}.1.0/24", f"10.{here[-1]}.1.1"
    kind = chance.choice(("absent", "gateway", "prefix", "both ways", "master's address"))
    if kind == "master's address" and here in REPLICAS:
        there, subnet = MASTER, "10.2.2.29/32"
    others = {key: value for key, value in _routes(here).items() if key != subnet}
    wrong = {
        "gateway": {subnet: f"{gateway}99"},
        "prefix": {subnet.replace("1.0/24", "9.0/24"): gateway},
    }.get(kind, {})
    commands = [(here, routes_typed(others | wrong))]
    if kind == "both ways":
        back = f"10.{here[-1]}.1.0/24"
        commands.append((there, routes_typed({key: value for key, value in _routes(there).items() if key != back})))
    says = (here, subnet.rpartition(".")[0].replace(".", r"\."))
    name = f"route of {here} to {there}: {kind}"
    return Mistake(name, tuple(commands), says, len(commands), by_hand=kind == "gateway")


def _routes(here: str) -> dict[str, str]:
    """The routes of a healthy lab's network admin."""
    found = [f"10.{name[-1]}.1.0/24" for name in EVERY if name != here] + ["10.2.2.29/32"] * (here != MASTER)
    return dict.fromkeys(found, f"10.{here[-1]}.1.1")


def routes_typed(routes: dict[str, str]) -> str:
    body = json.dumps({"routes": routes})
    return (
        "net=$(sdc-napi --no-headers '/networks?name=admin&fabric=false' | json -Ha uuid); "
        f"sdc-napi /networks/$net -X PUT -d {shlex.quote(body)} | head -1"
    )


def _entry(chance: random.Random) -> Mistake:
    """An entry of a replica's directory is gone, changed, or one that the master has not."""
    where = chance.choice(REPLICAS)
    number = chance.randint(1, 6)
    uuid = f"10000000-0000-4000-8000-{number:012d}"
    dn = f"uuid={uuid}, ou=users, o=smartdc"
    kind = chance.choice(("absent", "changed", "extra", "operators"))
    if kind == "absent":
        return Mistake(f"account {number} of {where}: absent", ((where, _deleted(dn)),), (where, uuid))
    if kind == "changed":
        attribute = chance.choice(("company", "phone", "givenname", "email"))
        value = "another@example.org" if attribute == "email" else "another"
        ldif = f"dn: {dn}\nchangetype: modify\nreplace: {attribute}\n{attribute}: {value}\n"
        return Mistake(
            f"{attribute} of account {number} of {where}: changed",
            ((where, ldif_typed("modify", ldif)),),
            (where, uuid),
        )
    if kind == "operators":
        group = "cn=operators, ou=groups, o=smartdc"
        ldif = f"dn: {group}\nchangetype: modify\nadd: uniquemember\nuniquemember: {dn}\n"
        return Mistake(
            f"operators of {where}: account {number} more", ((where, ldif_typed("modify", ldif)),), (where, "operators")
        )
    uuid = f"70000000-0000-4000-8000-{number:012d}"
    login = f"stranger{number}"
    ldif = (
        f"dn: uuid={uuid}, ou=users, o=smartdc\nobjectclass: sdcperson\nlogin: {login}\nuuid: {uuid}\n"
        f"email: {login}@example.org\nuserpassword: passw0rd1\n"
    )
    return Mistake(f"account {login} of {where}: extra", ((where, ldif_typed("add", ldif)),), (where, uuid))


def ldif_typed(verb: str, text: str) -> str:
    return f"cat > /tmp/mistake <<'LDIF'\n{text}\nLDIF\nsdc-ldap {verb} -f /tmp/mistake; rm /tmp/mistake"


def _deleted(dn: str) -> str:
    """With what lies below it, the deepest first."""
    return (
        f"sdc-ldap search -b {shlex.quote(dn)} '(objectclass=*)' dn | sed -n 's/^dn: //p' | "
        "awk '{ print length, $0 }' | sort -rn | cut -d' ' -f2- | while read -r dn; do sdc-ldap delete \"$dn\"; done"
    )
