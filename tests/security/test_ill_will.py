"""Design, rules 2, 5 and 7: hostile head nodes and services. Every wait has an end, and nothing gets through."""

from __future__ import annotations

import asyncio
import datetime
import json
import logging
import os
import re
import resource
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import asyncssh
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from evidence.collect import collect, conversation, ldap, zone
from evidence.collect.directory import POSEIDONS
from evidence.collect.services import LARGEST_LDAP
from evidence.headnode import LONG
from evidence.inventory.model import Declared, Expectations, Inventory, Timeouts
from evidence.model import Evidence
from tests.security import hostile
from tests.security.allowed import ROOT, SHORT_LIST

CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What a terminal acts upon, except the end of a line."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.delenv("AZ_FINGERPRINT_KEY_FILE", raising=False)
    return tmp_path


LIMITS = Timeouts(connect=1, command=1, run=20)
IN_TIME = 60
"""Seconds, generously: what hangs, hangs for ever, and a busy machine is only slow."""


MASTER = {"a": Declared("a", "a", "r", "master")}
CANDIDATE = {"a": Declared("a", "a", "r", "candidate"), "b": Declared("b", "root@127.0.0.2", "r", "master")}


def ask(
    home: Path, head: hostile.HeadNode, timeouts: Timeouts = LIMITS, declared: dict[str, Declared] = MASTER
) -> Evidence:
    """Collect from one head node (its own host key is trusted)."""

    async def all_of_it() -> Evidence:
        async with head:
            head.known_to(home, trusted=head.key)
            master = next(name for name, one in declared.items() if one.state == "master")
            inventory = Inventory(master, declared, timeouts=timeouts, expect=Expectations(manta=True))
            return await collect(inventory, lambda _: None)

    return asyncio.run(all_of_it())


def whys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("why"), str):
            yield value["why"]
        for item in value.values():
            yield from whys(item)
    elif isinstance(value, list):
        for item in value:
            yield from whys(item)


def judge_calmly(evidence: Evidence, caplog: pytest.LogCaptureFixture) -> list[str]:
    """Every reason is a sentence, without a traceback, and not a defect of ours. Returns them."""
    found = list(whys(msgspec.to_builtins(evidence)))
    for why in found:
        assert why.strip()
        assert "the suite" not in why, why
        assert "Traceback" not in why
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR], caplog.text
    return found


ENDS = {
    "endless": hostile.endless,
    "endless-errors": hostile.endless_errors,
    "long-line": hostile.long_line,
    "silent": hostile.silent,
    "drips": hostile.drips,
    "breaks-off": hostile.breaks_off,
    "never-exits": hostile.never_exits,
}


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("where", ["head", "zones"])
def test_every_wait_and_every_answer_has_an_end(
    home: Path, caplog: pytest.LogCaptureFixture, name: str, where: str
) -> None:
    """In time (each command's limit is 1 s), within memory, with sentences. `zones`: only the script in zones is hostile."""
    wrong = dict.fromkeys(hostile.KIND if where == "head" else ["zlogin"], ENDS[name])
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    evidence = ask(home, hostile.HeadNode(hostile.KIND | wrong))
    assert time.monotonic() - started < IN_TIME
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 << 10, "KiB"
    found = judge_calmly(evidence, caplog)
    datacenter = evidence.datacenters["a"]
    if where == "head":
        assert {datacenter.sysinfo.value, datacenter.zones.value} == {None}, found
    elif name != "breaks-off":
        assert datacenter.sysinfo.get().headnode
        assert datacenter.zones.known()["ufds0"].services.why


