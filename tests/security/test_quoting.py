"""Rule 7 for remedies: whatever the evidence holds, a printed command runs nothing but itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evidence.model import Evidence
from evidence.subjects.claims import judged
from evidence.subjects.triton import ADMIN_UUID
from evidence.subjects.world import World
from remediate.plan import Plan, make_plan
from remediate.shell import in_zone, quote
from remediate.ssh import over_ssh
from reports.page import Look
from reports.plan import tell
from tests.remediate import synthetic as s
from tests.remediate import test_coupling as coupling
from tests.remediate import test_replication as replication
from tests.remediate.test_remedies import CASES

PAYLOADS = {
    "substitution": "$(echo>CANARY)",
    "backticks": "`echo>CANARY`",
    "single-quote": "'; echo>CANARY; '",
    "double-quote": '"; echo>CANARY; "',
    "new-line": "\necho>CANARY\n",
    "new-line-quote": "'\necho>CANARY\n'",
    "escaped": "\\'; echo>CANARY; \\'\x1b[2J",
    "operators": "; echo>CANARY && echo>CANARY | echo>CANARY &",
    "arithmetic": "a[$(echo>CANARY)]",
    "braces": "${x:=$(echo>CANARY)}{a,b}* ~ #",
    "controls": "\x00\r\x07\x1b]0;x\x07\u202e' $(echo>CANARY)",
    "json": '\\",\\"x\\":\\"\\u0027;echo>CANARY;\\u0027',
    "history": "!!:s/a/b/' !echo>CANARY",
}
STUBS = r"""
sapiadm() { cat > /dev/null; }; vmadm() { cat > /dev/null; }; sdc-napi() { echo "{}"; }; svcadm() { :; }; svcs() { :; }
route() { :; }; sdc-fwapi() { echo "uuid text"; }; sdc-sapi() { echo "[]"; }; sdcadm() { :; }; sdc-useradm() { :; }
sdc-usbkey() { :; }; sdc-ldap() { echo "dn: uuid=x, ou=users, o=smartdc"; }; sdc-ufds-m2s() { :; }; json() { echo '"x"'; }
sysinfo() { :; }; sleep() { :; }; rm() { :; }; tail() { :; }; ntpq() { :; }; ntpdate() { :; }; nawk() { awk "$@"; }
zlogin() { shift; bash -c "$*"; }
ssh() {
    while [[ $1 == -* ]]; do [[ $1 == -o ]] && shift; shift; done
    shift; bash -c "$*"
}
while read -r _ _ name; do export -f "$name"; done < <(declare -F)
"""
"""Take the place of Triton's tools. ssh and zlogin hand their words to a shell over there, as the real ones do (facts)."""
FIRST = ("substitution", "new-line-quote", "operators", "controls", "json")
"""One of each kind; make proofs tries the others."""
TEXTS = {**PAYLOADS, "spaced": " $(echo>CANARY) "}
FIELDS = {
    "uuid": ("uuid", "operators", "owner_uuid"),
    "network": ("network_uuid",),
    "service": ("fmri",),
    "file": ("path", "key", "file"),
    "instance": ("instance",),
    "headnode": ("headnode",),
    "region": ("region", "region_name"),  # if both say it, the inventory is not wrong
    "detail": ("detail",),
    "metadata": ("values",),
    "attribute": ("attributes",),
    "dn": ("dn", "conflict"),
    "login": ("login",),
    "url": ("url", "urls"),
    "image": ("ring_images", "hash_ring"),
    "address": ("ip", "ips", "resolvers", "addresses"),
    "domain": ("dns_domain",),
    "routes": ("routes",),
    "leftovers": ("leftovers",),
}
"""Texts that may be somebody else's, by the names of the fields in which they stand together."""
EVERYWHERE = frozenset(field for fields in FIELDS.values() for field in fields)
WORST = "$(echo>CANARY)'; echo>CANARY; '"
"""It runs wherever it is not quoted, and within either kind of quotes."""
FORMED = ("uuid", "service", "headnode", "region", "attribute", "dn", "domain", "leftovers")
"""Fields whose values have a form. A value without the form makes no command, and this is told."""


def poisoned(value: Any, payload: str, fields: frozenset[str], name: str = "") -> Any:
    """The same evidence with the payload in these fields. Look-ups still succeed."""
    if isinstance(value, dict):
        below = {"values": "values", "leftovers": "leftovers"}.get(name, "")
        found = {
            key: poisoned(item, payload, fields, key if key in fields else below or key) for key, item in value.items()
        }
        if "file" in fields:
            found = {key + payload if key.startswith("/") else key: item for key, item in found.items()}
        return found | ({payload: payload, "10.77.0.0/16": payload} if name == "routes" and "routes" in fields else {})
    if isinstance(value, list | tuple):
        return [poisoned(item, payload, fields, name) for item in value]
    if not isinstance(value, str) or value in ("true", "false"):
        return value
    if name == "metadata":
        return json.dumps(payload) if "values" in fields else value
    return value + payload if name in fields and (name != "leftovers" or value.startswith("/")) else value


def worlds() -> list[tuple[str, str, World]]:
    found = [(check, subject, world) for check, (world, subject, _) in sorted(CASES.items())]
    found += [(check, "my-dc-3", world) for check, (world, _) in sorted(coupling.CASES.items())]
    return found + [(check, subject, world) for check, subject, world, _, _ in replication.CASES.values()]


