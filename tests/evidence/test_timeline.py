"""The recorder behind --timeline: the chain of waits of known tasks is exactly the known one, and without a recorder nothing is noted."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from evidence.collect.causes import timed
from evidence.collect.sessions import Sessions
from evidence.timeline import (
    BETWEEN,
    NOBODY,
    OURS,
    OUTSIDE,
    PAUSE,
    RECORDER,
    THREAD,
    ChainLink,
    Recorder,
    TaskStep,
    Topic,
    asking,
    joined,
    way_back,
)


def chain_of(work: Callable[[], Coroutine[Any, Any, None]]) -> list[ChainLink]:
    """The chain of one piece of work."""
    recorder = Recorder(0.0)
    token = RECORDER.set(recorder)
    try:
        asyncio.run(timed(work()))
    finally:
        RECORDER.reset(token)
    (chain,) = recorder.chains
    assert [one.end for one in chain[:-1]] == [one.begin for one in chain[1:]], "it has no gaps"
    assert all(one.seconds >= 0 for one in chain)
    assert all(sum(one.parts.values()) == pytest.approx(one.seconds, abs=1e-6) for one in chain)
    return chain


def questions(chain: list[ChainLink]) -> list[str]:
    """What the chain goes through, one after the other."""
    found: list[str] = []
    for link in chain:
        if link.question.asked and link.question != NOBODY and found[-1:] != [link.question.asked]:
            found.append(link.question.asked)
    return found


def test_the_chain_goes_through_what_was_waited_for() -> None:
    """b waits until a is known; c, d and e end earlier, and nobody waits for them but the end."""
    known, seen = asyncio.Event(), asyncio.Event()

    async def a() -> None:
        with asking("one", "a"):
            await seen.wait()
            await asyncio.sleep(0.02)
        known.set()

    async def b() -> None:
        await known.wait()
        with asking("two", "b"):
            await asyncio.sleep(0.02)

    async def c() -> None:
        with asking("two", "c"):
            await asyncio.sleep(0.001)
        seen.set()

    async def d() -> None:
        with asking("three", "d"):
            await asyncio.sleep(0)

    async def e() -> None:
        with asking("three", "e"):
            await known.wait()

    async def work() -> None:
        await asyncio.gather(b(), d(), e(), a(), c())

    chain = chain_of(work)
    assert questions(chain) == ["c", "a", "b"]
    assert [{*one.parts} for one in chain if one.question.asked == "b"] == [{OURS, PAUSE}]


def test_a_session_that_was_not_free_is_a_wait_for_the_one_that_had_it() -> None:
    sessions = Sessions(most=1)

    async def begin() -> None:
        return

    async def ask(what: str) -> None:
        with asking("one", what):
            await sessions.open(begin)
            await asyncio.sleep(0.005)
            await sessions.close()

    async def work() -> None:
        await asyncio.gather(*map(ask, ("a", "b", "c")))

    chain = chain_of(work)
    assert questions(chain) == ["a", "b", "c"]
    assert {one.after for one in chain if one.question.asked in "bc" and one.after} == {"Sessions._turn"}


def test_what_a_thread_answers_is_a_wait_and_so_is_the_turn_of_the_thread() -> None:
    opened = threading.Event()

    async def work() -> None:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as pool:

            async def ask(what: str, answer: Callable[[], object]) -> None:
                with asking("one", what):
                    await loop.run_in_executor(pool, answer)

            first = asyncio.ensure_future(ask("a", lambda: opened.wait(30)))
            second = asyncio.ensure_future(ask("b", int))
            await asyncio.sleep(0.02)  # both are in the queue
            opened.set()
            await second
            await first

    (last,) = [one for one in chain_of(work) if one.question.asked == "b"]
    assert THREAD in last.parts
    assert last.queued > 0


def test_an_answer_from_outside_is_not_followed_to_where_it_came_from() -> None:
    """A server in the same loop is begun by the network, and not by a task of ours."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with asking("the other side", "served"):
            writer.write(await reader.readline())
            await writer.drain()
            writer.close()

    async def work() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            with asking("one", "a"):
                reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
                writer.write(b"hello\n")
                assert await reader.readline() == b"hello\n"
                writer.close()

    chain = chain_of(work)
    assert questions(chain) == ["a"]
    assert any(OUTSIDE in one.parts for one in chain)


def test_what_is_done_between_questions_counts_for_the_one_that_waits_in_the_same_datacenter() -> None:
    asked, between = Topic("one.ufds0", "a"), Topic("one", BETWEEN)
    root = TaskStep(begin=0, end=1, question=between)
    talk = TaskStep(begin=3, end=4, question=between, before=root)
    waiting = TaskStep(begin=0.5, end=0.6, question=asked, cause=root)
    last = TaskStep(begin=4.25, end=5, question=asked, before=waiting, cause=talk)
    (whole,) = way_back(last)[-1:]
    assert whole.question == asked
    assert [one.question for one in way_back(last)] == [asked] * len(way_back(last))
    last.question = waiting.question = Topic("two.ufds0", "b")
    assert [one.question.subject for one in way_back(last)] == ["one", "two.ufds0"]


def test_neighbours_about_one_question_are_one_link() -> None:
    asked = Topic("one", "a")
    other = Topic("one", "b")
    links = [
        ChainLink(asked, 0, 1, {OURS: 1}, after="h"),
        ChainLink(asked, 1, 3, {OUTSIDE: 2}, "f"),
        ChainLink(asked, 3, 4, {OUTSIDE: 1}, "g", "i", queued=0.5),
        ChainLink(other, 4, 5, {OURS: 1}, after="j"),
    ]
    assert joined(links) == [
        ChainLink(asked, 0, 4, {OURS: 1, OUTSIDE: 3}, "f", "h", queued=0.5),
        ChainLink(other, 4, 5, {OURS: 1}, after="j"),
    ]


def test_without_a_recorder_nothing_is_noted() -> None:
    async def work() -> dict[str, object]:
        with asking("one", "a"):
            return {**vars(asyncio.get_running_loop())}

    made = work()
    assert timed(made) is made
    patched = {"call_soon", "call_at", "call_soon_threadsafe", "run_in_executor"}
    assert not patched & asyncio.run(made).keys()
    assert asking("one", "a") is asking("two", "b")


def test_the_loop_is_as_it_was_when_the_work_is_done_or_failed() -> None:
    recorder = Recorder(0.0)

    async def fails() -> None:
        assert "call_soon" in vars(asyncio.get_running_loop())
        raise KeyError

    async def work() -> None:
        with pytest.raises(KeyError):
            await timed(fails())
        assert "call_soon" not in vars(asyncio.get_running_loop())

    token = RECORDER.set(recorder)
    try:
        asyncio.run(work())
    finally:
        RECORDER.reset(token)
    assert len(recorder.chains) == 1
