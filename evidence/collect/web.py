"""One HTTP GET, mostly through a tunnel, by requests.  Blocking: it runs in a thread; who closes the tunnel ends it.

Certificates are not verified: the zones' own are self-signed with CN "*" (facts), and the way there is SSH.  Redirects,
proxies and .netrc are ignored, the answer's size is limited.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import requests
import urllib3

LARGEST: Final = 8 << 20

urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)


@dataclass(frozen=True)
class Page:
    """A whole answer, or `error`."""

    status: int
    text: str
    ms: int
    error: str = ""


def get(url: str, host: str, headers: Mapping[str, str], timeout: float) -> Page:
    """GET of a URL, as if it were at `host`: through a tunnel it is at 127.0.0.1."""
    started = time.monotonic()

    def spent() -> int:
        return round((time.monotonic() - started) * 1000)

    session = requests.Session()
    session.trust_env = False
    session.verify = False
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
                return Page(0, "", spent(), "the answer is compressed, though that was not asked for")
            for part in answer.raw.stream(65536, decode_content=False):
                body += part
                if len(body) > LARGEST:
                    return Page(0, "", spent(), f"the answer is larger than {LARGEST >> 20} MiB")
                if time.monotonic() - started > timeout:
                    return Page(0, "", spent(), f"no complete answer within {timeout:g} s")
            return Page(answer.status_code, body.decode("utf-8", "replace"), spent())
    except requests.exceptions.SSLError:
        return Page(0, "", spent(), "no TLS connection: the service closed it, or does not speak HTTPS")
    except requests.exceptions.Timeout:
        return Page(0, "", spent(), f"no answer within {timeout:g} s")
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        return Page(0, "", spent(), _unconnected(error) or "the connection was closed without a complete HTTP answer")
    finally:
        session.close()


def _unconnected(error: Exception) -> str:
    """Why there was no connection at all; empty where there was one."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(reason, urllib3.exceptions.NameResolutionError):
        return "its name does not resolve"
    if isinstance(reason, urllib3.exceptions.NewConnectionError) and isinstance(reason.__cause__, OSError):
        return (reason.__cause__.strerror or "no connection").lower()
    return ""
