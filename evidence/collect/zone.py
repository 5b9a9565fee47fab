"""The script that is sent into a zone: how it is called, and what its output means. No I/O except reading the script.

The script is a constant (zone.sh). Only its arguments vary. They consist of harmless characters, because they pass through two shells, and
addresses come from metadata that anybody may have written.
"""

from __future__ import annotations

import ipaddress
import math
import pathlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from evidence.collect import parse, printed, smflog
from evidence.model import Probe, Service
from evidence.redact import cut
from evidence.subjects.links import LOST, MEASURES, STALLED, Link
from evidence.subjects.triton import GLOBAL, READERS, RENDERED

SCRIPT = pathlib.Path(__file__).with_name("zone.sh").read_text(encoding="ascii")
HARMLESS = re.compile(r"[A-Za-z0-9._:/-]+")
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
LARGE = 1472
"""The bytes that fill an IPv4 packet of 1500, after its own header and that of ICMP."""
MOST_LINES = 10_000
"""The most lines of the script's own (files and services are not counted). There are far fewer links and files."""
FOLDERS = {"webapi": "muskie"}
"""The folder below /opt/smartdc where an image has its manifests, by role, if it is not named after the role."""


@dataclass(frozen=True)
class Target:
    """The target of a link, for the script. `host` is an address or a name.

    `protocol` is how it is tried: tcp, udp, tls (tcp, and then the server's certificate must arrive), loss (a score of datagrams), or size
    (a packet of so many bytes, which stand in place of the port).
    """

    host: str
    port: int
    protocol: str

    @property
    def word(self) -> str:
        return f"{self.protocol}:{self.host}:{self.port}"


@dataclass
class Answers:
    """What the script printed.  `complete` says whether its last line was seen."""

    probes: dict[Target, Probe] = field(default_factory=dict)
    files: dict[str, str | None] = field(default_factory=dict)
    written: dict[str, float] = field(default_factory=dict)
    services: tuple[Service, ...] | None = None
    services_why: str = ""
    services_unread: tuple[str, ...] = ()
    kernel: tuple[tuple[str, str], ...] | None = None
    kernel_why: str = ""
    complete: bool = False

    @property
    def seen(self) -> bool:
        """Whether the script printed anything, and so was in its zone."""
        return self.complete or self.services is not None or bool(self.services_why or self.probes or self.files)


def targets(link: Link) -> tuple[Target, ...]:
    """What to try for one link. Raises Missing if the link's address is not known."""
    host, kind = link.host, link.kind
    tried = {"tcp": "tls"} if kind.tls else {}
    found = [Target(host, port, tried.get(protocol, protocol)) for port in link.ports for protocol in kind.protocols]
    return (*found, *((Target(host, kind.port, "loss"), Target(host, LARGE, "size")) if link.measures else ()))


def usable(host: str) -> bool:
    """Whether a host is an IPv4 address or a name, so that it can be probed. It may come from anybody's metadata."""
    try:
        return ipaddress.ip_address(host).version == 4
    except ValueError:
        return HOST.fullmatch(host) is not None and not host.replace(".", "").isdigit()


def words(role: str, wanted: Iterable[Target], seconds: float) -> list[str]:
    """The script's arguments. The time limit is in whole seconds, because POSIX's sleep takes nothing else."""
    files = RENDERED.get(role, ())
    found = [str(max(1, math.ceil(seconds))), *(f"file:{path}" for path in files)]
    if files:
        found.append(f"manifests:/opt/smartdc/{FOLDERS.get(role, role)}")
    found += (f"began:{READERS[path]}" for path in files)
    reached = [target for target in wanted if usable(target.host)]
    if role == GLOBAL:  # its routes stand nowhere else
        found += sorted({f"route:{target.host}" for target in reached})
    found += sorted({target.word for target in reached})
    assert all(HARMLESS.fullmatch(word) for word in found), found
    return found


def read(output: bytes) -> Answers:
    """Read the script's output. What is missing in it is left out, and unexpected lines are skipped."""
    answers = Answers()
    routes: dict[str, str] = {}
    began: dict[str, float] = {}
    said: dict[str, tuple[str, ...]] = {}
    halfway: set[Target] = set()
    position = 0
    for _ in range(MOST_LINES):
        end = output.find(b"\n", position)
        if end < 0:
            break
        line = output[position:end].decode("utf-8", "replace")
        position = end + 1
        kind, *parts = line.split("\t")
        if kind == "probe" and len(parts) == 5:
            target = _target(parts)
            if target is not None:
                result, detail = _result(target, parts[3], parts[4], halfway=target in halfway)
                protocol = "tcp" if target.protocol == "tls" else target.protocol
                answers.probes[target] = Probe(target.host, target.port, protocol, result, detail)
        elif kind == "halfway" and len(parts) == 3:
            halfway |= {target for target in [_target(parts)] if target is not None}
        elif kind == "route" and len(parts) == 5:
            routes[parts[0]] = _route(*parts)
        elif kind == "file" and len(parts) == 2 and re.fullmatch(r"[0-9]{1,8}", parts[1]):
            size = int(parts[1])
            if position + size > len(output):
                break
            answers.files[parts[0]] = output[position : position + size].decode("utf-8", "replace")
            position += size + 1
        elif kind == "log" and len(parts) == 2 and re.fullmatch(r"[0-9]{1,5}", parts[1]):
            size = int(parts[1])
            said[parts[0]] = smflog.said(output[position : position + size].decode("utf-8", "replace"))
            position += size + 1
        elif kind in ("nofile", "unreadable") and len(parts) == 1:
            answers.files[parts[0]] = None
        elif kind == "written" and len(parts) == 2:
            moment = _written(parts[1])
            if moment is not None:
                answers.written[parts[0]] = moment
        elif kind == "began" and len(parts) == 2 and re.fullmatch(r"[0-9]{1,11}(\.[0-9]{1,9})?", parts[1]):
            began[parts[0]] = float(parts[1])
        elif kind == "kernel" and not parts:
            position = _kernel(answers, output, position)
        elif kind == "services" and not parts:
            position = _services(answers, output, position)
        elif kind == "end" and not parts:
            answers.complete = True
    for target, probe in answers.probes.items():
        route = routes.get(target.host, "" if probe.result == "open" else "unknown")
        answers.probes[target] = msgspec.structs.replace(probe, route=route)
    if answers.services is not None:
        answers.services = tuple(
            msgspec.structs.replace(service, began=began.get(service.fmri), said=said.get(service.fmri, ()))
            for service in answers.services
        )
    return answers


