"""az-checks doctor: each step of the way in has its line; after one that is wrong nothing is claimed of the others."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest

from evidence.collect import refused
from evidence.collect.refused import CHANGED, REVOKED, UNKNOWN, HostKey, host_key
from evidence.collect.ssh import Output
from evidence.collect.unanswered import ClosedError, UnansweredError
from evidence.headnode import FORWARDING, SESSIONS, Trouble
from evidence.inventory.model import MASTER, Declared, Inventory
from evidence.subjects.questions import OF_DATACENTER
from prepare import machine, wayin
from prepare.told import Looked, verdict, write
from reports.page import Page

ZONE = "11111111-2222-3333-4444-555555555555"
DECLARED = Declared("my-dc-1", "root@192.0.2.2", "my-dc", MASTER)
INVENTORY = Inventory("my-dc-1", {"my-dc-1": DECLARED})


def key(kind: str) -> str:
    return host_key(HostKey(kind, "root@192.0.2.2", "192.0.2.2", 22, fingerprint="SHA256:x"))


@pytest.mark.parametrize(
    ("why", "step"),
    [
        (key(UNKNOWN), wayin.HOST_KEY),
        (key(CHANGED), wayin.HOST_KEY),
        (key(REVOKED), wayin.HOST_KEY),
        (refused.unknown_name("my-dc-1", "Name or service not known"), wayin.NAME),
        (refused.no_answer("root@192.0.2.2", "5 s"), wayin.REACHED),
        (refused.refused("root@192.0.2.2", 22), wayin.REACHED),
        ("the jump host bastion could not connect to root@192.0.2.2: timed out", wayin.REACHED),
        (refused.not_ready("root@192.0.2.2", "5 s"), wayin.LOGIN),
        ("permission denied for root at root@192.0.2.2: it accepts none of your keys (1 offered)", wayin.LOGIN),
    ],
)
def test_each_failure_is_told_at_its_step(why: str, step: str) -> None:
    *before, row = wayin._failed("my-dc-1", why)
    assert (row.what, row.said, row.well) == (step, why, False)
    assert [each.what for each in before] == ([wayin.HOST_KEY] if step == wayin.LOGIN else [])


class Answering:
    """Stands for a head node: what its commands print, and what is wrong with it."""

    software, lost, at_once = "OpenSSH_9.8", False, 8

    def __init__(self, **said: str) -> None:
        zone = {"uuid": ZONE, "alias": "sapi0", "state": "running", "tags": {"smartdc_role": "sapi"}}
        zone["nics"] = [{"nic_tag": "admin", "ip": "10.1.1.9"}]
        found = [f"/usr/bin/{name}" for name in wayin.COMMANDS] + [*wayin.FILES]
        self.said = {
            OF_DATACENTER["sysinfo"].how: json.dumps(
                {"Boot Parameters": {"headnode": "true"}, "Datacenter Name": "my-dc-1"}
            ),
            OF_DATACENTER["zones"].how: json.dumps([zone]),
            OF_DATACENTER["clock"].how: str(int(time.time())),
            wayin.FOUND: "\n".join(found),
            "true": "",
            f"zlogin -Q {ZONE} true": "",
        } | said
        self.troubles: tuple[Trouble, ...] = ()
        self.codes: dict[str, int] = {}

    async def run(self, command: str) -> Output:
        return Output(self.said[command].encode(), "no shell", self.codes.get(command, 0))

    async def connect(self, host: str, port: int) -> tuple[object, object]:
        assert (host, port) == ("10.1.1.9", 80)
        raise ClosedError("connection refused")


def told(head: Answering) -> dict[str, Looked]:
    rows = asyncio.run(wayin._inside(head, DECLARED, INVENTORY))  # type: ignore[arg-type]
    return {row.what: row for row in rows}


def wrong(head: Answering) -> dict[str, str]:
    return {what: row.said for what, row in told(head).items() if not row.well}


def test_a_head_node_that_is_well_has_a_line_for_each_step() -> None:
    assert [*told(Answering())] == ["login", "sessions", "datacenter", "forwarding", "zlogin", "commands", "clock"]
    assert wrong(Answering()) == {}


def test_a_service_that_refuses_shows_that_forwarding_is_allowed_and_a_refusal_by_sshd_that_it_is_not() -> None:
    class Forbids(Answering):
        async def connect(self, host: str, port: int) -> tuple[object, object]:
            self.troubles = (Trouble(FORWARDING, "to 10.1.1.9:80"),)
            raise UnansweredError("the head node's SSH server forbids forwarding to it")

    assert "AllowTcpForwarding" in wrong(Forbids())["forwarding"]


def test_what_is_wrong_is_told_alone() -> None:
    head = Answering(
        **{OF_DATACENTER["sysinfo"].how: json.dumps({"Boot Parameters": {}, "Datacenter Name": "my-dc-2"})}
    )
    assert wrong(head) == {
        "datacenter": "this is the head node of my-dc-2: correct `headnode` or the name in the inventory"
    }
    head = Answering(**{OF_DATACENTER["clock"].how: str(int(time.time()) - 900)})
    assert list(wrong(head)) == ["clock"]
    assert "s behind this machine (clock_skew: 5s)" in wrong(head)["clock"]
    head = Answering(**{wayin.FOUND: "/usr/bin/bash"})
    assert wrong(head)["commands"].startswith("cat, date, ls, ")
    head = Answering(**{OF_DATACENTER["clock"].how: "Fri Nov 27"})
    assert wrong(head) == {"clock": "date printed something else than the seconds since 1970"}
    head = Answering()
    head.codes = {f"zlogin -Q {ZONE} true": 1}
    assert wrong(head) == {"zlogin": "`zlogin sapi0` does not get in (no shell): try it on the head node"}
    head.troubles = (Trouble(SESSIONS, "administratively prohibited"),)
    assert "MaxSessions" in wrong(head)["sessions"]


def test_fewer_sessions_only_cost_time_and_a_lost_connection_ends_it() -> None:
    head = Answering()
    head.at_once = 3
    assert told(head)["sessions"] == Looked("my-dc-1", "sessions", "3 at once (MaxSessions): a run only takes longer")

    class Lost(Answering):
        lost = True

        async def run(self, command: str) -> Output:
            raise UnansweredError("the connection to the head node was cut before this was answered")

    assert list(told(Lost())) == ["login", "sessions"]
    assert "a firewall?" in wrong(Lost())["sessions"]


# This machine


def test_the_packages_are_those_that_were_tried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine.places, "suite", lambda: tmp_path)
    (tmp_path / "requirements.lock").write_text("msgspec==0.0.1 \\\n    --hash=sha256:00\nno-such-package==1.0 \\\n")
    row = machine._packages()
    assert not row.well
    assert "msgspec is " in row.said
    assert ", not 0.0.1" in row.said
    assert "no-such-package is not installed" in row.said


def test_ssh_and_its_agent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "nobody"))
    row = asyncio.run(machine._agent())
    assert (row.well, "does not answer" in row.said) == (False, True)
    monkeypatch.delenv("SSH_AUTH_SOCK")
    assert asyncio.run(machine._agent()).well
    monkeypatch.setattr(machine.openssh, "PROGRAM", "no-such-ssh")
    row = asyncio.run(machine._ssh())
    assert (row.well, "openssh-client" in row.said) == (False, True)


def test_a_place_for_the_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AZ_RUNS", str(tmp_path / "a" / "b"))
    assert machine._runs().well
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AZ_RUNS", str(tmp_path / "file" / "runs"))
    assert not machine._runs().well


# How it is told


def test_the_verdict_and_the_code() -> None:
    page = Page()
    rows = [Looked("my-dc-1", "name", "a"), Looked("my-dc-1", "host key", f"{key(UNKNOWN)} \x1b[2J", False)]
    write(page, rows)
    assert verdict(page, rows) == 1
    assert str(page).splitlines()[:2] == ["ok     my-dc-1  name         a", "wrong  my-dc-1  host key"]
    assert str(page).splitlines()[-1] == "1 thing to put right, the first first."
    assert "\x1b" not in str(page)
    assert verdict(Page(), rows[:1]) == 0