VALUES = {
    "null": "null",
    "number": "3",
    "huge-number": "9" * 100_000,
    "infinite": "1e999",
    "text": '"x"',
    "list": "[]",
    "list-of-null": "[null]",
    "list-of-lists": "[[[]]]",
    "object": "{}",
    "wrong-within": json.dumps([{"uuid": 3, "tags": [], "nics": {}, "healthy": "yes", "health_errors": 3}]),
    "wrong-tags": json.dumps([hostile.vm("sapi", 1, nics=[3], routes=[1], state=None)]),
    "wrong-settings": json.dumps({"Boot Parameters": [], "dns_domain": {"a": [1]}, "ufds_ldap_root_pw": [1]}),
    "deep": "[" * 100_000,
    "deep-and-whole": "[" * 900 + "]" * 900,
    "surrogates": '{"Datacenter Name": "\\ud800", "dns_domain": "\\udfff", "region_name": "\\ud83d"}',
    "not-utf-8": b"\xff\xfe\x00[",
    "cut-off": '{"a": ',
    "nul": "\0" * 1000,
    "spaces": "services\na" + " " * 1_000_000 + "\nendservices\t0\nend\n",
    "newlines": "\n" * 4_000_000,
    "sizes": "file\t/opt/smartdc/ufds/etc/config.json\t99999999\nx",
    "negative": "file\t/opt/smartdc/ufds/etc/config.json\t-5\nprobe\ttcp\ta\t999999\t0\t\nroute\t\t\t\t\t\n",
    "many-secrets": json.dumps({f"x{number}_pw": f"secret-{number}" for number in range(50_000)}),
}


@pytest.mark.parametrize("name", VALUES)
def test_nonsense_of_every_kind_becomes_sentences(home: Path, caplog: pytest.LogCaptureFixture, name: str) -> None:
    answer = hostile.says(VALUES[name])
    started = time.monotonic()
    for wrong in (hostile.KIND, ["zlogin", "bash", "sysinfo"]):
        judge_calmly(ask(home, hostile.HeadNode(hostile.KIND | dict.fromkeys(wrong, answer))), caplog)
    assert time.monotonic() - started < IN_TIME


@pytest.mark.parametrize("name", VALUES)
def test_nonsense_of_a_candidates_own_tools(home: Path, caplog: pytest.LogCaptureFixture, name: str) -> None:
    """Its clock, its files, its USB key, its images. The master is dark, and nobody waits for it."""
    tools = dict.fromkeys(["date", "ls", "grep", "sdc-usbkey", "sdcadm"], hostile.says(VALUES[name]))
    started = time.monotonic()
    evidence = ask(home, hostile.HeadNode(hostile.KIND | tools), declared=CANDIDATE)
    assert time.monotonic() - started < IN_TIME
    judge_calmly(evidence, caplog)
    seen = evidence.datacenters["a"]
    assert seen.clock is not None
    assert seen.usbkey_mount is not None
    assert seen.instances is not None
    assert evidence.datacenters["b"].ssh.why


@pytest.mark.parametrize(
    "line", ["x" * 800_000, "\\" * 800_000, "'a' " * 200_000, "$CONFIG_a" * 90_000, "=" * 7_000_000]
)
def test_a_long_line_of_the_usbkey(home: Path, caplog: pytest.LogCaptureFixture, line: str) -> None:
    """It is not read; everything else waits for it meanwhile."""
    told = {"cat": hostile.says(f"a_pw={line}\nb=2\n"), "bash": hostile.says('{"a_pw": "x", "b": "2"}')}
    started = time.monotonic()
    evidence = ask(home, hostile.HeadNode(hostile.KIND | told))
    assert time.monotonic() - started < IN_TIME
    judge_calmly(evidence, caplog)
    usbkey = evidence.datacenters["a"].usbkey
    assert (
        usbkey.why == "/usbkey/config is larger than 1 MiB" if len(line) > 1 << 20 else usbkey.get().bad[0].kind == LONG
    )


@pytest.mark.parametrize("key", ["pw" * 3000, "pw" * 300_000])
def test_a_secret_of_the_usbkey_with_a_long_name(home: Path, caplog: pytest.LogCaptureFixture, key: str) -> None:
    told = {"cat": hostile.says(f"{key}=it's\nb=2\n"), "bash": hostile.says('{"b": ""}')}
    judge_calmly(ask(home, hostile.HeadNode(hostile.KIND | told)), caplog)


async def _endless_header(_: Any, writer: Any) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;")
    await _pour(writer)


async def _endless_body(_: Any, writer: Any) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    await _pour(writer)


async def _pour(writer: Any) -> None:
    while True:
        writer.write(hostile.BLOCK)
        await writer.drain()
        await asyncio.sleep(0)  # it runs in the test's own loop, which a server far away would not hold up


async def _continues(_: Any, writer: Any) -> None:
    while True:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
        await writer.drain()
        await asyncio.sleep(0)


async def _hangs(_: Any, __: Any) -> None:
    await asyncio.sleep(60)


