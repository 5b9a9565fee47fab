"""The line of progress names whom the run waits for, and since when; it counts what has an end."""

from __future__ import annotations

import asyncio

import pytest

from evidence.collect.draft import Draft
from evidence.collect.waited import Waited
from evidence.inventory.model import Declared
from evidence.redact import Vault


def drafts() -> dict[str, Draft]:
    return {name: Draft(Declared(name, name, "r", "replica"), Vault(b"k" * 32)) for name in ("a", "b", "c")}


def test_it_names_who_is_waited_for_longest() -> None:
    known = drafts()
    known["a"].asking = {("a", "its clock"): 8.0}
    known["b"].asking = {("b.ufds0", "the bind"): 9.0, ("b", "SSH to the head node"): 3.0}
    waited = Waited(known, lambda _: None, clock=iter((2.0, 12.4, 14.0, 15.0)).__next__)
    assert waited.line() == "10 s, 0 of 3 datacenters asked; waits for b: SSH to the head node (9 s)"
    waited.done.add("b")
    assert waited.line() == "12 s, 1 of 3 datacenters asked; waits for a: its clock (6 s)"
    waited.done.update("ac")
    assert waited.line() == "13 s, 3 of 3 datacenters asked"


def test_what_is_answered_is_waited_for_no_more() -> None:
    """Whatever the answer is."""
    draft, seen = drafts()["a"], []

    async def asked() -> str:
        seen.append(dict(draft.asking))
        raise RuntimeError

    asyncio.run(draft.ask("clock", asked))
    assert [list(each) for each in seen] == [[("a", "its clock")]]
    assert draft.asking == {}


def test_it_is_told_again_and_again() -> None:
    said: list[str] = []

    async def twice() -> None:
        async with asyncio.timeout(None) as limit:

            def progress(text: str) -> None:
                said.append(text)
                if len(said) == 2:
                    limit.reschedule(0.0)

            await Waited(drafts(), progress).watch()

    with pytest.raises(TimeoutError):
        asyncio.run(twice())
    assert len(said) == 2
