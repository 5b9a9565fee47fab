"""cloudapi as its users see it: a ListDatacenters signed in the sdc zone, and its public URL, asked from here.

The sdc zone signs with the datacenter's own key, as sdc-healthcheck has it do. So no key leaves the head node.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import urlsplit

from evidence.collect import outward, parse, services
from evidence.collect.draft import Draft
from evidence.collect.fetching import RawAnswer, fetch
from evidence.collect.ssh import HeadNode, Output
from evidence.collect.unanswered import UnansweredError
from evidence.collect.zone import HOST
from evidence.inventory.model import Timeouts
from evidence.model import HttpAnswer, Listing, Vm
from evidence.redact import Vault, cut
from evidence.subjects.triton import UUID

T = TypeVar("T")
SDC: Final = "/opt/smartdc/sdc"
PATH: Final = f"{SDC}/bin:{SDC}/build/node/bin:/opt/local/bin:/opt/local/sbin:/usr/bin:/usr/sbin"
KEY_ID = re.compile(r"(MD5:)?[0-9a-f]{2}(:[0-9a-f]{2}){15}|[A-Z0-9]+:[A-Za-z0-9+/=-]{1,200}")
"""What sdc-listdatacenters accepts as the fingerprint of a key. Nothing in it is special to a shell."""
MOST_DATACENTERS: Final = 1000
_ERROR = re.compile(r"^sdc-listdatacenters: error(?: \((?P<code>[^)]{1,100})\))?: (?P<said>.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Cloudapi:
    """Asks the cloudapis of one datacenter: each of them from the sdc zone, and the public URL from here."""

    draft: Draft
    timeouts: Timeouts

    async def listing(self, vm: Vm, head: HeadNode) -> None:
        async def answer() -> Listing:
            key_id = self.draft.values("applications").get("SDC_KEY_ID")
            command = listing_command(self.draft.running("sdc").uuid, services.address(vm), key_id)
            return listing(await head.run(command), self.draft.vault)

        await self.draft.ask_zone(vm, "listing", answer)

    async def outside(self) -> HttpAnswer:
        found = self.draft.facts["services"]
        if found.value is None:
            raise UnansweredError(self.draft.why("services"))
        settings = found.value["cloudapi"].metadata.values if "cloudapi" in found.value else {}
        url = public_url(self.draft.name, settings.get("CLOUDAPI_DATACENTERS"))
        own = {nic.ip for vm in self.draft.vms.values() if vm.role == "cloudapi" for nic in vm.nics}
        return await outside(url, self.timeouts.connect, self.draft.vault, own, outward.named(self.draft.declared))


def listing_command(sdc_zone: str, address: str, key_id: object) -> str:
    """The command that asks a cloudapi for its datacenters, typed on the head node (sdc-headnode:tools/bin/sdc-healthcheck).

    It does not verify the certificate (SDC_TESTING). Raises UnansweredError if the datacenter has no key.
    """
    if not isinstance(key_id, str) or not KEY_ID.fullmatch(key_id):
        raise UnansweredError("SAPI's metadata of sdc hold no SDC_KEY_ID: there is no key to sign with")
    if not UUID.fullmatch(sdc_zone) or not HOST.fullmatch(address):
        raise UnansweredError("the sdc zone, or the address of cloudapi, has no name that can be typed")
    tool = f"{SDC}/node_modules/smartdc/bin/sdc-listdatacenters"
    return f"zlogin -Q {sdc_zone} PATH={PATH} SDC_TESTING=1 {tool} -a admin -u https://{address} -k {key_id}"


def listing(output: Output, vault: Vault) -> Listing:
    """The listing that the command printed. Raises UnansweredError or UnreadableError."""
    if output.why:
        raise UnansweredError(f"`sdc-listdatacenters` {output.why}")
    if output.code == 0:
        found = parse.json_object(output.text, "the list of datacenters")
        return Listing({cut(name): vault.scrub(str(found[name])) for name in sorted(found)[:MOST_DATACENTERS]})
    error = _ERROR.search(output.stderr)
    if error is None:
        said = " ".join(output.stderr.split())[:200]
        raise UnansweredError(
            f"`sdc-listdatacenters` failed with exit status {output.code}" + (f": {said}" if said else "")
        )
    return Listing(code=cut(error["code"] or ""), error=vault.scrub(" ".join(error["said"].split())))


def public_url(datacenter: str, told: object) -> str:
    """A datacenter's own URL in CLOUDAPI_DATACENTERS. Raises UnansweredError if there is none that can be asked."""
    try:
        read = parse.json_object(told) if isinstance(told, str) else parse.an_object(told, "CLOUDAPI_DATACENTERS")
    except parse.UnreadableError as error:
        raise UnansweredError(f"CLOUDAPI_DATACENTERS cannot be read: {error}") from None
    url = read.get(datacenter)
    if not isinstance(url, str) or not _askable(url):
        raise UnansweredError(f"CLOUDAPI_DATACENTERS names no https URL of {datacenter}, or one with a path")
    return url.rstrip("/")


