"""The printed commands for NAPI and FWAPI, typed in a living lab: they keep others' changes, work twice, and undo exactly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from evidence.subjects.links import links_to
from lab.plan.making import make_plan
from lab.plan.names import ADMIN_UUID
from remediate import napi
from remediate.firewall import rules_for
from remediate.steps import Step
from tests.lab.operator import Operator, living
from tests.remediate import synthetic

pytestmark = pytest.mark.proof

DC = "my-dc-1"
ADMIN = make_plan(2).datacenter(DC).network_uuid("admin")
OURS, THEIRS = {"10.77.0.0/24": "10.1.1.1"}, {"10.78.0.0/24": "10.1.1.1"}
OTHER = "22222222-2222-4222-8222-222222222222"
QUICKER = """sdc-napi() {
    if [[ $2 == -X && -z $(ls /tmp/was-quicker 2> /dev/null) ]]; then
        touch /tmp/was-quicker
        command sdc-napi "$1" -X PUT -d '{"routes":{"10.78.0.0/24":"10.1.1.1"}}' > /dev/null
    fi
    command sdc-napi "$@"
}
"""
"""A colleague who writes once between our look and our writing."""


@pytest.fixture(scope="module")
def operator() -> Iterator[Operator]:
    with living("--uncoupled", "--datacenters", "2") as shell:
        yield shell


def typed(operator: Operator, line: str) -> str:
    code, said = operator.on(DC, line)
    assert code == 0, said
    return said


def network(operator: Operator) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(typed(operator, f"sdc-napi --no-headers /networks/{ADMIN}"))
    return found


def set_routes(operator: Operator, routes: dict[str, str]) -> None:
    typed(operator, f"sdc-napi /networks/{ADMIN} -X PUT -d '{json.dumps({'routes': routes})}'")


def rules(operator: Operator) -> dict[str, dict[str, Any]]:
    return {rule["uuid"]: rule for rule in json.loads(typed(operator, "sdc-fwapi --no-headers /rules"))}


def test_a_route_of_a_colleague_stays_and_twice_is_once(operator: Operator) -> None:
    set_routes(operator, THEIRS)
    before = network(operator)
    assert "as wanted" in typed(operator, napi.routes_in(ADMIN, OURS))
    after = network(operator)
    assert after == before | {"routes": THEIRS | OURS}
    typed(operator, napi.routes_in(ADMIN, OURS))
    assert network(operator) == after
    typed(operator, napi.routes_out(ADMIN, OURS))
    assert network(operator) == before
    typed(operator, napi.routes_out(ADMIN, OURS))
    assert network(operator) == before


def test_a_network_without_routes_gets_its_first_and_loses_its_last(operator: Operator) -> None:
    set_routes(operator, {})
    typed(operator, napi.routes_in(ADMIN, OURS))
    assert network(operator)["routes"] == OURS
    typed(operator, napi.routes_out(ADMIN, OURS))
    assert network(operator)["routes"] == {}


def test_who_writes_meanwhile_loses_nothing(operator: Operator) -> None:
    set_routes(operator, {})
    typed(operator, QUICKER + napi.routes_in(ADMIN, OURS))
    assert network(operator)["routes"] == OURS | THEIRS
    assert typed(operator, "rm /tmp/was-quicker; echo there") == "there\n"


def test_what_was_changed_since_is_neither_overwritten_nor_undone(operator: Operator) -> None:
    other = dict.fromkeys(OURS, "10.1.1.9")
    set_routes(operator, other)
    code, said = operator.on(DC, napi.routes_in(ADMIN, OURS))
    assert (code, "find out which is right" in said) == (1, True)
    typed(operator, napi.routes_out(ADMIN, OURS))
    assert network(operator)["routes"] == other


def test_what_napi_refuses_is_said(operator: Operator) -> None:
    set_routes(operator, THEIRS)
    code, said = operator.on(DC, napi.routes_in(ADMIN, {"10.77.0.0/24": napi.ROUTER}))
    assert (code, "422" in said, "invalid route" in said) == (1, True, True)
    code, said = operator.on(DC, napi.routes_in(OTHER, OURS))
    assert (code, "404" in said) == (1, True)
    assert network(operator)["routes"] == THEIRS


def test_owners_are_changed_one_by_one(operator: Operator) -> None:
    before = network(operator)["owner_uuids"]
    typed(operator, napi.owners(ADMIN, [OTHER], before))
    assert network(operator)["owner_uuids"] == [OTHER]
    typed(operator, napi.owners(ADMIN, before, [OTHER]))
    assert network(operator)["owner_uuids"] == before


def test_napi_wants_the_etag_that_it_gave(operator: Operator) -> None:
    set_routes(operator, {})
    put = f"sdc-napi /networks/{ADMIN} -X PUT -d '{json.dumps({'routes': OURS})}' -H 'if-match: %s'"
    etag = typed(operator, f"sdc-napi /networks/{ADMIN} | tr -d '\\r' | sed -n 's/^Etag: //p'").strip()
    assert typed(operator, put % "nonsense").startswith("HTTP/1.1 412 Precondition Failed")
    assert typed(operator, f"sdc-napi /networks/{ADMIN} -H 'if-match: nonsense'").startswith("HTTP/1.1 412")
    assert network(operator)["routes"] == {}
    said = typed(operator, put % etag)
    assert said.startswith("HTTP/1.1 200 OK")
    assert f"Etag: {etag}" not in said
    assert network(operator)["routes"] == OURS


@pytest.mark.parametrize("path", [f"/networks/{ADMIN}", "/networks/admin"])
def test_without_headers_a_body_is_a_form_and_changes_nothing(operator: Operator, path: str) -> None:
    set_routes(operator, THEIRS)
    body = f"-X PUT -d '{json.dumps({'routes': OURS})}'"
    assert json.loads(typed(operator, f"sdc-napi --no-headers {path} {body}"))["routes"] == THEIRS
    said = typed(operator, f"sdc-napi --no-headers {path} -H 'content-type: application/json' {body}")
    assert json.loads(said)["routes"] == OURS


def let_in() -> Step:
    """The rule for my-dc-2's ufds in my-dc-1, as a remedy gives it."""
    world = synthetic.healthy()
    ufds = world.datacenter("my-dc-2").zones("ufds")[0]
    found = {link.source.id: (link, link.source.address("admin"), ("tcp/636",)) for link in links_to(ufds)}
    (step,) = rules_for(ufds, found)
    assert isinstance(step, Step)
    return step


