"""One plan of several causes: one update an object, one restart a service, and a wait for the value that the plan sets."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from evidence.subjects.claims import judged
from evidence.subjects.spec import CRITICAL
from evidence.subjects.triton import BINDER, BINDER_CONFIG, CONFIG_AGENT
from remediate.actions import Action
from remediate.actions.ldap import Resend
from remediate.actions.network import NapiRoutes
from remediate.actions.reading import Precondition
from remediate.actions.sapi import SapiMetadata
from remediate.actions.smf import Smf
from remediate.actions.usbkey import UsbkeyConfig
from remediate.actions.wait import Rendered
from remediate.durable import adding
from remediate.merging import Task, merged
from remediate.order import in_order
from remediate.plan import CausePlan, PlannedStep, make_plan
from remediate.shell import cycled
from remediate.stages import stages_of
from remediate.steps import DISRUPTIVE, OPERATOR, RESTARTS, SAFE, Step, acting
from tests.judging import verdict_on
from tests.recording import RECORDED, recorded

ON = "my-dc-1.global"
SDC, NETWORK = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
ONE, TWO = "33333333-3333-4333-8333-333333333333", "44444444-4444-4444-8444-444444444444"
AGENT, DNS = Smf(ONE, "restart", (CONFIG_AGENT,)), Smf(ONE, "restart", (BINDER,))


def cause(check: str, *steps: Step) -> CausePlan:
    return CausePlan(check, "my-dc-1", CRITICAL, whole=tuple(PlannedStep("there", step) for step in steps))


def does(*actions: Action, on: str = ON, why: str = "why", by_hand: bool = False) -> Step:
    return acting(on, *actions, risk=RESTARTS, why=why, by_hand=by_hand)


def sets(by_hand: bool = False, before: str = "old", **values: str) -> Step:
    held = dict.fromkeys(values, before)
    return does(SapiMetadata(SDC, values, (), held), by_hand=by_hand)


def waits(key: str, value: str, zone: str = ONE) -> Rendered:
    return Rendered(zone, BINDER_CONFIG, key, value, 20.0)


def actions(tasks: tuple[Task, ...]) -> list[tuple[Action, ...]]:
    return [task.planned.step.actions for task in tasks]


def test_two_settings_are_one_update_and_the_binder_is_restarted_once_behind_it() -> None:
    region = cause("a", sets(region_name="my-dc"), does(AGENT, waits("recursion.regionName", "my-dc"), DNS))
    domain = cause("b", sets(dns_domain="example.com"), does(AGENT, waits("dnsDomain", "example.com"), DNS))
    update, restart = merged([region, domain])
    assert update.planned.step.actions == (
        SapiMetadata(
            SDC,
            {"region_name": "my-dc", "dns_domain": "example.com"},
            (),
            {"region_name": "old", "dns_domain": "old"},
        ),
    )
    assert restart.planned.step.actions == (
        AGENT,
        waits("recursion.regionName", "my-dc"),
        waits("dnsDomain", "example.com"),
        DNS,
    )
    assert [str(name) for name in restart.causes] == ["a[my-dc-1]", "b[my-dc-1]"]
    assert '"dns_domain":"old","region_name":"old"' in update.planned.step.undo


def test_a_restart_comes_after_every_update_that_it_is_there_for() -> None:
    early = cause("a", does(DNS))
    late = cause("b", sets(region_name="my-dc"), does(AGENT, waits("recursion.regionName", "my-dc"), DNS))
    assert actions(merged([early, late])) == [
        (SapiMetadata(SDC, {"region_name": "my-dc"}, (), {"region_name": "old"}),),
        (AGENT, waits("recursion.regionName", "my-dc"), DNS),
    ]


def test_who_renders_what_sapi_has_waits_for_what_the_plan_sets() -> None:
    """A wait for the value from before the update would restart binder with the wrong one, or wait in vain."""
    stale = cause("a", does(AGENT), does(waits("recursion.regionName", "old"), DNS))
    region = cause("b", sets(region_name="my-dc"))
    assert actions(merged([stale, region])) == [
        (SapiMetadata(SDC, {"region_name": "my-dc"}, (), {"region_name": "old"}),),
        (AGENT,),
        (waits("recursion.regionName", "my-dc"), DNS),
    ]


def test_what_was_set_already_is_waited_for_all_the_same() -> None:
    """As apply asks: the update is done, and what is left is merged anew."""
    whole = [
        cause("a", sets(region_name="my-dc")),
        cause("b", does(waits("recursion.regionName", "old"), DNS)),
    ]
    assert actions(merged(whole[1:], whole)) == [(waits("recursion.regionName", "my-dc"), DNS)]
    assert actions(merged(whole[1:], whole[1:])) == [(waits("recursion.regionName", "old"), DNS)]


def test_two_who_want_different_values_stay_two() -> None:
    assert len(merged([cause("a", sets(region_name="x")), cause("b", sets(region_name="y"))])) == 2


def test_what_a_human_decides_on_is_not_mixed_with_what_the_suite_does() -> None:
    assert len(merged([cause("a", sets(region_name="x")), cause("b", sets(by_hand=True, dns_domain="y"))])) == 2


def test_no_order_of_a_cause_is_broken() -> None:
    """To restart once, one of the two would have to restart before what it rests on."""
    between = does(Resend("cn=x, o=smartdc", "base"))
    first = cause("a", does(DNS), between, does(Smf(TWO, "restart", (BINDER,))))
    second = cause("b", does(Smf(TWO, "restart", (BINDER,))), does(DNS))
    restarts = [each.zone for found in actions(merged([first, second])) for each in found if isinstance(each, Smf)]
    assert sorted(restarts) in ([ONE, ONE, TWO], [ONE, TWO, TWO])
    kept = [task for task in merged([first, second]) if "b[my-dc-1]" in map(str, task.causes)]
    assert [each.zone for task in kept for each in task.planned.step.actions if isinstance(each, Smf)] == [TWO, ONE]


def test_routes_of_a_network_are_one_change() -> None:
    bare = Step(ON, "", DISRUPTIVE, "The network has none. A PUT replaces all.", applied_by_suite=True)
    one, two = (adding(bare, NapiRoutes(NETWORK, {to: "10.1.1.1"})) for to in ("10.2.1.0/24", "10.3.1.0/24"))
    (task,) = merged([cause("a", one), cause("b", two, one)])
    assert task.planned.step.actions == (NapiRoutes(NETWORK, {"10.2.1.0/24": "10.1.1.1", "10.3.1.0/24": "10.1.1.1"}),)
    assert task.planned.step.why == "The network has none. A PUT replaces all.", "each sentence once"


def test_files_of_the_head_node_are_written_once() -> None:
    one, two = (does(UsbkeyConfig({key: "x"}, (), {key: "y"})) for key in ("region_name", "dns_domain"))
    (task,) = merged([cause("a", one), cause("b", two)])
    assert task.planned.step.run.count("sdc-usbkey mount") == 1
    assert task.planned.step.actions[0].after["/usbkey/config"] == {"region_name": "x", "dns_domain": "x"}


def test_the_same_text_is_typed_once() -> None:
    text = Step(ON, "sdcadm something", SAFE, "why", applied_by_suite=False)
    elsewhere = Step(OPERATOR, "sdcadm something", SAFE, "why", applied_by_suite=False)
    assert len(merged([cause("a", text), cause("b", text), cause("c", elsewhere)])) == 2


def test_instances_are_restarted_one_after_the_other() -> None:
    both = cause("a", does(DNS), does(Smf(TWO, "restart", (BINDER,))))
    first, second = merged([both])
    for task, zone in ((first, ONE), (second, TWO)):
        assert task.planned.step.actions == (Smf(zone, "cycle", (BINDER,)),)
        assert "The next instance only when this one is back" in task.planned.step.why
    rest = CausePlan("a", "my-dc-1", CRITICAL, whole=both.whole[1:])
    assert merged([rest], [both]) == (second,), "also when the first one was done"
    agents = cause("a", does(AGENT), does(Smf(TWO, "restart", (CONFIG_AGENT,))))
    assert "svcprop" not in "".join(task.planned.step.run for task in merged([agents])), "each zone has its own"


def test_what_depends_on_something_is_restarted_after_it() -> None:
    keeper = Smf(ONE, "restart", ("svc:/site/zookeeper:default",))
    (task,) = merged([cause("a", does(DNS)), cause("b", does(keeper, DNS))])
    assert task.planned.step.actions == (keeper, DNS)


def test_a_cycle_is_a_restart_that_nothing_takes_back() -> None:
    cycle = Smf(ONE, "cycle", (BINDER,))
    then, now = ({BINDER: {"state": "online", "started": each}} for each in "12")
    assert cycle.standing(then) == Precondition.PLANNED
    assert (cycle.done(then, then), cycle.done(then, now)) == (False, True)
    assert cycle.inverse(then) is None


PRETENDED = r"""
svcprop() { (( asked = $(cat asked) + 1 )); echo $asked > asked; echo "x time $(( asked >= turns ? 2 : 1 ))"; }
svcs() { echo "${state:-online}"; }
svcadm() { echo "$*" >> done; }
sleep() { :; }
echo 0 > asked
"""


@pytest.mark.parametrize(
    ("setting", "ends"), [("turns=3", "0\nbinder"), ("turns=99", "1\n"), ("turns=1 state=maintenance", "1\n")]
)
def test_the_printed_wait_ends_what_comes_behind_it(tmp_path: Path, setting: str, ends: str) -> None:
    """Until it was started anew and is online; else nothing that follows is done."""
    two = acting(ON, Smf(ONE, "cycle", (BINDER,)), Smf(TWO, "restart", (BINDER,)), risk=RESTARTS, why="why")
    assert two.run.startswith(cycled(ONE, 60.0, BINDER))
    text = f"{setting}\n{PRETENDED}\n( {two.run}\n) 2> said; echo $?\ngrep -c {TWO} done | sed 's/1/binder/;s/0//'"
    done = subprocess.run(["bash", "-c", text], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == ends.strip(), done.stderr


def test_an_order_has_no_circle() -> None:
    assert in_order([(0,), (1,), (2,)], [(2, 0)]) == [(1,), (2,), (0,)]
    assert in_order([(0, 2), (1,)], [(0, 1), (1, 2)]) is None


NAMES = sorted(path.stem for path in RECORDED.glob("*.json"))


@pytest.mark.parametrize("name", NAMES)
def test_of_one_cause_the_plan_has_its_own_steps_in_their_order(name: str) -> None:
    """Of several it has every action once, and no cause loses an action or its order."""
    evidence = recorded(name)
    plan = make_plan(verdict_on(evidence).causes, judged(evidence.inventory, evidence))
    for stage in stages_of(plan):
        if len(stage.entries) == 1:
            texts = [task.planned.step.run for task in stage.tasks if "svcprop" not in task.planned.step.run]
            assert texts == [each.step.run for each in stage.entries[0].whole if each.step.run in texts]
        for entry in stage.entries:
            own = [part.step for task in stage.tasks for part in task.parts if part.cause == entry.name]
            assert sorted(step.run for step in own) == sorted(each.step.run for each in entry.whole)
        assert len({(task.planned.step.at, task.planned.step.run) for task in stage.tasks}) == len(stage.tasks)
