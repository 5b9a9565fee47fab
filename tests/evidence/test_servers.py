"""What runs beside the core zones, and what Triton's health commands say about it: one cause where there is one, else none."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from evidence.model import Evidence
from evidence.subjects.claims import judged
from evidence.subjects.spec import NOT_APPLICABLE
from remediate.registry import advice_for
from tests.judging import verdict_on
from tests.recording import recorded

DC = "my-dc-3"
Changed = dict[str, Any]
OFF = {"healthy": False, "errors": ["SMF svcs check failed: stdout: State: disabled"]}


def changed(how: Callable[[Changed], object], name: str = "healthy") -> Evidence:
    """Recorded evidence in which something of one datacenter is changed."""
    told = json.loads(msgspec.json.encode(recorded(name)))
    how(told["datacenters"][DC])
    return msgspec.convert(told, type=Evidence)


def causes(evidence: Evidence) -> dict[str, str]:
    return {str(cause.name): cause.finding.observed for cause in verdict_on(evidence).causes}


def rows(seen: Changed, **which: str) -> list[Changed]:
    return [row for row in seen["check_health"]["value"] if all(row[key] == value for key, value in which.items())]


def without(role: str) -> Callable[[Changed], None]:
    """The datacenter has no zone of a role: neither vmadm nor a health command lists one."""

    def change(seen: Changed) -> None:
        gone = seen["zones"]["value"].pop(f"{role}0")["vm"]["uuid"]
        seen["check_health"]["value"] = [row for row in rows(seen) if row["instance"] != gone]
        seen["healthcheck"]["value"] = [row for row in seen["healthcheck"]["value"] if row["role"] != role]
        why = {"asked": "the probe", "how": "zlogin", "why": "the head node lists no such zone"}
        own = [link for link in seen["links"] if link.startswith(f"{DC}.{role}0")]
        seen["links"].update({link: {"subject": link} | why for link in own})

    return change


@pytest.mark.parametrize("role", ["adminui", "cloudapi", "mahi", "vmapi"])
def test_a_role_without_a_zone_is_one_cause(role: str) -> None:
    assert list(causes(changed(without(role)))) == [f"services-run[{DC}.{role}0]"]


def test_what_an_upgrade_left_behind_is_no_cause() -> None:
    uuid = "11111111-2222-4333-8444-555555555555"

    def change(seen: Changed) -> None:
        zone = json.loads(json.dumps(seen["zones"]["value"]["sapi0"]))
        zone["vm"] |= {"alias": "sapi0tmp", "uuid": uuid, "state": "stopped"}
        zone["instance"] = {"subject": f"{DC}.sapi0tmp", "asked": "whether SAPI knows it", "how": "", "value": False}
        seen["zones"]["value"]["sapi0tmp"] = zone
        (own,) = rows(seen, name="sapi0")
        seen["check_health"]["value"].append(own | OFF | {"instance": uuid, "name": "sapi0tmp"})
        seen["healthcheck"]["value"].append({"role": "sapi", "state": "stopped", "status": "offline"})

    assert causes(changed(change)) == {}


def test_two_cloudapis_on_the_head_node_are_an_error_to_sdc_healthcheck_and_no_cause() -> None:
    evidence = recorded("healthy-instances-binder-2-cloudapi-2")
    told = [row.status for row in evidence.datacenters[DC].healthcheck.get() if row.role == "cloudapi"]
    assert told == ["error", "error"]
    assert causes(evidence) == {}


def test_one_cloudapi_that_is_an_error_is_a_cause() -> None:
    def change(seen: Changed) -> None:
        for row in seen["healthcheck"]["value"]:
            row["status"] = "error" if row["role"] == "cloudapi" else row["status"]

    assert list(causes(changed(change))) == [f"core-services-are-healthy[{DC}.cloudapi0]"]


def net_agent_is_off(seen: Changed) -> None:
    for service in seen["global_services"]["value"]:
        service["state"] = "disabled" if "net-agent" in service["fmri"] else service["state"]
    for row in rows(seen, name="net-agent"):
        row.update(OFF)


@pytest.mark.parametrize("name", ["healthy", "route-missing-at-my-dc-3.cloudapi0", "route-missing-at-my-dc-3.binder0"])
def test_routes_that_a_net_agent_does_not_bring_follow_from_it(name: str) -> None:
    assert list(causes(changed(net_agent_is_off, name))) == [f"net-agent-runs[{DC}]"]


def test_before_net_agent_runs_again_what_it_would_take_out_is_told() -> None:
    evidence = changed(net_agent_is_off, "route-by-hand-at-my-dc-3.imgapi0")
    found = {str(cause.name): cause for cause in verdict_on(evidence).causes}
    assert found.keys() == {f"net-agent-runs[{DC}]", f"routes-are-durable[{DC}.imgapi0]"}
    advice = advice_for(found[f"net-agent-runs[{DC}]"], judged(evidence.inventory, evidence))
    assert "10.1.3.0/24 via 10.3.1.1" in advice.notes[0]


@pytest.mark.parametrize("name", ["ur", "cn-agent"])
def test_an_agent_of_another_server_is_named_with_its_server(name: str) -> None:
    def change(seen: Changed) -> None:
        (own,) = rows(seen, name=name)
        seen["check_health"]["value"].append(own | OFF | {"instance": "other", "server": "cn7"})

    found = causes(changed(change))
    assert list(found) == [f"agents-run[{DC}]"]
    assert f"{name} of cn7: SMF svcs check failed" in found[f"agents-run[{DC}]"]


def test_an_agent_without_a_service_of_its_own_is_not_ill() -> None:
    """agents_core has none, so sdcadm says nothing about its health."""

    def change(seen: Changed) -> None:
        (own,) = rows(seen, name="ur")
        seen["check_health"]["value"].append(own | {"instance": "core", "name": "agents_core", "healthy": None})

    assert causes(changed(change)) == {}


def test_ur_that_does_not_answer_is_seen_by_sdc_healthcheck_alone() -> None:
    def change(seen: Changed) -> None:
        for row in seen["healthcheck"]["value"]:
            row["status"] = "offline" if row["agent"] == "ur" else row["status"]

    assert causes(changed(change)) == {f"agents-run[{DC}]": "ur of the head node: offline"}


def test_what_keeps_check_health_from_asking_is_one_cause() -> None:
    def change(seen: Changed) -> None:
        said = {"errors": ["sapi is down"], "healthy": False, "kind": "triton", "server": "headnode"}
        seen["check_health"]["value"] = [said]

    assert list(causes(changed(change))) == [f"health-commands-answer[{DC}]"]


def test_evidence_of_a_version_that_did_not_look_is_not_judged() -> None:
    def change(seen: Changed) -> None:
        seen["global_services"] = None
        seen["check_health"]["value"] = [
            {key: row[key] for key in ("instance", "healthy", "errors")} for row in rows(seen)
        ]

    evidence = changed(change)
    assert causes(evidence) == {}
    found = {row.result.check: row.result.outcome for row in verdict_on(evidence).results if row.result.subject == DC}
    for check in ("net-agent-runs", "agents-run", "other-instances-are-healthy"):
        assert found[check] == NOT_APPLICABLE


def ur_of_a_compute_node_is_off(seen: Changed) -> None:
    """sdcadm gets no answer from cn1, where binder0 and two agents are."""
    said = {"healthy": None, "errors": ["ur command timed out"], "server": "cn1"}
    seen["zones"]["value"]["binder0"]["vm"]["server"] = "uuid-of-cn1"
    asked = {"subject": DC, "asked": "its servers", "how": "sdc-cnapi"}
    states = {"hostname": "cn1", "address": "10.3.1.3", "net_agent": "online", "ur": "disabled"}
    seen["servers"] = asked | {"value": {"uuid-of-cn1": states}}
    rows(seen, name="binder0")[0].update(said)
    for name in ("ur", "vm-agent"):
        (own,) = rows(seen, name=name)
        seen["check_health"]["value"].append(own | said | {"instance": f"{name} of cn1"})


def test_a_compute_node_that_sdcadm_cannot_ask_is_one_cause_with_its_step() -> None:
    evidence = changed(ur_of_a_compute_node_is_off)
    assert causes(evidence) == {f"agents-run[{DC}]": "ur of cn1: ur command timed out"}
    (cause,) = verdict_on(evidence).causes
    steps = advice_for(cause, judged(evidence.inventory, evidence)).steps
    assert [step.run for step in steps] == ["ssh 10.3.1.3 'svcadm enable -s svc:/smartdc/agent/ur:default'"]
    found = {
        row.result.check: row.result for row in verdict_on(evidence).results if row.result.subject == f"{DC}.binder0"
    }
    assert found["core-services-are-healthy"].outcome == NOT_APPLICABLE
    assert "could not ask its server cn1" in found["core-services-are-healthy"].reason


def test_an_agent_that_may_be_disabled_is_left_alone() -> None:
    def change(seen: Changed) -> None:
        for service in seen["global_services"]["value"]:
            service["state"] = "maintenance" if service["fmri"].endswith("/firewaller:default") else service["state"]
        seen["global_services"]["value"].append({"fmri": "svc:/smartdc/agent/marlin:default", "state": "disabled"})

    evidence = changed(change)
    (cause,) = verdict_on(evidence).causes
    steps = advice_for(cause, judged(evidence.inventory, evidence)).steps
    assert [step.run for step in steps] == ["svcadm clear svc:/smartdc/agent/firewaller:default"]


def test_a_route_that_a_compute_nodes_net_agent_did_not_set_is_brought_there() -> None:
    def change(seen: Changed) -> None:
        ur_of_a_compute_node_is_off(seen)
        seen["check_health"]["value"] = [
            row for row in rows(seen) if row["server"] != "cn1" or row["name"] == "binder0"
        ]
        rows(seen, name="binder0")[0].update(healthy=True, errors=[])

    evidence = changed(change, "route-missing-at-my-dc-3.binder0")
    steps = [
        step.run
        for cause in verdict_on(evidence).causes
        for step in advice_for(cause, judged(evidence.inventory, evidence)).steps
    ]
    assert steps
    assert all(step.startswith("ssh 10.3.1.3 ") for step in steps), steps
    assert any("svcadm restart" in step for step in steps)
