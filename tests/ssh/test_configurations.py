"""Client configurations, judged by the machine's own `ssh`: where it gets in, the suite does too; otherwise the suite says why."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path

import pytest

from evidence.collect.login import connect
from evidence.collect.unanswered import UnansweredError
from evidence.inventory.model import Declared, Timeouts
from tests.ssh import cases, judge
from tests.ssh.servers import Home, Server

pytestmark = pytest.mark.skipif(not judge.can_judge(), reason="needs an `ssh`, and a mount namespace for its home")

PATIENCE = Timeouts(connect=20, command=20, run=60)
RELAY = "exec 3<>/dev/tcp/$1/$2; cat <&3 2>&1 & cat >&3; kill $!\n"
"""For bash, because netcat, which ProxyCommand often uses, is not everywhere."""


def test_there_are_enough_and_no_name_is_used_twice() -> None:
    assert len({case.name for case in cases.ALL}) == len(cases.ALL) >= 40


async def seen(declared: str) -> tuple[bool, str]:
    """Whether the suite gets in and runs a command, and otherwise why not."""
    try:
        head = await connect(Declared("dc", declared, "r", "master"), PATIENCE)
    except UnansweredError as error:
        return False, str(error)
    try:
        output = await head.run("echo here")
        return output.text == "here\n", output.why
    finally:
        await head.close()


@pytest.mark.parametrize("case", cases.ALL, ids=lambda case: case.name)
def test_as_ssh_does(case: cases.Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asyncio.run(_as_ssh_does(case, tmp_path, monkeypatch))


async def _as_ssh_does(case: cases.Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, jump, jump2 = cases.fresh(case.target), cases.fresh(case.jump), Server()
    async with contextlib.AsyncExitStack() as stack:
        for server in (target, jump, jump2):
            await stack.enter_async_context(server.running())
        closed = stack.enter_context(socket.socket())
        closed.bind(("127.0.0.1", 0))
        scene = cases.Scene(Home(tmp_path), target, jump, jump2)
        ports = {"@TARGET": target.port, "@JUMP2": jump2.port, "@JUMP": jump.port, "@CLOSED": closed.getsockname()[1]}
        (tmp_path / "relay").write_text(RELAY)
        texts = {"@SSH": str(scene.home.ssh), "@RELAY": f"bash {tmp_path / 'relay'}"}

        def filled(text: str) -> str:
            for name, value in {**ports, **texts}.items():
                text = text.replace(name, str(value))
            return text

        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
        await case.prepare(scene)
        for agent in scene.agents:
            stack.push_async_callback(agent.end)
        (scene.home.ssh / "config").write_bytes(filled(case.config).encode("latin-1"))
        for name, value in scene.environment.items():
            monkeypatch.setenv(name, value)
        words = [filled(word) for word in case.words or (case.headnode,)]
        ours, why = await seen(filled(case.headnode))
        sent = dict(target.variables)
        gets_in, said = await judge.connects(tmp_path, *words)
    assert gets_in == (not case.says or case.alone), said
    assert ours == (not case.says), why
    assert filled(case.says) in why, why
    assert not case.never or filled(case.never) not in why, why
    assert "\n" not in why
    assert not any(name.startswith("AZ_") for name in sent), sent
