"""What is asked of a datacenter's services, through the head node: SAPI, NAPI, UFDS, binder, and the health URLs."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from evidence.collect import ldap, parse, web
from evidence.collect.ssh import LARGEST_TUNNELLED, ClosedError, HeadNode, UnansweredError
from evidence.inventory import Timeouts
from evidence.model import Account, Attempt, DnsAnswer, HttpAnswer, SapiObject, Vm
from evidence.redact import Vault, cut

T = TypeVar("T")
SAPI_VERSION: Final = {"Accept-Version": "~2"}
"""Without it SAPI answers as ~1, which hides agent services: facts, "How a real SAPI answers"."""
LARGEST_LDAP: Final = 1 << 20
"""Of what a UFDS may send: a few accounts; ldap3 takes the square of the time for a message that does not end."""
SLOWEST_BINDER: Final = 5.0
"""A binder that cannot reach another answers REFUSED after 3 s: facts, "How a real binder answers"."""
PING_FIELDS = ("code", "message", "mode", "ping", "services", "storAvailable", "storType")
SECRETS = ("ufds_ldap_root_pw", "ufds_remote_ldap_root_pw")
SETTINGS = (
    "admin_netmask", "admin_network", "binder_admin_ips", "cloudapi_domain", "datacenter_name", "dns_domain",
    "moray_domain", "region_name", "sapi-url", "sapi_domain", "ufds_admin_uuid", "ufds_domain", "ufds_is_master",
    "ufds_ldap_root_dn", "ufds_remote_ip",
)  # fmt: skip
"""What is kept of /usbkey/config and of the metadata of SAPI's application sdc."""
SERVICE_SETTINGS = (
    "CLOUDAPI_DATACENTERS", "CLOUDAPI_READONLY", "DC_MAINT_MESSAGE", "MASTER_MORAY_IP", "MASTER_MORAY_PORT",
    "SERVICE_DOMAIN", "SERVICE_NAME", "datacenter_name", "dns_domain", "region_name", "ufds_domain",
)  # fmt: skip
"""What is kept of a service's metadata; the last four hide those of the application where somebody set them."""


@dataclass(frozen=True)
class Root:
    """Who asks a UFDS.  The password shows in no representation."""

    dn: str
    password: str

    def __repr__(self) -> str:
        return f"Root({self.dn!r})"


class Services:
    """The services of one datacenter, as reached from its head node."""

    def __init__(self, head: HeadNode, timeouts: Timeouts, threads: Executor, vault: Vault) -> None:
        self._head, self._timeouts, self._threads, self._vault = head, timeouts, threads, vault

    async def _through(self, host: str, port: int, work: Callable[[int], T], most: int = LARGEST_TUNNELLED) -> T:
        """Runs blocking work with the port of a tunnel, for at most the time of one command.

        At its end the tunnel is closed, and with it whatever the thread still waits for.
        """
        loop = asyncio.get_running_loop()
        async with self._head.tunnel(host, port, most) as tunnel:
            async with asyncio.timeout(self._timeouts.command):
                result = await loop.run_in_executor(self._threads, functools.partial(work, tunnel.port))
            if tunnel.failure is not None:
                raise tunnel.failure
            return result

    async def _get(self, scheme: str, host: str, port: int, path: str, headers: Mapping[str, str]) -> web.Page:
        """A whole answer, or its error: one that could not be asked for, or does not come, is an answer too."""
        limit = self._timeouts.command

        def work(local: int) -> web.Page:
            return web.get(f"{scheme}://127.0.0.1:{local}{path}", host, headers, limit)

        try:
            return await self._through(host, port, work)
        except ClosedError as error:
            return web.Page(0, "", 0, str(error))
        except TimeoutError:
            return web.Page(0, "", round(limit * 1000), f"no answer within {limit:g} s")

    async def read(self, host: str, path: str, name: str) -> str:
        """The body of a GET that has to answer 200.  Raises UnansweredError."""
        page = await self._get("http", host, 80, path, SAPI_VERSION if name == "SAPI" else {})
        if page.error:
            raise UnansweredError(f"{name} at {host}: {page.error}")
        if page.status != 200:
            raise UnansweredError(f"{name} at {host} answered HTTP {page.status}")
        return page.text

    async def ping(self, scheme: str, host: str, port: int, path: str) -> HttpAnswer:
        """A health URL.  Of the answer's JSON a few fields are kept."""
        page = await self._get(scheme, host, port, path, {})
        error, body = page.error, {}
        if not error:
            try:
                read = parse.json_object(page.text)
                body = {key: self._vault.scrub_value(read[key]) for key in PING_FIELDS if key in read}
            except parse.UnreadableError as unreadable:
                error = str(unreadable)
        return HttpAnswer(page.status, body, error, page.ms)

    async def poseidons(self, host: str, root: Root) -> ldap.Reply:
        """Root bind, and the accounts with login poseidon."""
        limit = self._timeouts.command

        def work(local: int) -> ldap.Reply:
            return ldap.find_login(ldap.Login(local, root.dn, root.password), "poseidon", limit)

        try:
            return await self._through(host, 636, work, LARGEST_LDAP)
        except ClosedError as error:
            return ldap.Reply(False, str(error))
        except TimeoutError:
            return ldap.Reply(False, f"no answer within {limit:g} s")

    async def names(self, host: str, names: list[str]) -> dict[str, DnsAnswer]:
        """What a binder answers: A records, asked over TCP with recursion desired."""
        answers = await asyncio.gather(*(self._name(host, name) for name in names))
        return dict(zip(names, answers, strict=True))

    async def _name(self, host: str, name: str) -> DnsAnswer:
        try:
            query = dns.message.make_query(name, dns.rdatatype.A, use_edns=False)
        except (dns.exception.DNSException, ValueError, UnicodeError):
            raise UnansweredError(f"{cut(name)!r} is not a DNS name") from None
        query.flags |= dns.flags.RD
        started = time.monotonic()
        limit = min(self._timeouts.command, max(SLOWEST_BINDER, self._timeouts.connect))
        try:
            async with asyncio.timeout(limit):
                wire = await self._exchange(host, query.to_wire())
        except TimeoutError:
            return DnsAnswer("TIMEOUT", (), round(limit * 1000))
        except ClosedError as error:
            return DnsAnswer("UNREACHABLE", (), 0, str(error))
        except (asyncio.IncompleteReadError, OSError):
            return DnsAnswer("UNREACHABLE", (), 0, "the connection was closed without an answer")
        ms = round((time.monotonic() - started) * 1000)
        try:
            answer = dns.message.from_wire(wire)
            if not query.is_response(answer):
                raise UnansweredError("binder's answer is to another question")
            found = [item.address for rrset in answer.answer if rrset.rdtype == dns.rdatatype.A for item in rrset]
        except (dns.exception.DNSException, ValueError, IndexError):
            raise UnansweredError("binder's answer is not a DNS message") from None
        return DnsAnswer(dns.rcode.to_text(answer.rcode()), tuple(sorted(found)[:100]), ms)

    async def _exchange(self, host: str, query: bytes) -> bytes:
        reader, writer = await self._head.connect(host, 53)
        try:
            writer.write(len(query).to_bytes(2, "big") + query)
            size = int.from_bytes(await reader.readexactly(2), "big")
            return await reader.readexactly(size)
        finally:
            writer.close()


