"""--script: what is as planned is typed, what is as wanted is left, and anything else ends it; typed into bash, with stubs as tools."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evidence.subjects.claims import judged
from evidence.subjects.spec import CRITICAL
from evidence.subjects.triton import BINDER, BINDER_CONFIG, CONFIG_AGENT
from remediate.actions import Action
from remediate.actions.files import FilesGone
from remediate.actions.sapi import SapiMetadata
from remediate.actions.smf import Smf
from remediate.actions.vm import VmRoutes
from remediate.actions.wait import Rendered
from remediate.elsewhere import sent
from remediate.guards import guard_of
from remediate.plan import CausePlan, Plan, PlannedStep, make_plan
from remediate.steps import RESTARTS, Risk, Step, acting
from reports.command import main
from reports.script import scripts
from tests.evidence.test_zone import NEWER_THAN_BASH_4_3
from tests.judging import verdict_on
from tests.recording import RECORDED, recorded
from tests.remediate.test_actions import SAMPLES
from tests.reports import scenes
from tests.reports.test_files import kept

ON = "my-dc-1.global"
U, V = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
UPDATE = SapiMetadata(U, {"region_name": "my-dc", "MULTI": True}, ("gone",), {"region_name": "old", "gone": "x"})
STUB = """
import json, os, re, sys
tool, words = os.path.basename(sys.argv[0]), sys.argv[1:]
state = json.load(open("state.json"))
def keep(what):
    open("typed", "a").write(what + "\\n")
    json.dump(state, open("state.json", "w"))
if tool == "sapiadm" and words[0] == "get":
    print(json.dumps({"uuid": words[1], "metadata": state["sapi"]}))
elif tool == "sapiadm":
    change = json.load(sys.stdin)
    for key, value in change["metadata"].items():
        state["sapi"].pop(key, None)
        if change.get("action") != "delete" and not state.get("lies"):
            state["sapi"][key] = value
    keep("sapiadm")
elif tool == "json":
    raw = words[:2] == ["-o", "json-0"]
    value = json.load(sys.stdin)
    for bit in re.findall(r'\\["([^"]*)"\\]|([^.\\[]+)', words[-1]):
        step = bit[0] or bit[1]
        value = value[int(step)] if isinstance(value, list) else (value or {}).get(step)
    if value is not None:
        print(json.dumps(value) if raw or not isinstance(value, str) else value)
elif tool == "vmadm" and words[0] == "lookup":
    print(json.dumps([{"uuid": words[-1].partition("=")[2], "routes": state["routes"]}]))
elif tool == "vmadm":
    state["routes"].update(json.load(sys.stdin)["set_routes"])
    keep("vmadm")
elif tool == "svcprop":
    print("x time", state.get("started", 1))
elif tool == "svcs":
    print(state.get("smf", "online"))
elif tool == "svcadm":
    state["started"] = state.get("started", 1) + 1
    keep(" ".join(words[2:]).replace("svc:", ""))
elif tool == "ssh":
    open("elsewhere", "a").write(words[-2] + "\\n")
    os.execvp("bash", ["bash", "-c", words[-1]])
