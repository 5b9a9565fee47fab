"""Whatever is read raises nothing but what its reader declares: answers, files that an operator wrote, and files that a run left.

Seeds are answers of the lab's form; what is done to them is drawn with a fixed seed. AZ_FUZZ=20 makes it twenty times as long.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evidence.collect import (
    apis,
    before,
    cloudapi,
    configuration,
    elsewhere,
    everywhere,
    files,
    headnode,
    health,
    ldap,
    parse,
    printed,
    services,
    zone,
)
from evidence.collect.directory import accounts, changes, checkpoints, directory, public_keys
from evidence.collect.parse import UnreadableError
from evidence.collect.render import RenderError, render
from evidence.collect.ssh import Output
from evidence.collect.unanswered import UnansweredError
from evidence.inventory.reading import read_inventory
from evidence.inventory.waivers import read_waivers
from evidence.redact import Vault
from evidence.store import EvidenceError, load, save
from evidence.subjects.claims import judged
from evidence.subjects.spec import BROKEN
from remediate.plan import make_plan
from reports import findings
from tests.judging import verdict_on
from tests.recording import recorded
from tests.suite.running import WAIVER
from triton_az_checks.errors import OperatorError

ROOT = Path(__file__).resolve().parents[2]
LONG = int(os.environ.get("AZ_FUZZ", "1"))
UUID = "c076731a-bd61-552d-934a-297b25182e09"
VAULT = Vault(b"k" * 32)
WORSE: tuple[Any, ...] = (
    None, True, 0, -1, 10**9, 10**400, 1e308, "", "x" * 10_000, "\x00\x1b[2J\u202e", "\ud800", "10.0.0.0/0", "=", [], {}, [[]],
    [None], {"": None}, {"a": {"b": [1, {"c": []}]}}, ["x"] * 300, "\u0661", "1e999", "-",
)  # fmt: skip
RAW = (
    "",
    "\x00",
    "[" * 20_000,
    '{"a":' * 20_000,
    "9" * 20_000,
    "\n" * 5_000,
    "\t",
    "\\",
    '"',
    "null",
    "{}",
    "[]",
    "\ufeff",
    "\r\n",
    " ",
)

VM = {
    "uuid": UUID, "alias": "ufds0", "state": "running", "tags": {"smartdc_role": "ufds"}, "owner_uuid": UUID, "server_uuid": UUID,
    "nics": [{"ip": "10.3.1.29", "netmask": "255.255.255.0", "nic_tag": "admin", "primary": True, "network_uuid": UUID, "mac": "a"}],
    "routes": {"10.2.2.29": "10.3.1.1"}, "firewall_enabled": True, "resolvers": ["10.3.1.11"],
}  # fmt: skip
SAPI = {
    "uuid": UUID,
    "name": "sdc",
    "owner_uuid": UUID,
    "metadata": {"region_name": "r", "x_pw": "hush", "CLOUDAPI_DATACENTERS": "{}"},
}
MANIFESTS = [{"path": "/opt/smartdc/ufds/etc/config.json", "template": '{"a": "{{{b}}}"}'}]
NETWORK = {
    "uuid": UUID, "name": "admin", "subnet": "10.3.1.0/24", "gateway": "10.3.1.1", "routes": {"10.2.1.0/24": "10.3.1.1"},
    "owner_uuids": [UUID], "nic_tag": "admin", "fabric": False,
}  # fmt: skip
SERVER = {
    "uuid": UUID,
    "hostname": "cn0",
    "sysinfo": {"Network Interfaces": {"e0": {"NIC Names": ["admin"], "ip4addr": "10.3.1.9"}}},
}
JSON: dict[str, tuple[Callable[[str], object], Any]] = {
    "sysinfo": (parse.sysinfo, {"Boot Parameters": {"headnode": "true"}, "Datacenter Name": "a", "UUID": UUID}),
    "vmadm": (parse.vms, [VM, VM]),
    "napi": (parse.networks, [NETWORK]),
    "fwapi": (parse.firewall_rules, [{"uuid": UUID, "rule": "FROM any TO all vms ALLOW tcp PORT 1", "enabled": True}]),
    "imgapi": (lambda text: apis.images(text, "i"), [{"uuid": UUID, "name": "i", "state": "active"}]),
    "cnapi": (elsewhere.servers, [SERVER]),
    "check-health": (health.check_health, [{"service": "ufds", "instance": UUID, "healthy": True, "health_errors": [{"message": "m"}]}]),
    "sapi": (lambda text: services.sapi_objects(text, VAULT, application=True), [SAPI]),
    "sapi-services": (lambda text: services.sapi_objects(text, VAULT, application=False), [SAPI]),
    "manta-services": (lambda text: services.manta_services(text, UUID, VAULT), [SAPI]),
    "manta-instances": (lambda text: services.manta_instances(text, "webapi", VAULT), [SAPI]),
    "configs": (files.wanted, {"metadata": {"b": 1}, "manifests": MANIFESTS}),
    "owners": (everywhere.owners, [VM]),
    "instances": (headnode.instances, [{"service": "ufds", "version": "v"}]),
    "usbkey": (lambda text: headnode.usbkey(text, VAULT), {"message": "mounted", "ok": True}),
    "config.sh": (lambda text: configuration.written("a=b\nc='d'\n", parse.json_object(text)), {"a": "b", "c": "d"}),
    "public-url": (lambda text: cloudapi.public_url("a", text), {"a": "https://a"}),
    "listing": (lambda text: cloudapi.listing(Output(text.encode("utf-8", "replace"), "", 0), VAULT), {"a": "https://a"}),
}  # fmt: skip
AGENTS = "online svc:/smartdc/agent/ur:default\n"
SCRIPT = (
    "services\nonline 11:00:00 svc:/a:b\nendservices\t0\nfile\t/opt/smartdc/ufds/etc/config.json\t2\n{}\n"
    "probe\ttcp\t10.2.2.29\t636\topen\t\nroute\t10.2.2.29\tdefault\t0.0.0.0\t10.3.1.1\tnet0\nwritten\t/a\t1\nbegan\tsvc:/a\t1.5\nend\n"
)
TEXT: dict[str, tuple[Callable[[str], object], str]] = {
    "svcs": (printed.svcs, "online 11:00:00 svc:/smartdc/application/ufds:a\ndisabled Nov_27 svc:/b:c\n"),
    "netstat": (printed.kernel_routes, "10.2.1.0 255.255.255.0 10.3.1.1 net0 1500 2 UG 10 0 0\n"),
    "healthcheck": (health.healthcheck, "ufds:running:-:online\nsapi:running:-:online\n"),
    "room": (before.room, "no /x\nzones/var 100 10 90 10% /var\n"),
    "usbkey-config": (lambda text: configuration.written(text, {"a": "b"}), "a=b\nc='d'\n# x\ne=\"f\"\n"),
    "usbkey-copy": (lambda text: before.usbkey_copy("a=b\n", text, VAULT), "/mnt/usbkey/config\na=c\nd='e'\n"),
    "script": (lambda text: zone.read(text.encode("utf-8", "replace")), SCRIPT),
    "agents": (lambda text: elsewhere.agents(Output(text.encode("utf-8", "replace"), "", 0), VAULT), AGENTS),
    "listing-error": (
        lambda text: cloudapi.listing(Output(b"", text, 1), VAULT), "sdc-listdatacenters: error (InvalidCredentials): no\n"
    ),
    "template": (lambda text: render(text, {"a": [1, {"b": 2}]}, {}), "{{#a}}{{{b}}}{{^c}}{{/c}}{{/a}}{{!x}}{{=<% %>=}}<% a %>"),
    "scrub": (VAULT.scrub, "https://u:p@h/ a\n"),
}  # fmt: skip
DECLARED = (UnreadableError, UnansweredError, RenderError)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*at, key))


def changed(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    """The same with another value at one place."""
    if not at:
        return new
    if isinstance(value, dict):
        return {key: changed(item, at[1:], new) if key == at[0] else item for key, item in value.items()}
    return [changed(item, at[1:], new) if key == at[0] else item for key, item in enumerate(value)]


def torn(text: str, chance: random.Random) -> str:
    """A text with something cut out of it, or put into it."""
    start, end = sorted(chance.randrange(len(text) + 1) for _ in "ab")
    kind = chance.randrange(3)
    if kind == 0:
        return text[:end]
    return text[:start] + chance.choice(RAW) + text[start if kind == 1 else end :]


def worse(seed: Any, chance: random.Random) -> str:
    """JSON with hostile values at one to three places, or text that is no JSON any more."""
    for _ in range(chance.randrange(1, 4)):
        seed = changed(seed, chance.choice(list(places(seed))), chance.choice(WORSE))
    text = json.dumps(seed)
    return torn(text, chance) if chance.random() < 0.3 else text


@pytest.mark.parametrize("name", JSON)
def test_answers_in_json(name: str) -> None:
    read, seed = JSON[name]
    read(json.dumps(seed))
    chance = random.Random(name)
    for _ in range(60 * LONG):
        text = worse(seed, chance)
        try:
            read(text)
        except DECLARED as error:
            assert len(str(error)) < 5_000


@pytest.mark.parametrize("name", TEXT)
def test_what_commands_print(name: str) -> None:
    read, seed = TEXT[name]
    chance = random.Random(name)
    for _ in range(60 * LONG):
        try:
            read(torn(torn(seed, chance), chance))
        except DECLARED as error:
            assert len(str(error)) < 5_000


ENTRY = {
    "uuid": (UUID,), "login": ("a",), "count": ("7",), "changenumber": ("7",), "targetdn": ("o=a",), "changetype": ("add",),
    "changetime": ("2026-01-01T00:00:00Z",), "url": ("ldaps://a",), "version": ("1",), "uniquemember": ("uuid=a, o=b",),
    "fingerprint": ("aa",), "name": ("n",), "region": ("r",), "datacenter": ("d",), "ip": ("10.0.0.1",), "objectclass": ("region",),
}  # fmt: skip
READS: dict[str, Callable[[ldap.Found], object]] = {
    "directory": lambda found: directory((found,) * 8),
    "checkpoints": checkpoints,
    "changes": changes,
    "keys": public_keys,
    "accounts": accounts,
}


@pytest.mark.parametrize("name", READS)
def test_entries_of_ufds(name: str) -> None:
    chance = random.Random(name)
    for _ in range(60 * LONG):
        held = {key: values for key, values in ENTRY.items() if chance.random() < 0.8}
        for key in chance.sample(sorted(held), min(2, len(held))):
            held[key] = tuple(str(each) for each in chance.choices(WORSE, k=chance.randrange(3)))
        dn = chance.choice(["o=a", "", "cn=operators, ou=groups", "\x00", "x" * 9_000, "=,=", ","])
        try:
            READS[name](ldap.Found((ldap.Entry(dn, held),) * chance.randrange(3)))
        except UnreadableError as error:
            assert len(str(error)) < 5_000


@pytest.mark.parametrize("name", ["inventory", "waivers"])
def test_what_an_operator_wrote(tmp_path: Path, name: str) -> None:
    read: Callable[[Path], object] = read_inventory if name == "inventory" else read_waivers
    seed = (ROOT / "region.example.yaml").read_text() if name == "inventory" else WAIVER
    chance, path = random.Random(name), tmp_path / "file.yaml"
    for _ in range(40 * LONG):
        path.write_text(torn(torn(seed, chance), chance), encoding="utf-8", errors="surrogatepass")
        try:
            read(path)
        except OperatorError as error:
            assert str(error).startswith(str(path))
            assert "\n" not in str(error)


@pytest.fixture(scope="module")
def kept() -> Any:
    return msgspec.to_builtins(recorded("headnode-refuses-at-my-dc-3"))


def test_stored_evidence_is_refused_in_a_sentence_or_judged(tmp_path: Path, kept: Any) -> None:
    """No check, no remedy and no report breaks over it."""
    chance, path, judged_ones = random.Random("evidence"), tmp_path / "evidence.json", 0
    where = list(places(json.loads(json.dumps(kept))))
    for _ in range(10 * LONG):
        data = json.loads(json.dumps(kept))
        data = changed(data, chance.choice(where), chance.choice(WORSE))
        path.write_bytes(json.dumps(data).encode("utf-8", "surrogatepass"))
        try:
            evidence = load(path)
        except EvidenceError as error:
            assert "\n" not in str(error)
            continue
        judged_ones += 1
        verdict = verdict_on(evidence)
        assert not [row for row in verdict.results if row.result.outcome == BROKEN]
        plan = make_plan(verdict.causes, judged(evidence.inventory, evidence))
        assert not plan.defects
    assert judged_ones > 0


@pytest.mark.parametrize("raw", RAW)
def test_what_is_no_evidence_is_refused(tmp_path: Path, raw: str) -> None:
    for name, reader in (("evidence.json", load), ("findings.json", findings.load)):
        path = tmp_path / name
        path.write_text(raw, encoding="utf-8")
        with pytest.raises(OperatorError) as told:
            reader(path)  # type: ignore[operator]
        assert "\n" not in str(told.value)


def test_evidence_that_is_torn_is_refused(tmp_path: Path) -> None:
    path, chance = tmp_path / "evidence.json", random.Random("torn")
    save(recorded("healthy"), path)
    whole = path.read_text()
    for _ in range(10 * LONG):
        path.write_text(whole[: chance.randrange(len(whole) - 2)])
        with pytest.raises(EvidenceError):
            load(path)
