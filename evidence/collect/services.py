"""Asks a datacenter's services through the head node: SAPI, NAPI, UFDS, binder, and the health URLs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Final

from evidence.collect import ldap, parse
from evidence.collect.fetching import RawAnswer, fetch
from evidence.collect.talks import Talks
from evidence.collect.through import Through
from evidence.collect.tunnel import Reach
from evidence.collect.unanswered import ClosedError, UnansweredError
from evidence.inventory.model import Timeouts
from evidence.model import HttpAnswer, MantaService, SapiObject, Vm
from evidence.redact import Vault, cut

SAPI_VERSION: Final = {"Accept-Version": "~2"}
"""Without it SAPI answers as ~1, which hides agent services: facts, "How a real SAPI answers"."""
LARGEST_LDAP: Final = 1 << 20
"""The most bytes that a UFDS may send: a few accounts. ldap3 needs quadratic time for a message that does not end."""
PING_FIELDS = ("message", "mode", "services", "storAvailable")
PATIENCE_WITH_MASTER: Final = 5.0
NO_SERVICE: Final = "/services?name=az-checks-asks-for-no-service&include_master=true"
"""A service that does not exist, so SAPI has no local file that could answer. Facts, "How a real SAPI answers"."""
SECRETS = ("ufds_ldap_root_pw", "ufds_remote_ldap_root_pw")
SETTINGS = (
    "SDC_KEY_ID", "SDC_PUBLIC_KEY", "admin_netmask", "admin_network", "binder_admin_ips", "cloudapi_domain", "datacenter_name",
    "dns_domain", "moray_domain", "region_name", "sapi_domain", "ufds_admin_key_fingerprint", "ufds_admin_uuid", "ufds_domain",
    "ufds_is_master", "ufds_ldap_root_dn", "ufds_remote_ip",
)  # fmt: skip
"""The settings that are kept of /usbkey/config."""
SAPI_SETTINGS = (
    "CLOUDAPI_DATACENTERS", "CLOUDAPI_READONLY", "DC_MAINT_MESSAGE", "MASTER_MORAY_IP", "MASTER_MORAY_PORT", *SETTINGS,
)  # fmt: skip
"""The settings that are kept of SAPI's metadata, at every level alike: else a value of one level would look as if only another had it."""
MANTA_SETTINGS = (
    "ADMIN_KEY_ID", "ADMIN_PUBLIC_KEY", "BUCKETS_API_MULTI_DC", "BUCKETS_MORAY_SHARDS", "DNS_DOMAIN", "DOMAIN_NAME",
    "HASH_RING_IMAGE", "HASH_RING_IMGAPI_SERVICE", "INDEX_MORAY_SHARDS", "MUSKIE_MULTI_DC", "POSEIDON_UUID", "REGION",
    "STORAGE_MORAY_SHARD",
)  # fmt: skip
"""The settings that are kept of the metadata of an application manta, which also holds keys and passwords."""
MANTA_INSTANCE_SETTINGS = ("DATACENTER", "SERVICE_NAME", *MANTA_SETTINGS)
"""The settings that are kept of its instances. The first two stand only there, the others only if somebody set them."""


@dataclass(frozen=True)
class Root:
    """The account that asks a UFDS. No representation shows the password."""

    dn: str
    password: str

    def __repr__(self) -> str:
        return f"Root({self.dn!r})"


class Services:
    """The services of one datacenter, as reached from its head node or from here."""

    def __init__(self, reach: Reach, timeouts: Timeouts, threads: Executor, vault: Vault, connections: int = 1) -> None:
        self._timeouts, self._vault = timeouts, vault
        self._through = Through(reach, timeouts, threads)
        self._talks = Talks(self._through, timeouts, connections)

    async def end(self) -> None:
        """Nothing is asked any more."""
        await self._talks.end()

    async def _get(
        self, scheme: str, host: str, port: int, path: str, headers: Mapping[str, str], most: float = math.inf
    ) -> RawAnswer:
        """A whole answer, or its error. No connection, or no answer, is an answer too."""
        limit = min(most, self._timeouts.command)

        def work(local: int) -> RawAnswer:
            return fetch(f"{scheme}://127.0.0.1:{local}{path}", host, headers, limit)

        try:
            return await self._through.run(host, port, work, lambda page: not page.error)
        except ClosedError as error:
            return RawAnswer(0, "", 0, str(error))
        except TimeoutError:
            return RawAnswer(0, "", round(limit * 1000), f"no answer within {limit:g} s")

    async def read(self, host: str, path: str, name: str, most: float = math.inf) -> str:
        """The body of a GET that must answer 200, within `most` seconds. Raises UnansweredError."""
        page = await self._get("http", host, 80, path, SAPI_VERSION if name == "SAPI" else {}, most)
        if page.error:
            raise UnansweredError(f"{name} at {host}: {page.error}")
        if page.status != 200:
            raise UnansweredError(f"{name} at {host} answered HTTP {page.status}{_told(page.text)}")
        return page.text

    async def ping(self, scheme: str, host: str, port: int, path: str, *, bare: bool = False) -> HttpAnswer:
        """A health URL. A few fields of the answer's JSON are kept. Only a `bare` one may answer 200 without a body."""
        page = await self._get(scheme, host, port, path, {})
        error, body = page.error, {}
        if not error and not (bare and page.status == 200 and not page.text.strip()):
            try:
                read = parse.json_object(page.text)
                body = {key: self._vault.scrub_value(read[key]) for key in PING_FIELDS if key in read}
            except parse.UnreadableError as unreadable:
                error = str(unreadable)
        return HttpAnswer(page.status, body, error, page.ms, page.certificate)

    async def asks_master(self, host: str) -> HttpAnswer:
        """SAPI's answer to a question that it cannot answer without the master's moray; `found` counts objects."""
        page = await self._get("http", host, 80, NO_SERVICE, SAPI_VERSION, PATIENCE_WITH_MASTER)
        if page.error or page.status != 200:
            return HttpAnswer(page.status, self._said(page), page.error, page.ms)
        try:
            return HttpAnswer(page.status, {"found": len(parse.json_list(page.text))}, "", page.ms)
        except parse.UnreadableError as error:
            return HttpAnswer(page.status, {}, str(error), page.ms)

    def _said(self, page: RawAnswer) -> dict[str, Any]:
        try:
            read = parse.json_object(page.text)
        except parse.UnreadableError:
            return {}
        return {key: self._vault.scrub_value(read[key]) for key in PING_FIELDS if key in read}

    async def ufds(
        self, host: str, root: Root, searches: Sequence[ldap.Search], most: int = LARGEST_LDAP
    ) -> ldap.Reply:
        """A root bind, and searches. The UFDS may send `most` bytes."""
        return await self._talks.ask(
            (host, root), lambda local: ldap.Login(local, root.dn, root.password), searches, most
        )


