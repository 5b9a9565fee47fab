"""A lab with a compute node in each datacenter: healthy, closed, and with each of the compute node's services broken."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.plan.making import make_plan
from tests.lab.operator import Operator, living

pytestmark = pytest.mark.proof
DC, ADDRESS = "my-dc-1", "10.1.1.3"
CAREFUL = "-o BatchMode=yes"
LOOKS = 4
"""How often an operator looks again before he says that it is not healed."""
THERE = [zone for zone in make_plan(2, servers=2).datacenters[0].zones if zone.server]
AGENTS = ("cn-agent", "config-agent", "firewaller", "net-agent", "ur", "vm-agent")
Found = dict[str, Any]


@pytest.fixture(scope="module")
def operator() -> Iterator[Operator]:
    with living("--datacenters", "2", "--servers", "2") as shell:
        yield shell


def judged(operator: Operator, folder: Path) -> Found:
    """The findings of one run of the suite."""
    operator.lab("settle")
    code, said = operator.types(
        shlex.join([sys.executable, "-m", "tests.proofs.inside", "judge", str(folder / "found")])
    )
    assert code == 0, said
    found: Found = json.loads((folder / "found").read_bytes())
    return found


def causes(found: Found) -> list[str]:
    return [f"{cause['check']}[{cause['subject']}]" for cause in found["causes"]]


def well(operator: Operator, folder: Path) -> Found:
    """The first run without a finding, because some services need a moment."""
    found = judged(operator, folder)
    for _ in range(LOOKS):
        if set(found["counts"]) <= {"passed", "not_applicable"}:
            break
        found = judged(operator, folder)
    assert causes(found) == []
    return found


def of(found: Found, subject: str) -> dict[str, str]:
    return {row["check"]: row["outcome"] for row in found["results"] if row["subject"] == subject}


def typed(operator: Operator, command: str) -> str:
    code, said = operator.on(DC, command)
    assert code == 0, said
    return said


def type_steps(operator: Operator, found: Found) -> list[str]:
    """Every step as printed, once."""
    steps = list(dict.fromkeys(step["run"] for cause in found["causes"] for step in cause["steps"] if step["run"]))
    assert steps, f"no cause comes with a command: {causes(found)}"
    for command in steps:
        typed(operator, command)
    return steps


def paste_steps(operator: Operator, found: Found) -> None:
    """The same, pasted into one shell with a line behind each: ssh takes nothing of that away."""
    steps = list(dict.fromkeys(step["run"] for cause in found["causes"] for step in cause["steps"] if step["run"]))
    lines = [line for number, step in enumerate(steps) for line in (step, f"echo behind step {number}")]
    said = typed(operator, "bash <<'PASTED'\n" + "\n".join(lines) + "\nPASTED")
    assert [f"behind step {number}" in said for number in range(len(steps))] == [True] * len(steps), said


def test_ssh_takes_what_is_pasted_behind_it(operator: Operator) -> None:
    """As the real one does, unless it is told not to: else the test below would show nothing."""
    for option, said in (("", ""), ("-n", "behind\n")):
        assert (
            typed(operator, f"bash <<'PASTED'\nssh {option} {CAREFUL} {ADDRESS} 'sleep 1'\necho behind\nPASTED") == said
        )


def states(operator: Operator) -> str:
    """The services of the compute node and of its zones, and their routes, as it reports them."""
    zones = "; ".join(f"svcs -aH -o state,fmri -z {zone.uuid}; vmadm get {zone.uuid}" for zone in THERE)
    return typed(operator, f"ssh {CAREFUL} {ADDRESS} {shlex.quote(f'svcs -aH -o state,fmri; {zones}')}")


def test_a_healthy_lab_has_no_finding_and_its_compute_node_is_judged(operator: Operator, tmp_path: Path) -> None:
    found = well(operator, tmp_path)
    assert {zone.role for zone in THERE} == {"binder", "cloudapi", "moray"}
    for zone in THERE:
        seen = of(found, zone.id)
        assert {seen["services-run"], seen["core-services-are-healthy"]} == {"passed"}
    assert of(found, f"{DC}.cloudapi1")["rendered-config-is-current"] == "passed"
    assert of(found, f"{DC}.cloudapi1--my-dc-2.ufds.636")["cloudapi-reaches-master-ufds"] == "passed"


def test_zones_that_cannot_be_entered_are_told_and_are_no_finding(operator: Operator, tmp_path: Path) -> None:
    operator.lab("fault", f"server-closed@{DC}.cn1")
    found, (_, printed) = judged(operator, tmp_path), operator.types(f"{sys.executable} -m pytest")
    operator.lab("heal", f"server-closed@{DC}.cn1")
    assert causes(found) == []
    for zone in THERE:
        assert of(found, zone.id)["services-run"] == "not_applicable"
        assert of(found, zone.id)["core-services-are-healthy"] == "passed"
        told = (
            f"not applicable, because not entered: {zone.id} is on server cn1 (the head node's ssh does not get there"
        )
        assert told in " ".join(printed.split())
    assert of(found, f"{DC}.cloudapi1")["cloudapi-answers"] == "passed"


def test_net_agent_of_a_compute_node_is_one_cause_and_its_step_heals(operator: Operator, tmp_path: Path) -> None:
    before = states(operator)
    operator.lab("fault", f"server-agent-off@{DC}.cn1")
    assert states(operator) != before
    found = judged(operator, tmp_path)
    assert causes(found) == [f"net-agent-runs[{DC}]"]
    type_steps(operator, found)
    assert states(operator) == before
    paste_steps(operator, found)
    assert states(operator) == before
    well(operator, tmp_path)


BROKEN = [
    (f"agent {name}", f"svcadm disable {name}", f"{'net-agent-runs' if name == 'net-agent' else 'agents-run'}[{DC}]")
    for name in AGENTS
]
BROKEN += [
    (f"{zone.alias} {fmri}", f"svcadm -z {zone.uuid} disable {fmri}", f"services-run[{zone.id}]")
    for zone in THERE
    for fmri in zone.services
]  # fmt: skip


@pytest.mark.parametrize(("command", "cause"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_each_service_of_a_compute_node_is_one_cause_and_heals(
    operator: Operator, tmp_path: Path, command: str, cause: str
) -> None:
    before = states(operator)
    typed(operator, f"ssh {CAREFUL} {ADDRESS} '{command}'")
    try:
        found = judged(operator, tmp_path)
        assert causes(found) == [cause]
        for _ in range(2):
            type_steps(operator, found)
        well(operator, tmp_path)
        assert states(operator) == before
    finally:
        typed(operator, f"ssh {CAREFUL} {ADDRESS} '{command.replace('disable', 'enable')}'")
