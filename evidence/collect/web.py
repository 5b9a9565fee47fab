"""Sends one HTTP GET, mostly through a tunnel, with requests. Blocking: it runs in a thread, and closing the tunnel ends it.

Certificates are not verified, because the zones' own are self-signed with CN "*" (facts), and the way there is SSH. Redirects, proxies and
.netrc are ignored, and the answer's size is limited.
"""

from __future__ import annotations

import datetime
import functools
import http.client
import io
import ssl
import time
from collections.abc import Mapping
from typing import Any, Final

import requests
import requests.adapters
import urllib3
import urllib3.connection
import urllib3.util.ssl_

from evidence.collect.certificate import expired, fingerprint, shown
from evidence.collect.fetching import RawAnswer

LARGEST: Final = 8 << 20
LARGEST_HEAD: Final = 64 << 10
CUT_OFF: Final = "the connection was closed without a complete HTTP answer"

urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)


class _Lines(io.BufferedReader):
    """Remembers the last line that was read as one, and ends a head that does not end (`100 Continue`, again and again)."""

    last = b""
    head_left: int | None = LARGEST_HEAD

    def readline(self, size: int | None = -1, /) -> bytes:
        self.last = super().readline(size)
        if self.head_left is not None:
            self.head_left -= len(self.last)
            if self.head_left < 0:
                raise http.client.HTTPException(f"the answer's head is larger than {LARGEST_HEAD >> 10} KiB")
        return self.last

    @property
    def at_blank(self) -> bool:
        return self.last in (b"\r\n", b"\n")


class _Whole(http.client.HTTPResponse):
    """An answer whose head came whole. http.client itself would take the end of the connection for the end of the head."""

    lines: _Lines

    def __init__(self, sock: Any, *words: Any, **named: Any) -> None:
        super().__init__(sock, *words, **named)
        certificate = shown(sock)
        self.certificate = fingerprint(certificate)
        self.expired = expired(certificate, datetime.datetime.now(datetime.UTC))
        self.lines = self.fp = _Lines(self.fp.detach())

    def begin(self) -> None:
        super().begin()
        if not self.lines.at_blank:
            raise http.client.HTTPException("the answer ends within its head")
        self.lines.head_left = None


class _Http(urllib3.connection.HTTPConnection):
    response_class = _Whole


class _Https(urllib3.connection.HTTPSConnection):
    response_class = _Whole


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Https


@functools.cache
def _any_certificate() -> ssl.SSLContext:
    """Made once: urllib3's own would read the machine's authorities for each answer, though it verifies nothing."""
    context = urllib3.util.ssl_.create_urllib3_context(cert_reqs=ssl.CERT_NONE)
    context.check_hostname = False
    return context


class _Adapter(requests.adapters.HTTPAdapter):
    """`name`: by which a server that has several names is told which one is meant (SNI); the address is in the URL."""

    def __init__(self, name: str = "") -> None:
        self._name = name
        super().__init__()

    def init_poolmanager(self, *words: Any, **named: Any) -> None:
        wanted = {"server_hostname": self._name} if self._name else {}
        super().init_poolmanager(*words, **(named | wanted), ssl_context=_any_certificate())
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}


def _cut_off(answer: requests.Response) -> bool:
    """Whether a chunked body lacks the blank line after its last chunk. For other bodies, urllib3 counts the bytes."""
    head = getattr(answer.raw, "_original_response", None)
    return isinstance(head, _Whole) and bool(answer.raw.chunked) and not head.lines.at_blank


def _certificate(answer: requests.Response) -> tuple[str, str]:
    """Its SHA-256, and the day on which it has expired."""
    head = getattr(answer.raw, "_original_response", None)
    return (head.certificate, head.expired) if isinstance(head, _Whole) else ("", "")


def get(url: str, host: str, headers: Mapping[str, str], timeout: float, name: str = "") -> RawAnswer:
    """Get a URL as if it were at `host`, although it is at 127.0.0.1 through a tunnel."""
    started = time.monotonic()

    def spent() -> int:
        return round((time.monotonic() - started) * 1000)

    session = requests.Session()
    session.trust_env = False
    session.verify = False
    session.mount("http://", _Adapter())
    session.mount("https://", _Adapter(name))
    try:
        with session.get(
            url,
            headers={
                "Host": host,
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "Connection": "close",
                **headers,
            },
            timeout=timeout,
            allow_redirects=False,
            stream=True,
        ) as answer:
            body = bytearray()
            if answer.headers.get("Content-Encoding", "identity") != "identity":
                return RawAnswer(0, "", spent(), "the answer is compressed, though that was not asked for")
            for part in answer.raw.stream(65536, decode_content=False):
                body += part
                if len(body) > LARGEST:
                    return RawAnswer(0, "", spent(), f"the answer is larger than {LARGEST >> 20} MiB")
                if time.monotonic() - started > timeout:
                    return RawAnswer(0, "", spent(), f"no complete answer within {timeout:g} s")
            if _cut_off(answer):
                return RawAnswer(0, "", spent(), CUT_OFF)
            who = answer.headers.get("Triton-Datacenter-Name", "")
            return RawAnswer(
                answer.status_code, body.decode("utf-8", "replace"), spent(), "", who, *_certificate(answer)
            )
    except requests.exceptions.SSLError:
        return RawAnswer(0, "", spent(), "no TLS connection: the service closed it, or does not speak HTTPS")
    except requests.exceptions.Timeout:
        return RawAnswer(0, "", spent(), f"no answer within {timeout:g} s")
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        return RawAnswer(0, "", spent(), _unconnected(error) or CUT_OFF)
    finally:
        session.close()


def _unconnected(error: Exception) -> str:
    """Why there was no connection at all; empty if there was one."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(reason, urllib3.exceptions.NameResolutionError):
        return "its name does not resolve"
    if isinstance(reason, urllib3.exceptions.NewConnectionError) and isinstance(reason.__cause__, OSError):
        return (reason.__cause__.strerror or "no connection").lower()
    return ""
