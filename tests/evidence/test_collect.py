"""Collecting from head nodes that fail in every way: one sentence for each, the others complete, and in time."""

from __future__ import annotations

import asyncio
import json
import pathlib
import socket
import time
from collections.abc import Callable

import asyncssh
import msgspec
import pytest

from evidence.collect import collect
from evidence.inventory.model import Declared, Inventory, Timeouts
from evidence.model import DatacenterEvidence, Evidence
from evidence.redact import Vault, fingerprint_key
from tests.brought import asked, marker

PASSWORD = "hush-hush-of-ufds-root"
VM = {
    "uuid": "c076731a-bd61-552d-934a-297b25182e09",
    "alias": "ufds0",
    "state": "running",
    "tags": {"smartdc_role": "ufds"},
    "nics": [{"ip": "127.0.0.9", "nic_tag": "admin"}],
    "routes": {},
}
HEALTHY = {
    "sysinfo": json.dumps({"Boot Parameters": {"headnode": "true"}, "Datacenter Name": "a", "UUID": "s"}),
    "bash": json.dumps(
        {"ufds_ldap_root_pw": PASSWORD, "ufds_ldap_root_dn": "cn=root", "region_name": "r", "x_pw": PASSWORD}
    ),
    "cat": f"ufds_ldap_root_pw={PASSWORD}\nufds_ldap_root_dn=cn=root\nregion_name=r\nx_pw={PASSWORD}\n",
    "vmadm": json.dumps([VM]),
    "sdcadm": "[]",
    "sdc-healthcheck": f"ufds:running:-:{PASSWORD}\n",
    "zlogin": "services\nonline 11:00:00 svc:/a:b\nendservices\t0\nend\n",
}


class Server:
    """An SSH server on loopback that prints the given text for each command."""

    def __init__(self, printed: dict[str, str]) -> None:
        self.printed = printed
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        self.user_key = asyncssh.generate_private_key("ssh-ed25519")
        self.commands: list[str] = []

    async def start(self) -> int:
        outer = self

        class Authentication(asyncssh.SSHServer):
            def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
                return True

        async def process(process: asyncssh.SSHServerProcess[str]) -> None:
            command = asked(process.command)
            outer.commands.append(command)
            process.stdout.write(marker(process.command))
            process.stderr.write(marker(process.command))
            text = outer.printed.get(command.split()[0])
            if text == "HANG":
                await asyncio.sleep(60)
            elif text == "ENDLESS":
                while True:
                    process.stdout.write("x" * 65536)
                    await process.stdout.drain()
            elif text is None:
                process.stderr.write(f"{command.split()[0]}: not found {PASSWORD}\n")
                process.exit(127)
            else:
                process.stdout.write(text)
                process.exit(0)

        self.server = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=Authentication,
            server_host_keys=[self.key],
            process_factory=process,
            authorized_client_keys=asyncssh.import_authorized_keys(self.user_key.export_public_key().decode()),
        )
        return int(self.server.sockets[0].getsockname()[1])


