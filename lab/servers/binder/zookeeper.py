"""ZooKeeper as binder sees it: an ensemble that serves while most of its members run."""

from __future__ import annotations

from lab.servers.binder.registry import Registry


class Ensemble:
    """The members that serve one datacenter's registry."""

    def __init__(self, registry: Registry, size: int) -> None:
        self._registry, self._size = registry, size
        self._running: set[str] = set()

    def member(self, name: str) -> Member:
        return Member(self, name)

    def joined(self, name: str) -> None:
        self._running.add(name)
        self._count()

    def left(self, name: str) -> None:
        self._running.discard(name)
        self._count()

    def _count(self) -> None:
        self._registry.online = 2 * len(self._running) > self._size


class Member:
    """The ZooKeeper of one binder zone."""

    def __init__(self, ensemble: Ensemble, name: str) -> None:
        self._ensemble, self._name = ensemble, name

    async def start(self) -> None:
        self._ensemble.joined(self._name)

    async def stop(self) -> None:
        self._ensemble.left(self._name)
