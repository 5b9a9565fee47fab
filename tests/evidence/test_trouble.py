"""A head node that answers but cannot be used to the end: what nobody saw is missing, and one trouble says why."""

from __future__ import annotations

import asyncio
import pathlib
import time
from collections.abc import Callable
from typing import Any

import asyncssh

from evidence.collect import collect
from evidence.collect.login import connect
from evidence.collect.unanswered import UnansweredError
from evidence.headnode import CUT, FORWARDING, FROZEN, ZLOGIN, Trouble
from evidence.inventory.model import Declared, Timeouts
from evidence.model import DatacenterEvidence
from tests.evidence.test_collect import enter, inventory
from tests.evidence.test_collect import home as home
from tests.security import hostile

Dialled = Callable[[Any, Any], Any]


async def frozen(process: hostile.Process) -> None:
    """From this command on, nothing comes through the connection any more."""
    transport = process.channel.get_connection()._transport
    transport.pause_reading()
    vars(transport)["write"] = lambda _: None
    await asyncio.sleep(60)


def collected(home: pathlib.Path, answers: dict[str, hostile.Answer], dialled: Dialled) -> DatacenterEvidence:
    async def all_of_it() -> DatacenterEvidence:
        async with hostile.HeadNode({**hostile.KIND, **answers}, dialled) as head:
            enter(home, "a", head.port, key=head.user_key, host_key=head.key)
            asked_for = inventory("a", timeouts=Timeouts(connect=1, command=4, run=20))
            return (await collect(asked_for, lambda _: None)).datacenters["a"]

    return asyncio.run(all_of_it())


def troubles(seen: DatacenterEvidence) -> tuple[Trouble, ...]:
    assert seen.troubles is not None
    return seen.troubles.get()


def pings(seen: DatacenterEvidence) -> list[str | None]:
    return [zone.ping.why for zone in seen.zones.get().values() if zone.ping is not None]


def test_nothing_is_wrong_with_a_head_node_whose_services_are_down(home: pathlib.Path) -> None:
    seen = collected(home, {}, hostile.refuses)
    assert troubles(seen) == ()
    assert set(pings(seen)) == {None}, "a service that closes has answered"


def test_forwarding_is_forbidden_by_the_code_whatever_the_text(home: pathlib.Path) -> None:
    async def all_of_it() -> DatacenterEvidence:
        async with hostile.HeadNode(hostile.KIND) as head:
            head.forwards = False
            enter(home, "a", head.port, key=head.user_key, host_key=head.key)
            return (await collect(inventory("a"), lambda _: None)).datacenters["a"]

    seen = asyncio.run(all_of_it())
    (found,) = troubles(seen)
    assert found.kind == FORWARDING
    assert found.detail == "to 127.0.0.9:443, 127.0.0.9:53, 127.0.0.9:636 and 2 more"
    assert set(pings(seen)) == {"the head node's SSH server forbids forwarding to it"}
    bind = seen.zones.get()["ufds0"].bind
    assert bind is not None
    assert bind.why, "not a bind that failed"


def test_a_connection_that_is_cut_says_when_and_after_how_much(home: pathlib.Path) -> None:
    seen = collected(home, {"zlogin": hostile.breaks_off}, hostile.refuses)
    (found,) = troubles(seen)
    assert found.kind == CUT
    assert found.since.endswith("Z")
    assert found.answers >= 5
    assert all(zone.services.why for zone in seen.zones.get().values())


def test_a_frozen_connection_costs_its_patience_once_and_once_more(home: pathlib.Path) -> None:
    started = time.monotonic()
    seen = collected(home, {"zlogin": frozen}, hostile.refuses)
    spent = time.monotonic() - started
    (found,) = troubles(seen)
    assert found.kind == FROZEN
    assert all(zone.services.why for zone in seen.zones.get().values())
    assert spent < 32, "nine zones, each of which would take four seconds"


def test_zlogin_that_enters_no_zone_is_one_trouble(home: pathlib.Path) -> None:
    async def fails(process: hostile.Process) -> None:
        process.stderr.write(b"zlogin: out of memory\n")
        process.exit(1)

    seen = collected(home, {"zlogin": fails}, hostile.refuses)
    (found,) = troubles(seen)
    assert found.kind == ZLOGIN
    assert found.detail == "the zone could not be entered: zlogin's exit status is 1: zlogin: out of memory"


# Jump hosts


async def _jump(home: pathlib.Path, *, known: bool = True, changed: bool = False, target_known: bool = True) -> str:
    """Why a head node behind a jump host cannot be reached, if the jump host's key is unknown or has changed."""
    async with hostile.HeadNode(hostile.KIND) as jump, hostile.HeadNode(hostile.KIND) as target:
        jump.forwards = True
        other = asyncssh.generate_private_key("ssh-ed25519")
        enter(home, "jump", jump.port, key=jump.user_key, host_key=other if changed else jump.key if known else None)
        enter(home, "a", target.port, key=target.user_key, host_key=target.key if target_known else None)
        with (home / ".ssh/config").open("a") as file:
            file.write("  ProxyJump jump\n")
        try:
            head = await connect(Declared("a", "a", "r", "master"), Timeouts(connect=3, command=3, run=10))
        except UnansweredError as error:
            return str(error).replace(str(jump.port), "JUMP").replace(str(target.port), "TARGET")
        await head.close()
        return ""


def test_the_key_of_a_jump_host_is_told_apart_from_the_targets(home: pathlib.Path) -> None:
    said = asyncio.run(_jump(home, known=False))
    assert said.startswith("the host key of [127.0.0.1]:JUMP, a jump host on the way to a, is unknown.")
    assert "ssh-keygen -R" not in said
    assert "TARGET" not in said


def test_behind_a_jump_host_that_is_known(home: pathlib.Path) -> None:
    assert asyncio.run(_jump(home)) == ""


def test_the_targets_key_is_looked_at_from_the_jump_host(home: pathlib.Path) -> None:
    said = asyncio.run(_jump(home, target_known=False))
    assert said.startswith("the host key of [127.0.0.1]:TARGET is unknown.")
    assert "ssh jump ssh-keyscan -p TARGET 127.0.0.1 >> ~/.ssh/known_hosts" in said


def test_a_changed_key_of_a_jump_host_is_that_hosts(home: pathlib.Path) -> None:
    said = asyncio.run(_jump(home, changed=True))
    assert said.startswith("the host key of [127.0.0.1]:JUMP, a jump host on the way to a, has changed")
    assert "ssh-keygen -R '[127.0.0.1]:JUMP'" in said
    assert "TARGET" not in said


def test_an_encrypted_key_without_an_agent_was_never_offered(home: pathlib.Path) -> None:
    async def why() -> str:
        async with hostile.HeadNode(hostile.KIND) as head:
            enter(home, "a", head.port, key=head.user_key, host_key=head.key)
            head.user_key.write_private_key(str(home / ".ssh/a"), "pkcs8-pem", passphrase="long")
            try:
                await connect(Declared("a", "a", "r", "master"), Timeouts(connect=3, command=3, run=10))
            except UnansweredError as error:
                return str(error)
        return ""

    said = asyncio.run(why())
    assert "accepts none of your keys" not in said
    assert "passphrase" in said
