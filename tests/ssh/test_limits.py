"""Servers that allow few sessions at once, or none, and connections that break in mid-run."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from evidence.collect.ssh import HeadNode
from evidence.collect.unanswered import UnansweredError
from evidence.headnode import CUT, SESSIONS
from evidence.inventory.model import Timeouts
from tests.ssh.servers import Home, Server
from tests.ssh.test_noise import PATIENCE, logged_in
from tests.ssh.test_noise import home as home

MANY = 40


async def ask_much(head: HeadNode) -> list[str]:
    outputs = await asyncio.gather(*(head.run(f"echo {number}") for number in range(MANY)), return_exceptions=True)
    assert head.troubles == ()
    return [output.text.strip() if not isinstance(output, BaseException) else repr(output) for output in outputs]


@pytest.mark.parametrize("most", [1, 2, 4, 10])
def test_nothing_is_lost_where_few_sessions_are_let(home: Home, most: int) -> None:
    server = Server(max_sessions=most)
    assert logged_in(home, server, ask_much) == [str(number) for number in range(MANY)]
    assert server.most == min(most, 8)


def test_a_server_that_lets_no_session_is_one_trouble(home: Home) -> None:
    async def ask(head: HeadNode) -> HeadNode:
        for done in await asyncio.gather(*(head.run("true") for _ in range(MANY)), return_exceptions=True):
            assert isinstance(done, UnansweredError)
            assert str(done).startswith("the head node refused a session")
        return head

    (trouble,) = logged_in(home, Server(max_sessions=0), ask).troubles
    assert trouble.kind == SESSIONS


@pytest.mark.parametrize("cut_at", [(1,), (5,), (MANY - 1,)])
def test_what_was_under_way_when_a_connection_was_cut_is_asked_again(home: Home, cut_at: tuple[int, ...]) -> None:
    server = Server(cut_at=cut_at)
    assert logged_in(home, server, ask_much) == [str(number) for number in range(MANY)]
    assert server.connections == 2


def test_one_cut_where_few_sessions_are_let(home: Home) -> None:
    server = Server(max_sessions=2, cut_at=(7,))
    assert logged_in(home, server, ask_much) == [str(number) for number in range(MANY)]


def test_what_stays_broken_is_one_trouble(home: Home) -> None:
    async def ask(head: HeadNode) -> HeadNode:
        assert (await head.run("echo here")).text == "here\n"
        for _ in range(3):
            try:
                assert (await head.run("true")).why.startswith("lost its connection")
            except UnansweredError as error:
                assert str(error) == "the connection to the head node was cut before this was answered"
        return head

    server = Server(cut_at=tuple(range(2, 100)))
    (trouble,) = logged_in(home, server, ask).troubles
    assert (trouble.kind, trouble.answers) == (CUT, 1)
    assert server.connections == 2, "it is made once more, and not over and over"


def test_a_cut_at_the_end_costs_nothing_and_is_not_told(home: Home) -> None:
    server = Server()

    async def ask(head: HeadNode) -> tuple[object, ...]:
        assert (await head.run("echo here")).text == "here\n"
        head._line.connection.abort()
        await head._line.connection.wait_closed()
        return head.troubles

    assert logged_in(home, server, ask) == ()


def test_a_head_node_that_is_gone_for_good(home: Home, tmp_path: Path) -> None:
    """The second login fails. The trouble is the cut, and every further question gets its sentence at once."""
    server = Server(cut_at=(1,))

    async def ask(head: HeadNode) -> HeadNode:
        (home.ssh / "known_hosts").write_text("")
        output = await head.run("true")
        assert output.why
        with pytest.raises(UnansweredError, match="was cut before this was answered"):
            await head.run("true")
        with pytest.raises(UnansweredError, match="was cut before this was answered"):
            await head.connect("127.0.0.1", 9)
        return head

    (trouble,) = logged_in(home, server, ask, Timeouts(connect=5, command=5, run=60)).troubles
    assert trouble.kind == CUT
    assert PATIENCE.command > 5
