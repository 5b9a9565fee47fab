"""The one door for changes: a command goes out once, whatever becomes of it."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from apply.door import Answer, SshDoor
from evidence.inventory.model import Declared, Inventory, Timeouts
from tests.ssh.servers import Home, Server, key
from tests.ssh.test_noise import home as home

ROOT = Path(__file__).resolve().parents[2]


def asked(home: Home, server: Server, *commands: str, within: float = 10.0) -> list[Answer]:
    """What comes of commands that are sent one after the other."""

    async def work() -> list[Answer]:
        async with server.running():
            home.knows(server.host, server.port, key("host"))
            (home.ssh / "config").write_text(
                f"Host a\n HostName {server.host}\n Port {server.port}\n User root\n IdentityFile ~/.ssh/id\n"
            )
            declared = Declared("dc", "a", "r", "replica")
            door = SshDoor(Inventory("dc", {"dc": declared}, timeouts=Timeouts(connect=5.0)))
            return [await asyncio.to_thread(door.run, "dc", command, within) for command in commands]

    return asyncio.run(work())


def test_what_it_said_and_how_it_ended(home: Home) -> None:
    well, failed = asked(home, Server(), "echo out; echo err >&2", "exit 3")
    assert (well.code, well.out, well.err) == (0, "out\n", "err\n")
    assert failed.code == 3


def test_a_command_reads_no_input(home: Home) -> None:
    (answer,) = asked(home, Server(), "cat; echo end")
    assert answer.out == "end\n"


def test_one_that_hangs_is_unknown_after_its_time(home: Home) -> None:
    server = Server()
    (answer,) = asked(home, server, "sleep 20", within=0.5)
    assert answer.code is None
    assert answer.sent
    assert "0.5 s" in answer.why
    assert server.begun == 1


def test_a_connection_that_is_cut_is_unknown_and_nothing_is_repeated(home: Home, tmp_path: Path) -> None:
    server = Server(cut_at=(1,))
    (answer,) = asked(home, server, f"echo once >> {tmp_path}/done")
    assert answer.code is None
    assert answer.sent
    assert (server.begun, server.connections) == (1, 1)


def test_where_nobody_answers_nothing_was_sent(home: Home) -> None:
    declared = Declared("dc", "ssh://root@127.0.0.1:1", "r", "replica")
    answer = SshDoor(Inventory("dc", {"dc": declared})).run("dc", "true", 5)
    assert (answer.code, answer.sent) == (None, False)
    assert answer.why


def test_a_login_shell_that_runs_nothing_is_no_success(home: Home) -> None:
    (answer,) = asked(home, Server(answers=lambda _: "This account is closed.\n"), "true")
    assert answer.code is None
    assert "This account is closed." in answer.why


def calls(folder: str) -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                yield path.name, node.func.attr


def test_there_is_one_door_and_one_way_to_it() -> None:
    """Sessions are opened in door.py; a command of a step is sent by the engine, and those of the locks by lock.py."""
    found = [name for name, called in calls("apply") if called in ("create_process", "run_command", "create_session")]
    assert found == ["door.py"]
    assert {name for name, called in calls("apply") if called == "command"} == {"engine.py"}
    assert not [name for name, called in calls("remediate") if called in ("create_process", "run", "Popen")]


@pytest.mark.parametrize("package", ["checks", "evidence", "fixtures", "remediate", "reports", "verdict"])
def test_nobody_but_the_command_knows_it(package: str) -> None:
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.partition(".")[0] == "apply"], path
