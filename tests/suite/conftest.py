"""The fixtures for the tests of whole runs."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from evidence.store import save
from tests.recording import recorded


@pytest.fixture(scope="session")
def dark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Evidence of three datacenters, one of which has no sshd."""
    path = tmp_path_factory.mktemp("dark") / "evidence.json"
    save(recorded("headnode-refuses-at-my-dc-3"), path)
    return path


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A port of this machine that notices any connection, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        yield server