async def _redirects(_: Any, writer: Any) -> None:
    writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")


async def _packed(_: Any, writer: Any) -> None:
    """A small answer that would be large if somebody unpacked it, five times over."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip, gzip, gzip\r\nContent-Length: 10\r\n\r\n0123456789")


async def _nonsense(_: Any, writer: Any) -> None:
    writer.write(b"\xff" * 1000 + b"\n")
    writer.close()


async def _empty(_: Any, writer: Any) -> None:
    """Complete, and says nothing: only muskie may answer so."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


async def _shapeless(_: Any, writer: Any) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n[[1,2]]")


SERVICES = {
    "empty": _empty,
    "shapeless": _shapeless,
    "endless-header": _endless_header,
    "endless-body": _endless_body,
    "continues": _continues,
    "hangs": _hangs,
    "redirects": _redirects,
    "packed": _packed,
    "nonsense": _nonsense,
}


@pytest.mark.parametrize("name", SERVICES)
def test_services_that_mean_ill(home: Path, caplog: pytest.LogCaptureFixture, name: str) -> None:
    """SAPI, NAPI, UFDS, binder, cloudapi and adminui, all at once."""
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    head = hostile.HeadNode(hostile.KIND, SERVICES[name])
    evidence = ask(home, head)
    assert time.monotonic() - started < IN_TIME
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 << 10, "KiB"
    judge_calmly(evidence, caplog)
    zones = evidence.datacenters["a"].zones.known()
    assert evidence.datacenters["a"].applications.why
    for alias in ("sapi0", "cloudapi0", "adminui0"):
        assert zones[alias].ping is not None
        assert zones[alias].ping.get().error, alias
    assert all(port in (53, 80, 443, 636) for _, port in head.connections)


def test_what_is_sent_and_what_is_typed(home: Path) -> None:
    """The script goes only to zones, and nothing to anybody else. ~/.ssh/config gives away no agent, display or terminal."""
    head = hostile.HeadNode(hostile.KIND)
    ask(home, head)
    entered = len(hostile.ZONES) - 1  # not webapi: nobody says who owns Manta
    assert len([command for command, _ in head.commands if command != "true"]) == 10 + entered
    for command, typed in head.commands:
        assert any(re.fullmatch(pattern, command) for pattern in SHORT_LIST), command
        assert typed.decode() == (zone.SCRIPT if command.startswith("zlogin") else "")


def test_an_address_from_anybodys_metadata_stays_one_word(home: Path) -> None:
    """Something that is not an address is not put into a command, whatever the metadata say."""
    for host in ("1.2.3.4; reboot", "$(reboot)", "a b", "-e", "a\nb", "`x`", "'", "::1", "", "a/b", "\u202e1"):
        assert not zone.usable(host)
        target = zone.Target(host, 636, "tcp")
        assert zone.words("ufds", [target], 5) == zone.words("ufds", [], 5)


