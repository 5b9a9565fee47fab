"""What is odd in a living lab and wrong for nobody, as operators type it.  Nothing may be found in a region that has several of these.

`drawn` takes four to seven at once.  What evidence alone can show is in tests/odd/.
"""

from __future__ import annotations

import json
import random
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.proofs.mistakes import DOMAIN, EVERY, MASTER, REPLICAS, ldif_typed, metadata_typed, routes_typed

SEED = 27
COUNT = 20
Typed = tuple[str, str]
"""Where, and what is typed there."""


@dataclass(frozen=True)
class OddRegion:
    """A healthy region, and what is typed to make it odd."""

    names: tuple[str, ...]
    commands: tuple[Typed, ...]

    @property
    def id(self) -> str:
        return "+".join(self.names)


def _same_value_at_an_instance(chance: random.Random) -> list[Typed]:
    """An instance sets what the application sets."""
    where = chance.choice(EVERY)
    return [(where, metadata_typed("binder/", "region_name", "my-dc"))]


def _flag_of_another_type(chance: random.Random) -> list[Typed]:
    """A flag is a text where it was JSON's, or the other way round: both render alike."""
    return [
        (MASTER, metadata_typed("sdc", "ufds_is_master", chance.choice((True, "true")))),
        (chance.choice(REPLICAS), metadata_typed("sdc", "ufds_is_master", chance.choice((False, "false")))),
    ]


def _urls_in_another_order(chance: random.Random) -> list[Typed]:
    """CLOUDAPI_DATACENTERS has another order, blanks, and slashes at the end."""
    names = chance.sample(EVERY, len(EVERY))
    told = {name: f"https://cloudapi.{name}.{DOMAIN}{chance.choice(('', '/'))}" for name in names}
    return [(chance.choice(EVERY), metadata_typed("cloudapi", "CLOUDAPI_DATACENTERS", json.dumps(told, indent=2)))]


def _routes_by_supernets(chance: random.Random) -> list[Typed]:
    """NAPI's admin network has a supernet for each other datacenter."""
    here = chance.choice(EVERY)
    routes = {f"10.{peer[-1]}.0.0/16": f"10.{here[-1]}.1.1" for peer in EVERY if peer != here}
    return [(here, routes_typed(routes))]


def _a_rule_for_another_tag(chance: random.Random) -> list[Typed]:
    """FWAPI has a rule that closes another role's port, and one that is disabled and would open UFDS."""
    where = chance.choice(EVERY)
    rules = (
        {"enabled": True, "rule": 'FROM any TO tag "smartdc_role" = "portal" BLOCK tcp PORT 636'},
        {"enabled": False, "rule": 'FROM any TO tag "smartdc_role" = "ufds" ALLOW tcp PORT 636'},
    )
    owner = "930896af-bf8c-48d4-885c-6573a94b1853"
    return [
        (where, f"sdc-fwapi /rules -X POST -d {shlex.quote(json.dumps({**rule, 'owner_uuid': owner}))} | json -H uuid")
        for rule in rules
    ]


def _another_account(chance: random.Random) -> list[Typed]:
    """The master has an account more, whose names are in another script."""
    number = chance.randint(100, 999)
    uuid = f"80000000-0000-4000-8000-{number:012d}"
    text = (
        f"dn: uuid={uuid}, ou=users, o=smartdc\nobjectclass: sdcperson\nlogin: odd{number}\nuuid: {uuid}\n"
        f"email: odd{number}@example.org\nuserpassword: passw0rd1\ncompany:: 5pel5pys\n"
    )
    return [(MASTER, ldif_typed("add", text))]


def _another_operator(chance: random.Random) -> list[Typed]:
    """The master has an operator more."""
    dn = f"uuid=10000000-0000-4000-8000-{chance.randint(1, 6):012d}, ou=users, o=smartdc"
    group = "cn=operators, ou=groups, o=smartdc"
    text = f"dn: {group}\nchangetype: modify\nadd: uniquemember\nuniquemember: {dn}\n"
    return [(MASTER, ldif_typed("modify", text))]


def _changes_all_the_while(chance: random.Random) -> list[Typed]:
    """An account at the master changes every second."""
    dn = f"uuid=10000000-0000-4000-8000-{chance.randint(1, 6):012d}, ou=users, o=smartdc"
    entry = f"dn: {dn}\\nchangetype: modify\\nreplace: phone\\nphone: 0%s\\n"
    loop = f'for i in $(seq 100 140); do printf "{entry}" $i > /tmp/odd; sdc-ldap modify -f /tmp/odd; sleep 1; done'
    return [(MASTER, f"nohup bash -c {shlex.quote(loop)} > /dev/null 2>&1 < /dev/null &")]


def _a_key_that_nobody_knows(chance: random.Random) -> list[Typed]:
    """SAPI's metadata have keys of the operator's own, at several levels."""
    where = chance.choice(EVERY)
    values: tuple[Any, ...] = ("no", 7, [1, 2], {"a": {"b": None}}, True)
    return [(where, metadata_typed(level, "odd_key", chance.choice(values))) for level in ("sdc", "ufds", "binder/")]


def _a_master_by_its_address(chance: random.Random) -> list[Typed]:
    """MASTER_MORAY_IP is the address of the master's moray in place of its name."""
    return [(chance.choice(REPLICAS), metadata_typed("sapi", "MASTER_MORAY_IP", MORAY))]


def _a_service_begun_anew(chance: random.Random) -> list[Typed]:
    """A service was started long after its file was written."""
    return [(chance.choice(EVERY), 'zlogin $(vmadm lookup -1 alias=binder0) "svcadm restart binder"')]


MORAY = f"10.{MASTER[-1]}.1.17"
ODDITIES: dict[str, Callable[[random.Random], list[Typed]]] = {
    making.__name__.strip("_").replace("_", "-"): making
    for making in (
        _same_value_at_an_instance, _flag_of_another_type, _urls_in_another_order, _routes_by_supernets,
        _a_rule_for_another_tag, _another_account, _another_operator, _changes_all_the_while, _a_key_that_nobody_knows,
        _a_master_by_its_address, _a_service_begun_anew,
    )
}  # fmt: skip


def drawn(count: int = COUNT, seed: int = SEED) -> tuple[OddRegion, ...]:
    """The same regions for the same seed."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        names = tuple(sorted(chance.sample(sorted(ODDITIES), chance.randint(4, 7))))
        found.append(OddRegion(names, tuple(typed for name in names for typed in ODDITIES[name](chance))))
    return tuple(found)