@pytest.fixture
def home(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("AZ_FINGERPRINT_KEY_FILE", str(tmp_path / "key"))
    (tmp_path / "key").write_text("k" * 32)
    (tmp_path / "key").chmod(0o600)
    (tmp_path / ".ssh").mkdir(mode=0o700)
    return tmp_path


def enter(
    home: pathlib.Path, name: str, port: int, *, key: asyncssh.SSHKey | None, host_key: asyncssh.SSHKey | None
) -> None:
    """Make a host known to the client: where it listens, which key it has, and which key the client expects."""
    with (home / ".ssh/config").open("a") as file:
        file.write(
            f"Host {name}\n  HostName 127.0.0.1\n  Port {port}\n  User root\n  IdentityFile {home}/.ssh/{name}\n"
        )
    (key or asyncssh.generate_private_key("ssh-ed25519")).write_private_key(str(home / ".ssh" / name))
    (home / ".ssh" / name).chmod(0o600)
    if host_key is not None:
        with (home / ".ssh/known_hosts").open("a") as file:
            file.write(f"[127.0.0.1]:{port} {host_key.export_public_key().decode()}")


def inventory(*names: str, timeouts: Timeouts | None = None) -> Inventory:
    declared = {name: Declared(name, name, "r", "master" if name == "a" else "replica") for name in names}
    return Inventory("a", declared, timeouts=timeouts or Timeouts(connect=1, command=2, run=10))


def run(
    prepare: Callable[[dict[str, Server]], object], asked: Inventory, home: pathlib.Path, printed: dict[str, str]
) -> Evidence:
    async def all_of_it() -> Evidence:
        server = Server(printed)
        enter(home, "a", await server.start(), key=server.user_key, host_key=server.key)
        prepare({"a": server})
        try:
            return await collect(asked, lambda _: None)
        finally:
            server.server.close()

    return asyncio.run(all_of_it())


def whys(seen: DatacenterEvidence) -> dict[str, str | None]:
    return {
        name: getattr(seen, name).why for name in ("ssh", "sysinfo", "usbkey", "zones", "applications", "check_health")
    }


def test_no_password_gets_out(home: pathlib.Path) -> None:
    servers: list[Server] = []
    evidence = run(lambda found: servers.extend(found.values()), inventory("a"), home, HEALTHY)
    assert PASSWORD not in " ".join(servers[0].commands)
    text = msgspec.json.encode(evidence).decode()
    assert PASSWORD not in text
    seen = evidence.datacenters["a"]
    assert seen.usbkey.get().fingerprints.keys() == {"ufds_ldap_root_pw"}
    assert seen.sysinfo.get().headnode
    zone = seen.zones.get()["ufds0"]
    assert zone.services.get()[0].state == "online"
    assert zone.bind is not None
    assert zone.bind.get().ok is False, "a refused connection is an answer"
    assert seen.applications.why == "the head node lists no zone with smartdc_role sapi"
    assert seen.healthcheck.get()[0].status == "(secret)"


def test_a_dead_host_costs_one_timeout_and_the_others_are_seen(home: pathlib.Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.socket() as refusing:
        refusing.bind(("127.0.0.1", 0))
        enter(home, "silent", silent.getsockname()[1], key=None, host_key=None)
        enter(home, "refusing", refusing.getsockname()[1], key=None, host_key=None)
        started = time.monotonic()
        evidence = run(lambda _: None, inventory("a", "silent", "refusing", "no-such-name.invalid"), home, HEALTHY)
        assert time.monotonic() - started < 20  # not one after the other, although a busy machine is slow
    assert evidence.datacenters["a"].zones.get()["ufds0"].services.value
    found = {name: set(whys(seen).values()) for name, seen in evidence.datacenters.items() if name != "a"}
    assert found["silent"] == {"silent accepted the connection, but SSH was not ready within 1 s"}
    (refused,) = found["refusing"]
    assert refused is not None
    assert refused.startswith("refusing refused the connection")
    (unknown,) = found["no-such-name.invalid"]
    assert unknown is not None
    assert "is unknown" in unknown
    assert evidence.datacenters["silent"].links["silent.ufds0--a.ufds.636"].why in found["silent"]


def test_host_keys_and_permissions(home: pathlib.Path) -> None:
    def prepare(servers: dict[str, Server]) -> None:
        port, server = servers["a"].server.sockets[0].getsockname()[1], servers["a"]
        enter(home, "stranger", port, key=server.user_key, host_key=None)
        with (home / ".ssh/config").open("a") as file:
            file.write("  HostKeyAlias stranger\n")
        enter(home, "changed", port, key=server.user_key, host_key=None)
        with (home / ".ssh/config").open("a") as file:
            file.write("  HostKeyAlias changed\n")
        with (home / ".ssh/known_hosts").open("a") as file:
            file.write(f"changed {asyncssh.generate_private_key('ssh-ed25519').export_public_key().decode()}")
        enter(home, "locked", port, key=None, host_key=None)
        enter(home, "unchecked", port, key=server.user_key, host_key=None)
        with (home / ".ssh/config").open("a") as file:
            file.write("  UserKnownHostsFile none\n  StrictHostKeyChecking no\n")

    found = {
        name: seen.ssh.why or ""
        for name, seen in run(
            prepare, inventory("a", "stranger", "changed", "locked", "unchecked"), home, HEALTHY
        ).datacenters.items()
    }
    assert found["a"] == ""
    assert "is unknown" in found["stranger"], found
    assert "ssh-keyscan" in found["stranger"]
    assert "has changed" in found["changed"], found
    assert "ssh-keygen -R" in found["changed"]
    assert found["locked"].startswith("permission denied for root at locked")
    assert "is unknown" in found["unchecked"], "no option switches the refusal off"


@pytest.mark.parametrize("printed", ["", "garbage", "\0\x1b[2J", "[" * 100_000, "[null]", "null", "ENDLESS", "HANG"])
def test_garbage_from_every_command_becomes_sentences(home: pathlib.Path, printed: str) -> None:
    started = time.monotonic()
    evidence = run(lambda _: None, inventory("a"), home, dict.fromkeys(HEALTHY, printed))
    assert time.monotonic() - started < 60
    seen = evidence.datacenters["a"]
    assert seen.ssh.why is None
    for fact in (seen.sysinfo, seen.usbkey, seen.check_health, seen.healthcheck):
        assert fact.why, fact
        assert "the suite could not" not in fact.why, fact
    assert seen.zones.why or seen.zones.value == {}


def test_garbage_from_a_zone_leaves_the_rest(home: pathlib.Path) -> None:
    for printed in ("", "garbage\n", "ENDLESS", "HANG"):
        (home / ".ssh/config").unlink(missing_ok=True)
        seen = run(lambda _: None, inventory("a"), home, {**HEALTHY, "zlogin": printed}).datacenters["a"]
        assert seen.zones.get()["ufds0"].services.why
        assert seen.zones.get()["ufds0"].files.why


def test_the_run_ends_when_its_time_is_over(home: pathlib.Path) -> None:
    started = time.monotonic()
    asked = inventory("a", timeouts=Timeouts(connect=1, command=30, run=1.5))
    seen = run(lambda _: None, asked, home, {**HEALTHY, "sdcadm": "HANG"}).datacenters["a"]
    assert time.monotonic() - started < 20  # the command alone would have 30
    assert seen.check_health.why == "the run's time of 1.5 s was over before this was answered"
    assert seen.sysinfo.get().headnode
    assert seen.zones.get()["ufds0"].services.value


def test_a_command_that_fails_says_so_without_the_secret(home: pathlib.Path) -> None:
    printed = {name: text for name, text in HEALTHY.items() if name != "sysinfo"}
    seen = run(lambda _: None, inventory("a"), home, printed).datacenters["a"]
    assert seen.sysinfo.why == "`sysinfo` failed with exit status 127: sysinfo: not found (secret)"


def test_a_part_of_a_password_that_bash_complains_of_is_hidden_too(home: pathlib.Path) -> None:
    """For `pw=one two` root's bash says `two: command not found`."""
    broken = HEALTHY | {"cat": "region_name=r\nx_pw=over-there hush-hush-of-ufds-root\n", "bash": '{"region_name": ""}'}
    printed = {name: text for name, text in broken.items() if name != "sysinfo"}
    evidence = run(lambda _: None, inventory("a"), home, printed)
    assert evidence.datacenters["a"].usbkey.get().bad[0].keys == ("x_pw",)
    assert PASSWORD not in msgspec.json.encode(evidence).decode()


@pytest.mark.parametrize("written", ["\\hush-hush-of-ufds-root", "hush-hush-of-ufds-root$x"])
def test_the_password_that_config_sh_gives_is_the_one_in_use(home: pathlib.Path, written: str) -> None:
    """Or else it would seem to be another than SAPI's, although all works."""
    told = HEALTHY | {"cat": HEALTHY["cat"].replace(f"root_pw={PASSWORD}", f"root_pw={written}")}
    seen = run(lambda _: None, inventory("a"), home, told).datacenters["a"].usbkey.get()
    assert (seen.bad != (), seen.effect) == (True, "")
    assert seen.fingerprints == {"ufds_ldap_root_pw": Vault(fingerprint_key()).fingerprint(PASSWORD)}


def test_without_ssh_a_plain_configuration_is_enough(home: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(home))  # nothing is in it
    seen = run(lambda _: None, inventory("a"), home, HEALTHY).datacenters["a"]
    assert seen.ssh.why is None
    assert seen.sysinfo.get().headnode
    assert seen.zones.get()["ufds0"].services.value


def test_without_ssh_whatever_fails_says_what_this_machine_lacks(
    home: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence for each head node, and nothing else is asked of it."""

    def prepare(servers: dict[str, Server]) -> None:
        port, server = servers["a"].server.sockets[0].getsockname()[1], servers["a"]
        enter(home, "stranger", port, key=server.user_key, host_key=None)
        with (home / ".ssh/config").open("a") as file:
            file.write("  HostKeyAlias stranger\n")

    monkeypatch.setenv("PATH", str(home))
    (home / ".ssh/config").write_text("Host jumped\n  ProxyCommand nc %h %p\n")
    evidence = run(prepare, inventory("a", "stranger", "jumped"), home, HEALTHY)
    assert evidence.datacenters["a"].ssh.why is None
    lacks = "there is no `ssh` on this machine"
    for name in ("stranger", "jumped"):
        found = set(whys(evidence.datacenters[name]).values())
        assert len(found) == 1, found
        (why,) = found
        assert why is not None
        assert why.count(lacks) == 1


def test_only_who_has_not_settled_is_asked_again(home: pathlib.Path) -> None:
    """Of the others the evidence has what was known, and nobody waits for them."""
    everybody = inventory("a", "b", "c")

    async def twice() -> tuple[Evidence, Evidence, list[int]]:
        servers = {name: Server(HEALTHY) for name in "abc"}
        for name, server in servers.items():
            enter(home, name, await server.start(), key=server.user_key, host_key=server.key)
        first = await collect(everybody, lambda _: None)
        asked = [len(server.commands) for server in servers.values()]
        for server in servers.values():
            server.printed = HEALTHY | {"sysinfo": HEALTHY["sysinfo"].replace('"s"', '"anew"')}
        second = await collect(everybody, lambda _: None, first, {"a", "b"})
        more = [len(server.commands) - before for server, before in zip(servers.values(), asked, strict=True)]
        for server in servers.values():
            server.server.close()
        return first, second, more

    first, second, more = asyncio.run(twice())
    assert more[2] == 0 < min(more[:2])
    assert list(second.datacenters) == ["a", "b", "c"]
    assert second.datacenters["c"] == first.datacenters["c"]
    assert [second.datacenters[name].sysinfo.get().uuid for name in "abc"] == ["anew", "anew", "s"]
