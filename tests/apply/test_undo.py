"""What is done after values were brought back, so that processes run with them."""

from __future__ import annotations

from pathlib import Path

from apply.engine import label
from apply.journal import FILE, Effect, Journal
from apply.undo import afterwards, inverses
from evidence.subjects.triton import BINDER, BINDER_CONFIG, CONFIG_AGENT, NET_AGENT
from remediate.actions import Action
from remediate.actions.sapi import SapiMetadata
from remediate.actions.smf import Smf
from remediate.actions.vm import VmRoutes
from remediate.actions.wait import Rendered

ON = "my-dc-1.global"
U, ONE, TWO = (f"{digit * 8}-1111-4111-8111-111111111111" for digit in "123")
AGENT, DNS = Smf(ONE, "restart", (CONFIG_AGENT,)), Smf(ONE, "cycle", (BINDER,))


def waits(key: str, *, gone: bool = False) -> Rendered:
    return Rendered(ONE, BINDER_CONFIG, key, "new", 20.0, gone)


def test_a_service_that_was_restarted_for_two_values_waits_for_both(tmp_path: Path) -> None:
    """It was restarted once for each; once is enough, but only behind the last wait."""
    journal = Journal(tmp_path / FILE)

    def did(cause: str, action: Action, undoes: int = 0) -> int:
        number = journal.intend(ON, cause, action, None, undoes).number
        journal.result(number, Effect.VERIFIED)
        return number

    one = did("a[my-dc-1]", SapiMetadata(U, {"x": "new"}))
    for action in (AGENT, waits("x"), DNS, Smf(TWO, "restart", (BINDER,))):
        did("a[my-dc-1]", action)
    two = did("b[my-dc-1]", SapiMetadata(U, {"y": "new"}))
    for action in (AGENT, waits("y"), DNS):
        did("a[my-dc-1], b[my-dc-1]", action)
    did("c[my-dc-1]", Smf(TWO, "restart", (CONFIG_AGENT,)))
    for number in (two, one):
        did("a[my-dc-1], b[my-dc-1]", SapiMetadata(U, {}, ("x", "y")), undoes=number)
    assert [back.action for back in afterwards(journal)] == [
        AGENT,
        waits("x", gone=True),
        waits("y", gone=True),
        DNS,
        Smf(TWO, "restart", (BINDER,)),
    ]


def test_a_restart_in_turn_is_told_in_words() -> None:
    assert label(DNS) == f"svcadm -z {ONE} restart {BINDER}, and wait until it is back"


def test_a_route_that_net_agent_would_bring_back_is_not_taken_back(tmp_path: Path) -> None:
    journal = Journal(tmp_path / FILE)
    route = VmRoutes(ONE, {"10.2.2.29/32": "10.1.1.1"})
    value = {"10.2.2.29/32": None}
    for cause, on in (("a[my-dc-1]", ON), ("b[my-dc-1]", f"{ON}/10.1.1.3")):
        journal.result(journal.intend(on, cause, route, value).number, Effect.VERIFIED)
    agent = Smf("", "restart", (NET_AGENT,))
    journal.result(journal.intend(ON, "a[my-dc-1]", agent, None).number, Effect.VERIFIED)
    can, cannot = inverses(journal)
    assert [back.intent.cause for back in can] == ["b[my-dc-1]"], "there nobody restarted it"
    assert [intent.cause for intent in cannot] == ["a[my-dc-1]"]