class _LdapServer:
    """Speaks TLS, takes one request, and sends the given answer over and over."""

    def __init__(self, folder: Path, answer: bytes, most: int) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "*")])
        now = datetime.datetime.now(datetime.UTC)
        made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(1))
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / "pem").write_bytes(pem + made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(folder / "pem")
        self._answer, self._most = answer, most
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        try:
            with self._listener, self._tls.wrap_socket(self._listener.accept()[0], server_side=True) as client:
                client.recv(4096)
                for _ in range(self._most // max(1, len(self._answer))):
                    client.sendall(self._answer)
        except OSError:
            pass


LDAP = {
    "nothing": b"",
    "noise": b"\xff" * 4096,
    "huge-message": b"\x30\x84\x7f\xff\xff\xff" + b"\0" * 65530,
    "zeros": b"\0" * 65536,
    "empty-messages": b"\x30\x00" * 2048,
    "bound-over-and-over": b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00" * 512,
}


@pytest.mark.parametrize("name", LDAP)
def test_a_ufds_that_means_ill(tmp_path: Path, name: str) -> None:
    """The LDAP library neither fills the memory nor runs on: the tunnel hands on so much, and is closed in time."""
    server = _LdapServer(tmp_path, LDAP[name], LARGEST_LDAP)
    started = time.monotonic()
    reply = conversation.converse(ldap.Login(server.port, "cn=root", "hush-of-root"), [POSEIDONS], 1)
    assert time.monotonic() - started < IN_TIME
    assert reply.detail
    assert not any(found.entries for found in reply.found)
    assert "hush" not in repr(reply)


@pytest.mark.parametrize("trusted", ["nothing", "another"])
def test_an_unknown_host_key_is_refused(home: Path, trusted: str) -> None:
    """No key is offered, and no command is sent. The sentence says how to compare the host key, and how to accept it."""
    evidence = _stranger(home, trusted)
    why = evidence.datacenters["a"].ssh.why or ""
    assert re.search(r"ssh-keyscan (-p \d+ )?127\.0\.0\.1", why), why
    assert ("Compare its fingerprint" if trusted == "nothing" else "has changed") in why
    assert set(whys(msgspec.to_builtins(evidence))) == {why}


def _stranger(home: Path, trusted: str) -> Evidence:
    async def all_of_it() -> Evidence:
        async with hostile.HeadNode(hostile.KIND) as head:
            key = None if trusted == "nothing" else asyncssh.generate_private_key("ssh-ed25519")
            head.known_to(home, trusted=key)
            with (home / ".ssh/config").open("a") as file:
                file.write("  StrictHostKeyChecking no\n")
            inventory = Inventory("a", {"a": Declared("a", "a", "r", "master")}, timeouts=LIMITS)
            evidence = await collect(inventory, lambda _: None)
            assert head.users == []
            assert head.commands == []
            assert head.connections == []
            return evidence

    return asyncio.run(all_of_it())


# What the operator is shown: rule 7

EVIL = "\x1b[31mevil\x1b]0;title\x07<script>alert(1)</script>&\u202e\x9b2J\r\n\ttail"


def test_hostile_names_are_shown_escaped(home: Path) -> None:
    """A whole run: terminal, junit.xml, --junitxml and the plan hold nothing that a terminal or browser acts upon."""
    zones = [hostile.vm(role, number) for number, role in enumerate(hostile.ROLES)]
    zones += [hostile.vm("ufds", 99, alias=EVIL), hostile.vm("sapi", 98, alias="sapi1", state=EVIL)]
    answers = hostile.KIND | {
        "sysinfo": hostile.says(json.dumps({"Boot Parameters": {"headnode": "true"}, "Datacenter Name": EVIL})),
        "bash": hostile.says(json.dumps(hostile.CONFIG | {"region_name": EVIL, "dns_domain": EVIL})),
        "vmadm": hostile.says(json.dumps(zones)),
        "sdcadm": hostile.says(EVIL),
        "sdc-healthcheck": hostile.says(EVIL, 3),
        "zlogin": hostile.says(f"services\n{EVIL} 11:00:00 svc:/smartdc/{EVIL}:b\nendservices\t0\nend\n"),
    }
    inventory = home / "region.yaml"
    inventory.write_text(
        "master: a\ndatacenters:\n  a: {headnode: a, region: r}\ntimeouts: {connect: 1s, command: 2s, run: 8s}\n"
    )
    out, own = asyncio.run(_whole_run(home, inventory, hostile.HeadNode(answers)))
    assert "\\x1b[31mevil" in out
    (run,) = (home / "root/reports/runs").glob("2*")
    plan = subprocess.run(
        [sys.executable, "-m", "remediate", str(run)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    junit = (run / "junit.xml").read_text()
    for name, text in {"terminal": out, "junit": junit, "plan": plan.stdout + plan.stderr}.items():
        assert "Traceback" not in text, (name, text)
        assert not CONTROL.search(text), (name, CONTROL.findall(text))
    assert plan.returncode == 0
    for text in (junit, own):
        assert "<script" not in text
        ElementTree.fromstring(text)
    assert "\\x1b" in junit
    assert not CONTROL.search(own)


async def _whole_run(home: Path, inventory: Path, head: hostile.HeadNode) -> tuple[str, str]:
    (home / "root").mkdir()
    async with head:
        head.known_to(home, trusted=head.key)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pytest", f"--rootdir={home / 'root'}", f"--inventory={inventory}", "checks", "-v",
            "-rA", "--tb=short", f"--junitxml={home / 'own.xml'}",
            cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        out, _ = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode == 1, out.decode()
    return out.decode(), (home / "own.xml").read_text()