def _askable(url: str) -> bool:
    """Whether it is the URL of a host alone: whatever else it has would be asked from the operator's machine."""
    if not url.isprintable() or " " in url:  # urlsplit removes such characters silently
        return False
    try:
        parts = urlsplit(url)
        named = parts.hostname is not None and HOST.fullmatch(parts.hostname) is not None
        alone = url.rstrip("/") == f"https://{parts.netloc}" and parts.username is None
        return alone and named and (parts.port or outward.PORT) > 0
    except ValueError:
        return False


async def outside(
    url: str, limit: float, vault: Vault, own: Collection[str] = (), known: Collection[str] = ()
) -> HttpAnswer:
    """The health URL below a public URL, asked from here: no tunnel, no proxy, no redirect, certificate not verified.

    Raises UnansweredError if its address may not be asked: see outward.permitted.
    """
    try:
        page = await _aside(lambda: _asked(url, limit, own, known), limit + 1)
    except TimeoutError:
        return HttpAnswer(0, {"url": vault.scrub(url)}, f"no answer within {limit:g} s", round(limit * 1000))
    if isinstance(page, UnansweredError):
        raise page
    error = page.error
    if not error:
        try:
            parse.json_object(page.text)
        except parse.UnreadableError as unreadable:
            error = str(unreadable)
    body = {"url": vault.scrub(url)} | ({"datacenter": vault.scrub(cut(page.datacenter))} if page.datacenter else {})
    return HttpAnswer(page.status, body, error, page.ms, page.certificate, page.expired)


def _asked(url: str, limit: float, own: Collection[str], known: Collection[str]) -> RawAnswer | UnansweredError:
    """Looks up the name once, so that what is asked is the address that was judged."""
    parts = urlsplit(url)
    host, port = str(parts.hostname), parts.port or outward.PORT
    try:
        address = outward.permitted(host, port, outward.addresses(host, port), own, known)
    except UnansweredError as error:
        return error
    except (OSError, UnicodeError):
        return RawAnswer(0, "", 0, "its name does not resolve")
    at = f"[{address}]" if ":" in address else address
    return fetch(f"https://{at}:{port}/--ping", parts.netloc, {}, limit, name=host)


async def _aside(work: Callable[[], T], limit: float) -> T:
    """Do blocking work that nothing can end, such as looking up a name. Raises TimeoutError after `limit` seconds.

    The work runs in a thread that nobody waits for.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def keep(result: T) -> None:
        if not done.done():
            done.set_result(result)

    def run() -> None:
        result = work()
        try:
            loop.call_soon_threadsafe(keep, result)
        except RuntimeError:
            pass  # too late: the run has ended

    threading.Thread(target=run, daemon=True, name="outside").start()
    async with asyncio.timeout(limit):
        return await done