def address(vm: Vm) -> str:
    """A zone's admin address.  Raises UnansweredError if there is none, or the zone does not run."""
    if vm.state != "running":
        raise UnansweredError(f"zone {vm.alias} is {cut(vm.state)}")
    found = vm.address("admin")
    if not found or "/" in found or found == "dhcp":
        raise UnansweredError(f"zone {vm.alias} has no address on a NIC tagged admin")
    return found


def sapi_objects(text: str, vault: Vault, *, application: bool) -> dict[str, SapiObject]:
    """SAPI's applications or services by name, with their whitelisted metadata."""
    found: dict[str, SapiObject] = {}
    for item in parse.json_list(text, "SAPI's answer"):
        read = parse.an_object(item, "an object of SAPI")
        metadata: dict[str, Any] = parse.an_object(read.get("metadata") or {}, "the metadata of an object of SAPI")
        vault.learn_all(metadata)
        name = parse.text_of(read, "name", "an object of SAPI")
        if name in found:
            raise parse.UnreadableError(f"SAPI lists {cut(name)!r} more than once")
        found[name] = SapiObject(
            uuid=parse.text_of(read, "uuid", "an object of SAPI"),
            name=name,
            metadata=vault.configuration(metadata, SETTINGS if application else SERVICE_SETTINGS, SECRETS),
            owner_uuid=parse.text_of(read, "owner_uuid", "an object of SAPI", ""),
            type=parse.text_of(read, "type", "an object of SAPI", ""),
        )
    return dict(sorted(found.items()))


def root_of(*sources: Mapping[str, Any]) -> Root | None:
    """UFDS's root as the first of the sources names him that does."""
    for source in sources:
        dn, password = source.get("ufds_ldap_root_dn"), source.get("ufds_ldap_root_pw")
        if isinstance(dn, str) and isinstance(password, str) and dn and password:
            return Root(dn, password)
    return None


def attempt(reply: ldap.Reply) -> Attempt:
    return Attempt(reply.bound, "" if reply.bound else reply.detail)


def accounts(reply: ldap.Reply) -> tuple[Account, ...]:
    """The accounts of a reply.  Raises UnansweredError if there was no search."""
    if not reply.bound:
        raise UnansweredError(f"the root bind failed: {reply.detail}")
    if reply.why:
        raise UnansweredError(reply.why)
    found = [
        Account(cut("".join(entry.get("uuid", ())[:1])), cut("".join(entry.get("login", ())[:1])))
        for entry in reply.entries
    ]
    return tuple(sorted(found, key=lambda account: (account.login, account.uuid)))