def test_a_rule_is_made_once_and_its_undo_takes_it_alone(operator: Operator) -> None:
    step, before = let_in(), rules(operator)
    typed(operator, step.run)
    (uuid,) = set(rules(operator)) - set(before)
    made = rules(operator)[uuid]
    assert made["enabled"] is True
    typed(operator, step.run)
    assert rules(operator).keys() == before.keys() | {uuid}
    same = {key: made[key] for key in ("description", "enabled", "owner_uuid")} | {"rule": made["rule"]}
    typed(operator, f"sdc-fwapi /rules -X POST -d '{json.dumps(same)}'")  # somebody else's rule with the same name
    again = json.dumps(same | {"uuid": uuid})
    assert typed(operator, f"sdc-fwapi /rules -X POST -d '{again}' | json -H code") == "RuleExistsError\n"
    (others,) = set(rules(operator)) - set(before) - {uuid}
    typed(operator, step.undo)
    assert rules(operator).keys() == before.keys() | {others}


def test_fwapi_takes_no_uuid_that_is_none(operator: Operator) -> None:
    rule = {"rule": "FROM any TO all vms ALLOW tcp PORT 1", "owner_uuid": ADMIN_UUID, "uuid": "x"}
    said = typed(operator, f"sdc-fwapi /rules -X POST -d '{json.dumps(rule)}' | json -H errors.0.message")
    assert said == "Invalid rule UUID\n"
