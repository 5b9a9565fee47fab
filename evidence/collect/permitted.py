"""The short list: every command that the suite sends to a head node to judge it, each of which only reads.

Each is an extended regular expression of POSIX that bash understands as Python does. So one list serves the tests, the page and the
wrapper that a head node can hold the suite's key to (contrib/forced-command).  `az-checks apply` is none of it.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from evidence.collect import cloudapi, elsewhere, headnode
from evidence.subjects.questions import MANTA_VMADM, OF_DATACENTER

UUID: Final = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_SPECIAL: Final = frozenset(".[]{}()*+?^$|\\")
_BRACKETED: Final = frozenset("[]^\\")
"""Of these, those that mean something else between brackets."""


class Command(Struct, frozen=True):
    """A command, for whom and what it is asked. One that is `scripted` reads the script for zones, and nothing else, from its stdin."""

    form: str
    why: str
    scripted: bool = False

    def is_it(self, command: str) -> bool:
        return re.fullmatch(self.form, command, re.ASCII) is not None


def literal(text: str) -> str:
    """A form that only this text has."""
    return "".join(f"\\{c}" if c in _BRACKETED else f"[{c}]" if c in _SPECIAL else c for c in text)


def _asked(key: str) -> Command:
    return Command(literal(OF_DATACENTER[key].how), OF_DATACENTER[key].asked)


SCRIPT: Final = (
    r"/usr/bin/bash -s -- [0-9]+( (file|manifests):/opt/smartdc/[a-z./-]+| route:[A-Za-z0-9.-]+|"
    r" (tcp|udp|tls|loss|size):[A-Za-z0-9.-]+:[0-9]+| began:svc:/[a-z/-]+)*"
)
_LEFT: Final = (
    rf"/((zones/{UUID}/root/)?(var/)?tmp/(fixufds|config[.]\[0-9\][*]|sapi[.]out|(backup|restore)[.]ldif|cnt|"
)
_LEFT_IN_ZONE: Final = r"[.]bootstrap(_remote)?[.]ldif[.]in[.][01]|metadata[.]json))?"
_SSH: Final = rf"{literal(elsewhere.SSH)} [0-9.]+"
COMMANDS: Final[tuple[Command, ...]] = (
    *map(_asked, ("sysinfo", "usbkey", "zones", "check_health", "healthcheck", "global_services", "clock")),
    Command(literal(headnode.USBKEY_FILE), "its text, where config.sh cannot take it"),
    Command(rf"{literal(MANTA_VMADM)}( owner_uuid={UUID})?", "the zones of Manta"),
    Command(rf"ls -1d( {_LEFT}{_LEFT_IN_ZONE})+", OF_DATACENTER["leftovers"].asked),
    Command("true", "whether it still answers, after a service did not"),
    Command(rf"(zlogin -Q {UUID} )?{SCRIPT}", "what is in a zone, and where it gets to", scripted=True),
    Command(rf'{_SSH} "zlogin -Q {UUID} {SCRIPT}"', "the same, of a zone on another server", scripted=True),
    Command(rf'{_SSH} "{literal(elsewhere.AGENTS)}"', "the agents of another server"),
    Command(
        rf"zlogin -Q {UUID} PATH={literal(cloudapi.PATH)} SDC_TESTING=1 {literal(cloudapi.SDC)}/node_modules/smartdc/bin/"
        rf"sdc-listdatacenters -a admin -u https://[0-9.]+ -k [A-Za-z0-9:+/=-]+",
        "what cloudapi lists: a GET that is signed where the key is",
    ),
    *map(_asked, ("usbkey_mount", "m2s_asks_password", "coupling_tools", "m2s_room", "usbkey_copy", "instances")),
    Command(rf"zlogin -Q {UUID} true", "doctor: whether a zone can be entered"),
    Command(r"type -P( [a-z0-9-]+)+; ls -1d /lib/sdc/config[.]sh /usbkey/config", "doctor: whether all is there that is typed"),
)  # fmt: skip
VERBS: Final = frozenset({"GET"})
"""Of HTTP."""
LDAP: Final = frozenset({"bindRequest", "searchRequest", "unbindRequest"})
"""Operations of LDAP."""
PORTS: Final = frozenset({53, 80, 443, 636})
"""To which the head node forwards a connection."""


def permitted(command: str) -> Command | None:
    """The command of the list that this one is; None if it is not on it."""
    return next((each for each in COMMANDS if each.is_it(command)), None)