def _told(body: str) -> str:
    """The message in the body of an error, in short."""
    try:
        said = parse.json_object(body).get("message")
    except parse.UnreadableError:
        return ""
    return f": {json.dumps(' '.join(said.split())[:200])}" if isinstance(said, str) and said.strip() else ""


def address(vm: Vm) -> str:
    """A zone's admin address. Raises UnansweredError if there is none, or if the zone does not run."""
    if vm.state != "running":
        raise UnansweredError(f"zone {vm.alias} is {cut(vm.state)}")
    found = vm.address("admin")
    if not found or "/" in found or found == "dhcp":
        raise UnansweredError(f"zone {vm.alias} has no address on a NIC tagged admin")
    return found


def sapi_objects(text: str, vault: Vault, *, application: bool) -> parse.Rows[dict[str, SapiObject]]:
    """SAPI's applications or services by name, with their whitelisted metadata.

    Of several applications of one name, the one with the most of these counts, and the others are kept under their name and uuid.
    """
    found: dict[str, SapiObject] = {}
    rows = sapi_list(text, vault, SAPI_SETTINGS)
    for item in sorted(rows.value, key=lambda each: -len(each.metadata.values)):
        if item.name in found and application:
            found[f"{item.name} {item.uuid}"] = item
            continue
        if item.name in found:
            raise parse.UnreadableError(f"SAPI lists {item.name!r} more than once")
        found[item.name] = item
    return parse.Rows(dict(sorted(found.items())), rows.unread)


def sapi_list(text: str, vault: Vault, keep: Iterable[str]) -> parse.Rows[tuple[SapiObject, ...]]:
    """Objects of SAPI, sorted by uuid, with the settings in `keep` of their metadata."""
    what, kept = "an object of SAPI", tuple(keep)

    def read_one(item: Any) -> SapiObject:
        read = parse.an_object(item, what)
        metadata: dict[str, Any] = parse.an_object(read.get("metadata") or {}, f"the metadata of {what}")
        vault.learn_all(metadata)
        return SapiObject(
            uuid=parse.text_of(read, "uuid", what),
            name=parse.text_of(read, "name", what),
            metadata=vault.configuration(metadata, kept, SECRETS),
            owner_uuid=parse.text_of(read, "owner_uuid", what, ""),
        )

    rows = parse.each(parse.json_list(text, "SAPI's answer"), read_one)
    return parse.Rows(tuple(sorted(rows.value, key=lambda each: each.uuid)), rows.unread)


def manta_services(text: str, application: str, vault: Vault) -> parse.Rows[tuple[MantaService, ...]]:
    """The services of one application manta, without their instances."""
    rows = sapi_list(text, vault, MANTA_SETTINGS)
    found = (MantaService(each.uuid, each.name, application, each.metadata) for each in rows.value)
    return parse.Rows(tuple(found), rows.unread)


def manta_instances(text: str, service: str, vault: Vault) -> parse.Rows[tuple[SapiObject, ...]]:
    """The instances of one of Manta's services, by uuid. They have no name of their own."""

    def read_one(item: Any) -> SapiObject:
        read = parse.an_object(item, "an instance")
        metadata: dict[str, Any] = parse.an_object(read.get("metadata") or {}, "the metadata of an instance")
        vault.learn_all(metadata)
        uuid = parse.text_of(read, "uuid", "an instance")
        return SapiObject(uuid, service, vault.configuration(metadata, MANTA_INSTANCE_SETTINGS, ()))

    rows = parse.each(parse.json_list(text, "SAPI's answer"), read_one)
    return parse.Rows(tuple(sorted(rows.value, key=lambda each: each.uuid)), rows.unread)


def root_of(*sources: Mapping[str, Any]) -> Root | None:
    """UFDS's root, from the first of the sources that names it."""
    for source in sources:
        dn, password = source.get("ufds_ldap_root_dn"), source.get("ufds_ldap_root_pw")
        if isinstance(dn, str) and isinstance(password, str) and dn and password:
            return Root(dn, password)
    return None
