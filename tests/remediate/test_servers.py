"""Agents of head nodes and of compute nodes: what is told of them, and what is printed for which machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from evidence.model import Evidence
from evidence.subjects.claims import judged
from evidence.subjects.spec import BLOCKED
from remediate.registry import advice_for
from remediate.steps import DISRUPTIVE, SAFE, Advice
from tests.evidence.test_servers import DC, OFF, changed, net_agent_is_off, rows
from tests.judging import verdict_on

CN1, CN2 = "11111111-2222-4333-8444-000000000001", "11111111-2222-4333-8444-000000000002"
AT = "ssh -n -o StrictHostKeyChecking=yes"
Changed = dict[str, Any]


def on_servers(seen: Changed, **zones: str) -> None:
    """Zones on these servers, on which net-agent is disabled."""
    for alias, uuid in zones.items():
        seen["zones"]["value"][alias]["vm"]["server"] = uuid
    off = {"net_agent": "disabled", "ur": "online"}
    known = {
        CN1: {"hostname": "cn1", "address": "10.3.1.3"} | off,
        CN2: {"hostname": "cn2", "address": "10.3.1.4"} | off,
    }
    used = {uuid: each for uuid, each in known.items() if uuid in zones.values()}
    seen["servers"] = {"subject": DC, "asked": "its servers", "how": "sdc-cnapi", "value": used}


def advised(how: Callable[[Changed], object], check: str, name: str = "healthy") -> Advice:
    evidence = changed(how, name)
    found = {str(cause.name): cause for cause in verdict_on(evidence).causes}
    return advice_for(found[f"{check}[{DC}]"], judged(evidence.inventory, evidence))


def result(evidence: Evidence, check: str) -> Any:
    found = [row.result for row in verdict_on(evidence).results]
    return next(row for row in found if (row.check, row.subject) == (check, DC))


def ill(seen: Changed, name: str, server: str = "cn1") -> None:
    (own,) = rows(seen, name="ur", server="headnode") or rows(seen, name="ur")
    seen["check_health"]["value"].append(
        own | OFF | {"instance": f"{name} of {server}", "name": name, "server": server}
    )


def test_a_step_for_a_compute_node_is_sent_there() -> None:
    advice = advised(lambda seen: on_servers(seen, binder0=CN1), "net-agent-runs")
    assert [step.run for step in advice.steps] == [
        f"{AT} 10.3.1.3 'svcadm enable -s svc:/smartdc/agent/net-agent:default'"
    ]
    assert advice.steps[0].risk == SAFE


@pytest.mark.parametrize("address", ["", "nonsense"])
@pytest.mark.parametrize("check", ["net-agent-runs", "agents-run"])
def test_where_the_way_to_a_server_is_not_known_nothing_is_printed_for_the_head_node(check: str, address: str) -> None:
    def change(seen: Changed) -> None:
        on_servers(seen, binder0=CN1)
        seen["servers"]["value"][CN1]["address"] = address
        if check == "agents-run":
            seen["servers"]["value"][CN1]["net_agent"] = "online"
            ill(seen, "cn-agent")

    advice = advised(change, check)
    assert advice.steps == ()
    assert any("cn1 is disabled, and the way to that server is not known" in note for note in advice.notes)


def test_a_hostile_name_stands_in_no_command_and_costs_no_other_row_its_step() -> None:
    def change(seen: Changed) -> None:
        on_servers(seen, binder0=CN1)
        seen["servers"]["value"][CN1]["net_agent"] = "online"
        ill(seen, "a; rm -rf /zones")
        ill(seen, "b; rm -rf /zones", "cn9")
        ill(seen, "cn-agent")

    advice = advised(change, "agents-run")
    assert [step.run for step in advice.steps] == [
        f"{AT} 10.3.1.3 'svcadm enable -s svc:/smartdc/agent/cn-agent:default'"
    ]
    assert not any("`svcs -vx" in note and "rm -rf" in note for note in advice.notes)
    assert len([note for note in advice.notes if note.startswith("No command is given here")]) == 2


def test_a_zone_without_a_uuid_costs_no_other_its_note() -> None:
    def change(seen: Changed) -> None:
        (own,) = rows(seen, name="ur")
        for name, uuid in (("a", "$(reboot)"), ("b", CN2)):
            seen["check_health"]["value"].append(own | OFF | {"kind": "vm", "name": name, "instance": uuid})

    notes = advised(change, "other-instances-are-healthy").notes
    assert [note for note in notes if f"`sdc-login {CN2}`" in note]
    assert [note for note in notes if note.startswith("No command is given here")]


def test_two_servers_of_one_name_are_two() -> None:
    def change(seen: Changed, first: str = "disabled") -> None:
        on_servers(seen, binder0=CN1, cloudapi0=CN2)
        for uuid, state in ((CN1, first), (CN2, "online")):
            seen["servers"]["value"][uuid] |= {"hostname": "twin", "net_agent": state}
        ill(seen, "cn-agent", "twin")

    evidence = changed(change)
    assert f"twin ({CN1})" in result(evidence, "net-agent-runs").observed
    assert [step.run for step in advised(change, "net-agent-runs").steps] == [
        f"{AT} 10.3.1.3 'svcadm enable -s svc:/smartdc/agent/net-agent:default'"
    ]
    agents = advised(partial(change, first="online"), "agents-run")
    assert agents.steps == ()
    assert any("2 servers are called so" in note for note in agents.notes)


def test_a_server_called_like_the_head_node_does_not_hide_it() -> None:
    def change(seen: Changed) -> None:
        on_servers(seen, binder0=CN1)
        seen["servers"]["value"][CN1] |= {"hostname": "the head node", "net_agent": "online"}
        for service in seen["global_services"]["value"]:
            service["state"] = "disabled" if "net-agent" in service["fmri"] else service["state"]

    found = advised(change, "net-agent-runs")
    assert [step.run for step in found.steps] == ["svcadm enable -s svc:/smartdc/agent/net-agent:default"]


@pytest.mark.parametrize("agent", ["config-agent", "vm-agent"])
def test_an_agent_of_the_head_node_is_started_whatever_its_name(agent: str) -> None:
    def change(seen: Changed) -> None:
        for service in seen["global_services"]["value"]:
            service["state"] = "disabled" if f"/{agent}:" in service["fmri"] else service["state"]

    assert [step.run for step in advised(change, "agents-run").steps] == [
        f"svcadm enable -s svc:/smartdc/agent/{agent}:default"
    ]


def test_a_start_of_net_agent_that_cuts_routes_is_for_a_human() -> None:
    advice = advised(net_agent_is_off, "net-agent-runs", "route-by-hand-at-my-dc-3.imgapi0")
    assert [(step.risk, step.applied_by_suite) for step in advice.steps] == [(DISRUPTIVE, False)]
    assert "10.1.3.0/24 via 10.3.1.1 of imgapi0" in advice.notes[0]


def test_only_the_routes_of_a_servers_own_zones_make_its_start_disruptive() -> None:
    def change(seen: Changed) -> None:
        net_agent_is_off(seen)
        on_servers(seen, binder0=CN1)

    advice = advised(change, "net-agent-runs", "route-by-hand-at-my-dc-3.imgapi0")
    assert {step.run.startswith("ssh"): step.risk for step in advice.steps} == {False: DISRUPTIVE, True: SAFE}


def off_with(route: tuple[str, str], network: str = "", via: str = "") -> Callable[[Changed], None]:
    """net-agent is off, imgapi0 has a route, and a network of NAPI too."""

    def change(seen: Changed) -> None:
        net_agent_is_off(seen)
        vm = seen["zones"]["value"]["imgapi0"]["vm"]
        vm["routes"][route[0]] = route[1].format(mac=vm["nics"][0].get("mac"))
        if network:
            seen["networks"]["value"][network]["routes"] = {
                **seen["networks"]["value"][network].get("routes", {}),
                route[0]: via,
            }

    return change


@pytest.mark.parametrize(
    ("change", "risk"),
    [
        (off_with(("10.77.0.0/24", "10.3.1.1")), DISRUPTIVE),
        (off_with(("10.77.0.0/24", "10.3.1.1"), "external", "10.3.1.1"), DISRUPTIVE),
        (off_with(("10.77.0.0/24", "10.3.1.1"), "admin", "10.3.1.1"), SAFE),
        (off_with(("10.77.0.0/24", "nics[0]"), "admin", "linklocal"), SAFE),
        (off_with(("10.1.1.9/32", "10.3.1.1")), SAFE),
    ],
    ids=["unknown", "of another network", "known", "linklocal", "covered"],
)
def test_what_net_agent_would_cut_is_what_napi_does_not_know(change: Callable[[Changed], None], risk: str) -> None:
    assert {step.risk for step in advised(change, "net-agent-runs").steps} == {risk}


def test_a_row_of_check_health_that_cannot_be_read_is_no_pass() -> None:
    def change(seen: Changed) -> None:
        seen["check_health"] |= {"unread": 1, "because": "a row is a number"}

    for check in ("agents-run", "other-instances-are-healthy"):
        found = result(changed(change), check)
        assert found.outcome == BLOCKED
        assert "a row is a number" in json.dumps(found.missing)


@pytest.mark.parametrize(
    "gap",
    [
        {"value": None, "why": "HTTP 500"},
        {"value": {}},
        {"value": {CN1: {"hostname": "cn1", "why": "CNAPI knows no admin address of it"}}},
        {"value": {CN1: {"hostname": "cn1", "address": "10.3.1.3", "why": "`svcs` on the server failed"}}},
    ],
    ids=["no answer", "not listed", "no address", "no svcs"],
)
def test_net_agent_of_a_server_that_nobody_saw_is_no_pass(gap: Changed) -> None:
    def change(seen: Changed) -> None:
        on_servers(seen, binder0=CN1)
        seen["servers"] |= gap

    assert result(changed(change), "net-agent-runs").outcome == BLOCKED


def test_vmapi_that_does_not_list_the_zones_is_a_gap_at_vmapi() -> None:
    def change(seen: Changed) -> None:
        seen["everywhere"] = {"subject": DC, "asked": "the zones of all servers", "how": "sdc-vmapi", "why": "HTTP 500"}

    assert [str(cause.name) for cause in verdict_on(changed(change)).causes] == [f"internal-apis-answer[{DC}.vmapi0]"]
