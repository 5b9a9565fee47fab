"""An HTTP answer that is cut in the middle is not an answer."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from evidence.collect import web
from evidence.collect.fetching import RawAnswer

WHOLE = {
    "counted": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
    "until the end": b"HTTP/1.0 503 Unavailable\r\nConnection: close\r\n\r\n{}",
    "no body": b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n",
    "trailers": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: y\r\n\r\n",
}


@contextlib.contextmanager
def server(answer: bytes) -> Iterator[int]:
    """Sends these bytes to whoever asks, and closes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with contextlib.suppress(OSError), listening.accept()[0] as far:
                far.recv(65536)
                far.sendall(answer)
                far.shutdown(socket.SHUT_WR)
                far.recv(65536)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(5)


def page(answer: bytes) -> RawAnswer:
    with server(answer) as port:
        return web.get(f"http://127.0.0.1:{port}/ping", "10.1.1.1", {}, 5)


@pytest.mark.parametrize("kind", WHOLE)
def test_a_whole_answer_is_taken(kind: str) -> None:
    found = page(WHOLE[kind])
    assert (found.error, found.status) == ("", int(WHOLE[kind].split()[1]))
    assert found.text == ("" if kind == "no body" else "{}")


@pytest.mark.parametrize("kind", WHOLE)
def test_an_answer_that_is_cut_anywhere_is_none(kind: str) -> None:
    """It is cut at each byte. If nothing gives the length of the body, its end is that of the connection."""
    whole = WHOLE[kind]
    end = whole.index(b"\r\n\r\n") + 4 if kind == "until the end" else len(whole)
    for length in range(end):
        found = page(whole[:length])
        assert (found.status, found.text) == (0, ""), whole[:length]
        assert found.error, whole[:length]
