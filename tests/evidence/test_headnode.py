"""The output of a head node's own tools, and what is kept of it."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

import pytest

from evidence.collect import headnode
from evidence.collect.draft import Draft
from evidence.collect.parse import UnreadableError
from evidence.collect.ssh import HeadNode, Output
from evidence.collect.unanswered import UnansweredError
from evidence.headnode import CouplingTools, Instance, UsbKey
from evidence.inventory.model import Declared
from evidence.model import Vm
from evidence.redact import Vault

UNMOUNTED = {"mountpoint": None, "steps": {"mounted": False}, "ok": False, "message": "not mounted"}
UFDS = Vm("3c6f5b39-c6ef-593f-9def-fc66a0bf04d7", "ufds0", "ufds", "running")


class Answers:
    """A head node that prints the given answers."""

    def __init__(self, text: str, code: int = 0) -> None:
        self.output, self.asked = Output(text.encode(), "", code), ""

    async def run(self, command: str) -> Output:
        self.asked = command
        return self.output


def asked(text: str, key: str, code: int = 0, zones: list[Vm] | None = None) -> Any:
    draft = Draft(Declared("a", "a", "r", "master"), Vault(b"k" * 32))
    draft.vms = {vm.alias: vm for vm in zones or []}
    asking = headnode.Asking(draft, cast(HeadNode, Answers(text, code)))
    return asyncio.run(getattr(asking, key)())


def test_a_clock_is_known_as_well_as_the_answer_was_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter((1000.4, 1000.9))
    monkeypatch.setattr(headnode.time, "time", lambda: next(times))
    clock = asked("1900\n", "clock")
    assert clock.least <= 899.1
    assert clock.most >= 900.6
    assert clock.most - clock.least <= 4


@pytest.mark.parametrize("text", ["", "Mon Nov 24", "-5", "1e9", "9" * 30])
def test_a_date_that_is_none(text: str) -> None:
    with pytest.raises(UnreadableError):
        asked(text, "clock")


def test_leftovers_are_what_ls_lists() -> None:
    listed = f"/\n/tmp/fixufds\n/tmp/config.4711\n/zones/{UFDS.uuid}/root/tmp/cnt\nls: nonsense\n"
    found = asked(listed, "leftovers", 2, [UFDS])
    assert found == ("/tmp/config.4711", "/tmp/fixufds", f"/zones/{UFDS.uuid}/root/tmp/cnt")
    assert asked("/\n", "leftovers", 2, [UFDS]) == ()


@pytest.mark.parametrize(("text", "zones"), [("", [UFDS]), ("/tmp/fixufds\n", [UFDS]), ("/\n", [])])
def test_leftovers_that_nobody_looked_for_are_missing(text: str, zones: list[Vm]) -> None:
    with pytest.raises(UnansweredError):
        asked(text, "leftovers", 2, zones)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (json.dumps(UNMOUNTED) + "\npcfs\nzfs\n", UsbKey("not mounted", ok=False, devices=1)),
        (json.dumps(UNMOUNTED) + "\ntriton_bootpool=zones\n", UsbKey("not mounted", ok=False, bootpool="zones")),
        (json.dumps(UNMOUNTED | {"ok": True, "message": "mounted"}), UsbKey("mounted", ok=True)),
        (json.dumps(UNMOUNTED | {"ok": "true"}), UsbKey("not mounted", ok=False)),
        ("", UsbKey("", ok=False)),
    ],
)
def test_the_usb_key(text: str, seen: UsbKey) -> None:
    assert headnode.usbkey(text, Vault(b"k" * 32)) == seen


def test_what_m2s_asks_for() -> None:
    assert asked("1\n", "m2s_asks_password") is True
    assert asked("0\n", "m2s_asks_password", 1) is False
    with pytest.raises(UnansweredError, match="exit status 2"):
        asked("", "m2s_asks_password", 2)


@pytest.mark.parametrize(
    ("printed", "takes", "has"), [("0\n1\n", True, True), ("1\n2\n", False, True), ("0\n0\n", True, False)]
)
def test_which_tools_it_has(printed: str, takes: bool, has: bool) -> None:
    assert asked(printed, "coupling_tools") == CouplingTools(takes_addresses=takes, reconcile_has_password=has)


@pytest.mark.parametrize("printed", ["", "0\n", "0\n1\n1\n", "0\nx\n"])
def test_a_tool_that_is_not_there_is_not_known(printed: str) -> None:
    """Nor one of two ufds zones."""
    with pytest.raises(UnreadableError, match="a number for each"):
        asked(printed, "coupling_tools")


def test_instances_whose_image_nobody_knows_have_no_version() -> None:
    rows = [{"service": "ufds", "alias": "ufds0", "version": None, "image": "i"}, {"service": "sapi", "version": "v"}]
    assert headnode.instances(json.dumps(rows)).value == (Instance("sapi", "v"), Instance("ufds"))
    for hostile in ("{}", "[3]", '[{"service": 3}]', "no JSON"):
        with pytest.raises(UnreadableError):
            headnode.instances(hostile)