"""
TOOLS = ("sapiadm", "json", "vmadm", "svcprop", "svcs", "svcadm", "ssh")


def step(*actions: Action, risk: Risk = RESTARTS) -> Step:
    return acting(ON, *actions, risk=risk, why="why it's so")


def text(*steps: Step) -> str:
    planned = tuple(PlannedStep("root@10.1.2.2 (my-dc-1)", each) for each in steps)
    (script,) = scripts(Plan((CausePlan("region-name-agrees", "my-dc-1", CRITICAL, whole=planned),)), "RUN")
    assert script.name == "1-1-my-dc-1.sh"
    return script.text


class Machine:
    def __init__(self, folder: Path, **state: Any) -> None:
        self.folder = folder
        (folder / "bin").mkdir()
        for name in TOOLS:
            (folder / "bin" / name).write_text(f"#!{sys.executable} -IS\n{STUB}")
            (folder / "bin" / name).chmod(0o755)
        (folder / "bin" / "sleep").write_text("#!/bin/sh\n")
        (folder / "bin" / "sleep").chmod(0o755)
        (folder / "state.json").write_text(json.dumps({"sapi": {}, "routes": {}} | state))

    def run(self, script: str) -> tuple[int, str]:
        path = f"{self.folder}/bin:/usr/bin:/bin"
        done = subprocess.run(
            ["setsid", "bash", "-s"],  # no terminal at which a human could be asked
            input=script,
            cwd=self.folder,
            env={"PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    @property
    def typed(self) -> list[str]:
        file = self.folder / "typed"
        return file.read_text().splitlines() if file.exists() else []

    @property
    def sapi(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "state.json").read_text())["sapi"]
        return found


def test_as_planned_it_is_done_and_done_again_nothing_is(tmp_path: Path) -> None:
    machine = Machine(tmp_path, sapi={"region_name": "old", "gone": "x", "another": 1})
    code, said = machine.run(text(step(UPDATE)))
    assert (code, machine.sapi) == (0, {"region_name": "my-dc", "MULTI": True, "another": 1}), said
    assert "\n    done\n" in said
    before = len(machine.typed)
    code, said = machine.run(text(step(UPDATE)))
    assert (code, len(machine.typed)) == (0, before)
    assert "as wanted already" in said


def test_a_part_that_is_done_already_is_no_reason_to_stop(tmp_path: Path) -> None:
    machine = Machine(tmp_path, sapi={"region_name": "my-dc", "gone": "x"})
    assert machine.run(text(step(UPDATE)))[0] == 0
    assert machine.sapi == {"region_name": "my-dc", "MULTI": True}


@pytest.mark.parametrize("other", ["colleague's", "true", "", "my-dc2", "old\nmy-dc"])
def test_what_somebody_else_has_changed_ends_it(tmp_path: Path, other: str) -> None:
    machine = Machine(tmp_path, sapi={"region_name": other, "gone": "x"})
    code, said = machine.run(text(step(UPDATE), step(Smf(V, "restart", (BINDER,)))))
    assert (code, machine.typed) == (1, []), said
    assert "Stopped at 1.1: somebody else has changed it." in said
    assert "Nothing more was done here." in said


def test_a_value_of_another_type_is_another_value(tmp_path: Path) -> None:
    machine = Machine(tmp_path, sapi={"region_name": "old", "gone": "x", "MULTI": "true"})
    assert machine.run(text(step(UPDATE)))[0] == 1
    assert machine.typed == []


def test_what_cannot_be_read_ends_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path, sapi={"region_name": "old"})
    (tmp_path / "bin/sapiadm").write_text("#!/bin/sh\necho 'no such object'\n")
    code, said = machine.run(text(step(UPDATE)))
    assert code == 1
    assert "its value cannot be read" in said


def test_success_is_the_value_that_is_read_afterwards(tmp_path: Path) -> None:
    machine = Machine(tmp_path, sapi={"region_name": "old", "gone": "x"}, lies=True)
    code, said = machine.run(text(step(UPDATE), step(Smf(V, "restart", (BINDER,)))))
    assert code == 1
    assert "it was typed, and the value is not as wanted" in said
    assert "restart /manta/application/binder:default" not in machine.typed


def test_a_restart_is_done_when_it_is_back_and_a_wait_that_is_over_ends_it(tmp_path: Path) -> None:
    restart, wait = Smf(V, "restart", (BINDER,)), Rendered(V, BINDER_CONFIG, "recursion.regionName", "my-dc", 4.0)
    machine = Machine(tmp_path)
    code, said = machine.run(text(step(Smf(V, "restart", (CONFIG_AGENT,)), wait, restart)))
    assert code == 1, said
    assert "is not rendered" in said
    assert machine.typed == ["restart /smartdc/application/config-agent:default"]
    machine.run(text(step(restart)))
    assert machine.typed[1:] == ["restart /manta/application/binder:default"]
    (tmp_path / "state.json").write_text(json.dumps({"smf": "maintenance"}))
    code, said = machine.run(text(step(restart)))
    assert code == 1
    assert "it is not back" in said


def test_on_another_server_it_is_read_and_done_there(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    code, said = machine.run(text(sent(step(VmRoutes(V, {"10.2.2.29/32": "10.3.1.1"})), "10.3.1.60")))
    assert code == 0, said
    assert machine.typed == ["vmadm"]
    assert set((tmp_path / "elsewhere").read_text().split()) == {"10.3.1.60"}
    assert len((tmp_path / "elsewhere").read_text().split()) == 3


def test_what_a_human_decides_on_is_shown_and_waited_for(tmp_path: Path) -> None:
    machine = Machine(tmp_path, sapi={"region_name": "old"})
    destroys = Step(ON, "sdc-ldap delete it\nEND-1.1", Risk.DESTROYS, "why", applied_by_suite=False)
    code, said = machine.run(text(destroys, step(UPDATE)))
    assert (code, machine.typed) == (1, [])
    assert "    sdc-ldap delete it\n    END-1.1\n" in said
    assert "this is for a human" in said


@pytest.mark.parametrize("action", [one for one in SAMPLES if guard_of(one)], ids=lambda one: type(one).__name__)
def test_before_and_after_are_two_values_of_as_many_lines(action: Action) -> None:
    guard = guard_of(action)
    assert guard is not None
    assert guard.planned != guard.wanted
    assert guard.planned.count("\n") == guard.wanted.count("\n")


def test_files_are_there_or_gone(tmp_path: Path) -> None:
    guard = guard_of(FilesGone(("/tmp/fixufds", "/var/tmp/sapi.out")))
    assert guard is not None
    value = guard.value.replace("/tmp/fixufds", "there")
    (tmp_path / "there").touch()
    done = subprocess.run(["bash", "-c", value], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "there is there\n/var/tmp/sapi.out is gone\n"


NAMES = sorted(path.stem for path in RECORDED.glob("*.json"))


@pytest.mark.parametrize("name", NAMES)
def test_every_plan_is_a_script_that_bash_4_3_can_read(name: str) -> None:
    evidence = recorded(name)
    plan = make_plan(verdict_on(evidence).causes, judged(evidence.inventory, evidence))
    for script in scripts(plan, "RUN"):
        done = subprocess.run(["bash", "-n"], input=script.text, capture_output=True, text=True, check=False)
        assert done.stderr == "", script.text
        for what, pattern in NEWER_THAN_BASH_4_3.items():
            assert not re.search(pattern, script.text.replace("mapfile -t", "")), what


def test_the_scripts_are_written_and_named_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AZ_RUNS", str(tmp_path / "reports" / "runs"))
    kept(tmp_path, scenes.demo())
    assert main(["--script", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[1] == (
        f"ssh root@10.3.2.2 'cat > /var/tmp/1-1-my-dc-3.sh' < {tmp_path}/out/1-1-my-dc-3.sh && "
        "ssh -t root@10.3.2.2 bash /var/tmp/1-1-my-dc-3.sh"
    )
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == ["1-1-my-dc-3.sh", "2-1-my-dc-1.sh"]
