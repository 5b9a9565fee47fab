"""A datacenter names the public URL of its cloudapi. It must not choose what the operator's machine asks."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from evidence.collect import cloudapi, outward
from evidence.collect.unanswered import UnansweredError
from evidence.inventory.model import Declared, Endpoint
from evidence.redact import Vault

VAULT = Vault(b"k" * 32)
OWN = frozenset({"10.3.1.35", "10.3.2.35", "127.0.0.1", "169.254.169.254"})
"""What its NICs are said to be: also lies."""
FORBIDDEN = [
    "127.0.0.1", "127.9.9.9", "169.254.169.254", "0.0.0.0", "224.0.0.1", "255.255.255.255", "10.2.1.29", "192.168.0.1", "172.16.0.1",
    "100.64.0.1", "::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::",
]  # fmt: skip


@pytest.mark.parametrize("address", FORBIDDEN)
def test_what_only_this_machine_reaches_is_not_asked(address: str) -> None:
    with pytest.raises(UnansweredError, match="is not asked"):
        outward.permitted("evil.example.com", 443, [address], OWN, ())
    with pytest.raises(UnansweredError, match="is not asked"):
        outward.permitted("evil.example.com", 443, ["1.1.1.1", address], OWN, ())


def test_what_is_asked() -> None:
    assert outward.permitted("a.example.com", 8443, ["1.1.1.1"], (), ()) == "1.1.1.1"
    assert outward.permitted("a.example.com", 443, ["10.3.2.35"], OWN, ()) == "10.3.2.35"
    with pytest.raises(UnansweredError):
        outward.permitted("a.example.com", 22, ["10.3.2.35"], OWN, ())
    known = outward.named(Declared("a", "root@192.168.0.1", "r", "master", ufds_address="10.9.9.9"))
    assert outward.permitted("192.168.0.1", 443, ["192.168.0.1"], (), known) == "192.168.0.1"
    assert outward.permitted("x", 443, ["10.9.9.9"], (), known) == "10.9.9.9"
    endpoints = {"cloudapi": Endpoint("cloudapi.a.example.com", 443)}
    named = outward.named(Declared("a", "", "r", "master", endpoints=endpoints))
    assert outward.permitted("cloudapi.a.example.com", 443, ["10.8.8.8"], (), named) == "10.8.8.8"


def test_nothing_connects_to_this_machine_whatever_the_url_is() -> None:
    """A server that stands there sees nobody, by its name or by its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        came: list[object] = []
        thread = threading.Thread(target=lambda: came.append(server.accept()), daemon=True)
        thread.start()
        port = server.getsockname()[1]
        for host in ("127.0.0.1", "localhost", "127.1"):
            with pytest.raises(UnansweredError, match="is not asked"):
                asyncio.run(cloudapi.outside(f"https://{host}:{port}", 5, VAULT, OWN))
        assert came == []
        socket.create_connection(("127.0.0.1", port)).close()
        thread.join(30)
    assert len(came) == 1, "otherwise it would have seen nobody anyway"
