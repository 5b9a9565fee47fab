"""`python -m lab.ufds.conformance FOLDER`: serves the recordings' data on loopback and replays what was recorded.

FOLDER holds data/master.ldif, data/replica.ldif, data/hidden.json, ufds.json and replication.json (see the README beside them). Prints each
difference, and how many exchanges and scenarios agree. Exits with 0 if all do.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import pathlib
import socket
import ssl
import sys
import tempfile
import threading
from collections.abc import Iterator

from lab.machine import kinds, tls
from lab.ufds import ldif
from lab.ufds.directory import Directory
from lab.ufds.replay import Replay
from lab.ufds.scenarios import play
from lab.ufds.server import Server
from lab.ufds.service import Service

DATACENTERS = {"master": "my-dc-1", "replica": "my-dc-2"}


def recorded_directory(folder: pathlib.Path, name: str) -> Directory:
    """The content of one of the two recorded UFDS ("master" or "replica") before the first request."""
    data = folder / "data"
    hidden = json.loads((data / "hidden.json").read_text("utf-8"))
    text = (data / f"{name}.ldif").read_text("utf-8")
    latest = hidden[name]["latestchangenumber"]
    return ldif.load(
        text, hidden[name]["entries"], is_master=name == "master", datacenter=DATACENTERS[name], latest=latest
    )


@contextlib.contextmanager
def own_certificate() -> Iterator[ssl.SSLContext]:
    """A server's TLS context with a certificate made for this run."""
    with tempfile.TemporaryDirectory() as folder:
        yield tls.server_context(*tls.make_certificate(pathlib.Path(folder)))


@contextlib.contextmanager
def serving(directories: dict[str, Directory]) -> Iterator[dict[str, tuple[str, int]]]:
    """Serve directories on free ports of loopback, in a separate thread; yields where."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="lab-ufds", daemon=True)
    thread.start()
    servers: list[Server] = []
    try:
        with own_certificate() as context:
            addresses = {}
            for name, directory in directories.items():
                sock = kinds.listening_socket("127.0.0.1", 0, socket.SOCK_STREAM)
                addresses[name] = sock.getsockname()
                server = Server(Service(directory), context)
                asyncio.run_coroutine_threadsafe(server.start(sock), loop).result()
                servers.append(server)
            yield addresses
    finally:
        for server in servers:
            asyncio.run_coroutine_threadsafe(server.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def run(folder: pathlib.Path, *, verbose: bool = True) -> tuple[int, int]:
    """Replay ufds.json with its bulk section; returns (exchanges that agree, exchanges)."""
    document = json.loads((folder / "ufds.json").read_text("utf-8"))
    directories = {name: recorded_directory(folder, name) for name in ("master", "replica")}
    agree = total = 0
    with serving(directories) as addresses:
        replay = Replay(addresses)
        try:
            for exchanges, generator in (
                (document["requests"], None),
                (document["bulk"]["requests"], document["bulk"]["generator"]),
            ):
                if generator is not None:
                    replay.add_bulk(generator)
                for exchange in exchanges:
                    differences = replay.differences(exchange)
                    total += 1
                    agree += not differences
                    for difference in differences if verbose else ():
                        print(f"ufds {exchange['id']}: {difference}")
        finally:
            replay.close()
    return agree, total


def run_scenarios(folder: pathlib.Path, *, pace: float = 0.25, verbose: bool = True) -> tuple[int, int]:
    """Play replication.json's scenarios, all at once; returns (scenarios that agree, scenarios)."""
    recorded = json.loads((folder / "replication.json").read_text("utf-8"))["scenarios"]

    async def all_at_once() -> list[list[str]]:
        return await asyncio.gather(
            *(
                play(each, {name: recorded_directory(folder, name) for name in ("master", "replica")}, pace)
                for each in recorded
            )
        )

    results = asyncio.run(all_at_once())
    for each, differences in zip(recorded, results, strict=True):
        for difference in differences if verbose else ():
            print(f"replication {each['id']}: {difference}")
    return sum(not differences for differences in results), len(results)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.ufds.conformance", description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--pace", type=float, default=0.25, help="factor of the scenarios' seconds (1: as recorded)")
    given = parser.parse_args()
    agree, total = run(given.folder)
    print(f"ufds: {agree} of {total} exchanges agree")
    alike, scenarios = run_scenarios(given.folder, pace=given.pace)
    print(f"replication: {alike} of {scenarios} scenarios agree")
    return 0 if (agree, alike) == (total, scenarios) else 1


if __name__ == "__main__":
    sys.exit(main())
