"""Rule 7 for remedies: whatever the evidence holds, a command that is printed runs nothing but itself."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evidence.model import Evidence
from evidence.subjects import World
from remediate.plan import Plan, make_plan, tell
from remediate.shell import quote
from tests.remediate import synthetic as s
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
sapiadm() { cat > /dev/null; }; vmadm() { cat > /dev/null; }; sdc-napi() { :; }; svcadm() { :; }; svcs() { :; }
route() { :; }; sdc-fwapi() { echo "uuid text"; }
sdc-usbkey() { :; }; sdc-ldap() { echo "dn: uuid=x, ou=users, o=smartdc"; }; sdc-ufds-m2s() { :; }; json() { echo "$*"; }
ssh() { :; }; sysinfo() { :; }; sleep() { :; }; rm() { :; }; tail() { :; }
zlogin() { shift; bash -c "tail() { :; }; $*"; }
"""
"""Stand in for Triton's tools; zlogin hands its words to a shell in the zone, as the real one does (facts)."""
APPENDED = frozenset(
    {"uuid", "network_uuid", "fmri", "path", "key", "file", "instance", "headnode", "region", "detail"}
)


def poisoned(value: Any, payload: str, name: str = "") -> Any:
    """The same evidence with the payload wherever somebody else's text may stand, so that look-ups still succeed."""
    if isinstance(value, dict):
        found = {key: poisoned(item, payload, key if name != "values" else "values") for key, item in value.items()}
        found = {key + payload if key.startswith("/") else key: item for key, item in found.items()}
        return found | ({payload: payload, "10.77.0.0/16": payload} if name == "routes" else {})
    if isinstance(value, (list, tuple)):
        return [poisoned(item, payload, name) for item in value]
    if not isinstance(value, str) or value in ("true", "false"):
        return value
    if name == "metadata":
        return json.dumps(payload)
    return value + payload if name in APPENDED or name == "values" else value


def plans(payload: str) -> list[tuple[str, Plan]]:
    found = []
    for check, (world, subject, _) in sorted(CASES.items()):
        assert world.evidence is not None
        data = msgspec.to_builtins(world.evidence)
        datacenters = {name: poisoned(item, payload) for name, item in data["datacenters"].items()}
        inventory = data["inventory"]
        inventory["dns_domain"] = f"d{payload}"
        inventory["expect"]["patience"] = 2
        for declared in inventory["datacenters"].values():
            declared["headnode"] += payload
            declared["region"] += payload
        evidence = msgspec.convert({**data, "inventory": inventory, "datacenters": datacenters}, type=Evidence)
        found.append((check, make_plan([s.cause(check, subject)], World(evidence.inventory, evidence))))
    return found


@pytest.mark.parametrize("name", PAYLOADS)
def test_no_value_becomes_a_command(tmp_path: Path, name: str) -> None:
    canary = tmp_path / "CANARY"
    script, lines = [STUBS], 0
    for check, plan in plans(PAYLOADS[name].replace("CANARY", str(canary))):
        (entry,) = plan.entries
        assert not [note for note in entry.notes if "broke" in note], (check, entry.notes)
        for planned in entry.steps:
            typed = [planned.step.run, planned.step.undo, *re.findall(r"its log: (zlogin .*)", planned.step.why)]
            for command in filter(None, typed):
                assert all(line.isprintable() for line in command.split("\n")), (check, command)
                safer = command.replace("/root/poseidon", f"{tmp_path}/poseidon").replace("usbkey/config", "no/config")
                script.append(f"( {safer}\n) > /dev/null || : {quote(check)}")
                lines += 1
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", tell(plan, "run", 80, colour=False))
    assert lines > 30
    text = "\n".join(script)
    checked = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr
    done = subprocess.run(["bash"], input=text, text=True, capture_output=True, check=False, cwd=tmp_path, timeout=20)
    assert not canary.exists(), done.stderr
    assert "command not found" not in done.stderr, done.stderr


def test_the_canary_sings(tmp_path: Path) -> None:
    """The test above would see it: unquoted, every payload but those that only show runs."""
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
    """`!` in $'…' would be looked up in an interactive shell's history; in '…' it is not."""
    assert "!" not in quote("\x1b!x'!")
    assert subprocess.run(["bash", "-c", f"printf %s {quote(chr(27) + '!a')}"], capture_output=True).stdout == b"\x1b!a"
