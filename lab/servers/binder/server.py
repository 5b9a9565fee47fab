"""binder: the DNS server of a datacenter. It answers from ZooKeeper's registrations and, for its region, from its peers.

Its answers are recorded (binder.json) and explained in binder:lib/server.js. It never says NXDOMAIN for an unknown name (it says REFUSED,
so that a client asks its next server), knows only A, SRV and PTR, and never sets RA.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.renderer
import dns.rrset

from lab.machine import kinds
from lab.servers.binder.recursion import Recursion, Resolvers
from lab.servers.binder.registry import Registry, Tree
from lab.servers.binder.reply import Reply, service_members
from lab.servers.streams import Misbehaving, StreamServer

PORT = 53
CONFIG = "opt/smartdc/binder/etc/config.json"
TCP_IDLE_SECONDS = 30.0
SRV_NAME = re.compile(r"(_[^_.]*)\.(_[^_.]*)\.(.+)")


class Binder(Misbehaving):
    """One binder. It reads its rendered configuration at start, so a later change needs a restart (hazard 7).

    `resolvers` replaces the look-up of other datacenters' binders in the local UFDS, for tests without one.
    """

    def __init__(self, place: kinds.Place, registry: Registry, *, resolvers: Resolvers | None = None) -> None:
        super().__init__()
        self._place = place
        self._registry = registry
        self._resolvers = resolvers
        self._domain = ""
        self._tree: Tree | None = None
        self._tree_version = -1
        self._streams = StreamServer(self._serve_tcp)
        self._udp: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.recursion: Recursion | None = None

    @property
    def running(self) -> bool:
        return self._udp is not None

    async def start(self) -> None:
        config = json.loads((self._place.root / CONFIG).read_text(encoding="utf-8"))
        self._domain = str(config["dnsDomain"])
        self.tree()
        if "recursion" in config:
            self.recursion = Recursion(self._place, config["recursion"], self.address_of_ufds, self._resolvers)
            self.recursion.start()
        udp = self._place.listen(PORT, kind=socket.SOCK_DGRAM)
        await self._streams.listen(self._place.listen(PORT))
        udp.setblocking(False)
        self._udp = udp
        asyncio.get_running_loop().add_reader(udp, self._received, udp)

    async def stop(self) -> None:
        if self._udp is not None:
            asyncio.get_running_loop().remove_reader(self._udp)
            self._udp.close()
            self._udp = None
        if self.recursion is not None:
            await self.recursion.stop()
        await self._streams.stop()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # ---- ZooKeeper's cache

    def tree(self) -> Tree | None:
        """The tree; None until ZooKeeper has been read once. If ZooKeeper is lost later, what was seen last."""
        if self._tree_version != self._registry.version and (self._registry.online or self._tree is not None):
            self._tree = Tree(self._registry.view(), self._domain)
            self._tree_version = self._registry.version
        return self._tree

    def address_of_ufds(self, name: str) -> str | None:
        """binder looks up its own UFDS in the cache, because it is the DNS itself (binder:lib/recursion.js resolveUfds)."""
        tree = self.tree()
        node = tree.nodes.get(name) if tree else None
        if node is None or node.record is None or node.record.get("type") != "service" or not node.children:
            return None
        host = node.children[0].host
        return str(host["address"]) if host else None

    # ---- answering

    async def answer(self, wire: bytes, limit: int | None = None) -> bytes | None:
        """The answer to a message; None if the message is not a query."""
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return None
        if query.flags & dns.flags.QR or query.opcode() != dns.opcode.QUERY or len(query.question) != 1:
            return None
        await self.unfrozen()
        if self.misbehaviour == "slow":
            await asyncio.sleep(self.slow_seconds)
        answer = (await self.reply(query)).to_wire(limit)
        await self.unfrozen()
        if self.misbehaviour == "garbage":
            return answer[:2] + b"\xff" * 20
        return answer[: len(answer) // 2] if self.misbehaviour == "cut" else answer

    async def reply(self, query: dns.message.Message) -> Reply:
        reply = Reply(query)
        name = query.question[0].name.to_text(omit_final_dot=True)
        match query.question[0].rdtype:
            case dns.rdatatype.A | dns.rdatatype.SRV:
                known = self._forward(reply, name, query.question[0].rdtype == dns.rdatatype.SRV)
            case dns.rdatatype.PTR:
                known = self._reverse(reply, name)
            case _:
                reply.say(dns.rcode.NOTIMP)
                known = True
        if not known and self.recursion is not None and query.flags & dns.flags.RD:
            for ttl, value in await self.recursion.answers(query.question[0]):
                reply.add(name, ttl, dns.rdatatype.to_text(query.question[0].rdtype), value)
        return reply

    def _reverse(self, reply: Reply, name: str) -> bool:
        parts = name.split(".")[::-1]
        if parts[:2] != ["arpa", "in-addr"]:
            return True
        tree = self.tree()
        if tree is None:
            reply.say(dns.rcode.SERVFAIL)
            return True
        node = tree.by_address.get(".".join(parts[2:]))
        if node is not None:
            reply.add(name, node.ttl(), "PTR", node.name + ".")
        return node is not None

    def _forward(self, reply: Reply, asked: str, srv: bool) -> bool:
        """Fill in A or SRV. Returns False if the name is not registered here and another datacenter may know it."""
        match = SRV_NAME.fullmatch(asked) if srv else None
        if srv and match is None:
            return True
        name = match.group(3) if match else asked
        if not name.endswith("." + self._domain) or name.removesuffix("." + self._domain).endswith(self._domain):
            return True  # another domain, or the own domain twice, as resolv.conf's search makes it: REFUSED
        tree = self.tree()
        if tree is None:
            reply.say(dns.rcode.SERVFAIL)
            return True
        name = name.lower()
        if re.search(r"[^a-z0-9_.-]", name):
            return True
        node = tree.nodes.get(name)
        if node is None:
            return False
        if node.record is None or not isinstance(node.record.get(node.record.get("type", "")), Mapping):
            reply.say(dns.rcode.SERVFAIL)
        elif match is not None and node.record["type"] != "service":
            reply.has_no_such(name, self._domain, node.ttl())
        elif node.record["type"] == "service":
            service_members(reply, node, asked, (match.group(1), match.group(2)) if match else None)
        elif node.record["type"] == "database":
            reply.add(name, node.ttl(), "A", str(urlsplit(node.record["database"]["primary"]).hostname))
        elif node.host is not None:
            reply.add(name, node.ttl(), "A", node.host["address"])
        else:
            reply.say(dns.rcode.NOTIMP)
        return True

    # ---- transports

    async def _serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                async with asyncio.timeout(TCP_IDLE_SECONDS):
                    wire = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
                answer = await self.answer(wire, 65535)
                if answer is None:
                    return
                writer.write(len(answer).to_bytes(2, "big") + answer)
                await writer.drain()
        except TimeoutError:
            return

    def _received(self, udp: socket.socket) -> None:
        """All that has come: asyncio's own endpoint takes one datagram a turn, which is slow where much else goes on."""
        with contextlib.suppress(OSError):
            while True:
                task = asyncio.get_running_loop().create_task(self._answer_udp(*udp.recvfrom(65536)))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _answer_udp(self, wire: bytes, peer: tuple[str, int]) -> None:
        answer = await self.answer(wire)
        if answer is not None and self._udp is not None:
            with contextlib.suppress(OSError):  # a full buffer, or nobody there: a datagram may be lost
                self._udp.sendto(answer, peer)