_LISTED = re.compile(r" ([0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,9})?( [+-][0-9]{4})? ")


def _written(line: str) -> float | None:
    """The time in a line of `ls -E`, in seconds since 1970; None if there is none. A time without an offset is UTC."""
    found = _LISTED.search(line[:4096])
    if found is None:
        return None
    try:
        moment = datetime.strptime(f"{found[1]}{found[3] or ' +0000'}", "%Y-%m-%d %H:%M:%S %z")
        return moment.astimezone(UTC).timestamp() + float(f"0{found[2] or ''}")
    except (ValueError, OverflowError):
        return None


def _target(parts: list[str]) -> Target | None:
    protocol, host, port = parts[:3]
    if protocol not in ("tcp", "udp", "tls", "loss", "size") or not re.fullmatch(r"[0-9]{1,5}", port):
        return None
    return Target(host, int(port), protocol)


_LOSS = re.compile(r"[0-9]{1,3} of [0-9]{1,3} datagrams")
_AWAY = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})? ms")
ERRORS = (
    ("refused", re.compile(r"connection refused", re.IGNORECASE)),
    ("timeout", re.compile(r"timed out", re.IGNORECASE)),
    ("noroute", re.compile(r"no route to host|(network|host)( is)? unreachable", re.IGNORECASE)),
    ("dns", re.compile(r"not known|name resolution", re.IGNORECASE)),
)


def _result(target: Target, code: str, text: str, *, halfway: bool) -> tuple[str, str]:
    """open, refused, timeout, noroute, dns, error, stalled or lost, with a detail if the result alone does not say it.

    A measurement that could not be made is unknown: some networks drop every ping, and another probe tells that nothing answers.
    """
    if target.protocol == "loss" and code in ("0", "1"):
        return (
            (LOST, cut(text.strip())) if _LOSS.fullmatch(text.strip()) else ("open" if code == "0" else "unknown", "")
        )
    if target.protocol == "size" and halfway:
        if code != "0":
            return LOST, f"no packet with {target.port} bytes comes back, and small ones do"
        away = _AWAY.fullmatch(text.strip())
        return "open", away[0] if away else ""
    if target.protocol in MEASURES:
        return "unknown", ""
    if code == "timeout" and halfway:
        return STALLED, "it opens, but the server's certificate does not arrive"
    if code == "timeout":
        return "timeout", ""
    if code == "0":
        return "open", ""
    for result, pattern in ERRORS:
        if pattern.search(text):
            return result, ""
    return "error", cut(" ".join(text.split())[:200]) or f"exit status {cut(code)}"


def _route(host: str, destination: str, mask: str, gateway: str, interface: str) -> str:
    """`route -n get` in short: "10.2.2.29 via 10.3.1.1", "default via 10.3.2.1", "10.3.1.0/24 on net0", or "none"."""
    if not destination:
        return "none"
    where = destination
    if destination not in ("default", host) and mask:
        try:
            where = str(ipaddress.ip_network(f"{destination}/{mask}", strict=False))
        except ValueError:
            where = f"{destination}/{mask}"
    elif destination == "0.0.0.0":
        where = "default"
    if gateway:
        return cut(f"{where.removesuffix('/32')} via {gateway}")
    return cut(f"{where.removesuffix('/32')} on {interface}" if interface else where)


def _kernel(answers: Answers, output: bytes, position: int) -> int:
    text, code, end = _block("kernel", output, position)
    if code is None:
        answers.kernel_why = "netstat did not come to an end"
    elif code:
        answers.kernel_why = f"netstat failed with exit status {code}"
    else:
        try:
            answers.kernel = printed.kernel_routes(text)
        except parse.UnreadableError as error:
            answers.kernel_why = str(error)
    return end


def _services(answers: Answers, output: bytes, position: int) -> int:
    text, code, end = _block("services", output, position)
    if code is None:
        answers.services_why = "svcs did not come to an end"
        return end
    try:
        rows = printed.svcs(text)
        answers.services, answers.services_unread = rows.value, rows.unread
    except parse.UnreadableError as error:
        answers.services_why = f"svcs failed with exit status {code}" if code else str(error)
    return end


def _block(name: str, output: bytes, position: int) -> tuple[str, int | None, int]:
    """What a command printed up to its end line, its exit status (None without that line), and where to read on."""
    end = re.compile(rb"^end%b\t([0-9]{1,3})\n" % name.encode(), re.MULTILINE).search(output, position)
    if end is None:
        return "", None, len(output)
    return output[position : end.start()].decode("utf-8", "replace"), int(end[1]), end.end()