WORLDS = worlds()


def plans(payload: str, fields: frozenset[str]) -> list[tuple[str, Plan]]:
    found = []
    for check, subject, world in WORLDS:
        assert world.evidence is not None
        data = msgspec.to_builtins(world.evidence)
        inventory = data["inventory"]
        inventory["dns_domain"] = f"d{payload}" if "dns_domain" in fields else ""
        inventory["expect"]["patience"] = 2
        for declared in inventory["datacenters"].values():
            for field in {"headnode", "region"} & fields:
                declared[field] += payload
        datacenters = {name: poisoned(item, payload, fields) for name, item in data["datacenters"].items()}
        evidence = msgspec.convert({**data, "inventory": inventory, "datacenters": datacenters}, type=Evidence)
        found.append((check, make_plan([s.cause(check, subject)], judged(evidence.inventory, evidence))))
    return found


def typed_in(found: list[tuple[str, Plan]], canary: Path) -> list[str]:
    """The commands that would be typed and hold the payload."""
    commands: dict[str, str] = {}
    for check, plan in found:
        for entry in plan.entries:
            assert not [note for note in entry.notes if "broke" in note], (check, entry.notes)
            for planned in entry.steps:
                step = planned.step
                for command in (step.run, step.undo, *re.findall(r"log: (zlogin .*)", step.why)):
                    assert all(line.isprintable() for line in command.split("\n")), (check, command)
                    if str(canary) in command:
                        commands.setdefault(command, check)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", tell(plan, "run", Look()))
    return [f"( {command}\n) > /dev/null || : {quote(check)}" for command, check in commands.items()]


def run(commands: list[str], canary: Path, path: str = os.environ["PATH"]) -> None:
    """Run all of it in bash. The payload must not run, on this side of an ssh or the other, nor anything that is not in this PATH."""
    text = "\n".join([STUBS, *commands])
    text = re.sub(r"(?<=[ =(])/(?=(var|root|zones)/)", f"{canary.parent}/", text).replace("usbkey/config", "no/config")
    checked = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr
    environment = {"PATH": path, "TMPDIR": str(canary.parent)}
    done = subprocess.run(
        ["bash"],
        input=text,
        text=True,
        capture_output=True,
        check=False,
        cwd=canary.parent,
        timeout=300,
        env=environment,
    )
    assert not canary.exists(), done.stderr
    assert "command not found" not in done.stderr, done.stderr


@pytest.mark.parametrize(
    "name", [name if name in FIRST else pytest.param(name, marks=pytest.mark.proof) for name in TEXTS]
)
def test_no_value_becomes_a_command(tmp_path: Path, name: str) -> None:
    canary = tmp_path / "CANARY"
    run(typed_in(plans(TEXTS[name].replace("CANARY", str(canary)), EVERYWHERE), canary), canary)


@pytest.mark.parametrize("field", FIELDS)
def test_nor_does_one_alone_that_all_others_are_right_beside(tmp_path: Path, field: str) -> None:
    canary = tmp_path / "CANARY"
    found = plans(WORST.replace("CANARY", str(canary)), frozenset(FIELDS[field]))
    run(typed_in(found, canary), canary)
    if field in FORMED:
        notes = [note for _, plan in found for entry in plan.entries for note in entry.notes]
        assert [note for note in notes if note.startswith("No command is given here: ") and "(from " in note]


def test_some_of_it_is_typed_all_the_same(tmp_path: Path) -> None:
    """Free text stays quoted in commands. Otherwise the tests above would prove nothing about quoting."""
    canary = tmp_path / "CANARY"
    assert len(typed_in(plans(f"$(echo>{canary})", frozenset({"values"})), canary)) > 5


@pytest.mark.parametrize("form", ["ssh", "zlogin"])
@pytest.mark.parametrize("name", TEXTS)
def test_a_command_for_two_shells_is_quoted_for_both(tmp_path: Path, form: str, name: str) -> None:
    canary = tmp_path / "CANARY"
    word = TEXTS[name].replace("CANARY", str(canary)).replace("\0", "")
    inner = f"printf %s {quote(word)}"
    command = over_ssh("root@10.1.2.2", inner) if form == "ssh" else in_zone(ADMIN_UUID, inner)
    done = subprocess.run(["bash"], input=STUBS + command, text=True, capture_output=True, check=False, cwd=tmp_path)
    assert not canary.exists()
    assert done.stdout == word.replace("\r", "\n") or done.stdout == word


def test_the_canary_sings(tmp_path: Path) -> None:
    """The test above would notice: without quotes, every payload runs, except those that only show."""
    sang = 0
    for payload in PAYLOADS.values():
        canary = tmp_path / "CANARY"
        text = payload.replace("CANARY", str(canary)).replace("\0", "")
        for frame in ("echo {}", "echo '{}'", 'echo "{}"'):
            subprocess.run(
                ["bash"], input=frame.format(text), text=True, capture_output=True, check=False, cwd=tmp_path
            )
        sang += canary.exists()
        canary.unlink(missing_ok=True)
    assert sang >= len(PAYLOADS) - 2


def test_quote_leaves_nothing_to_history_expansion() -> None:
    """An interactive shell looks up `!` within $'…' in its history, but not within '…'."""
    assert "!" not in quote("\x1b!x'!")
    assert subprocess.run(["bash", "-c", f"printf %s {quote(chr(27) + '!a')}"], capture_output=True).stdout == b"\x1b!a"
