"""cloudapi as its users see it: the typed command and the request are harmless, and the answer is read with care."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time

import pytest

from evidence.collect import cloudapi
from evidence.collect.parse import UnreadableError
from evidence.collect.ssh import Output
from evidence.collect.unanswered import UnansweredError
from evidence.model import Listing
from evidence.redact import Vault

ZONE = "c076731a-bd61-552d-934a-297b25182e09"
KEY = "cf:3d:8f:ff:f8:49:2f:61:5b:b0:5a:3f:03:93:97:db"
VAULT = Vault(b"k" * 32)


def printed(code: int, stdout: str = "", stderr: str = "") -> Output:
    return Output(stdout.encode(), stderr, code)


@pytest.mark.parametrize("key", [KEY, f"MD5:{KEY}", "SHA256:n5vkRG+kZ/0Yl0ZQa3Z4f0d1u1e8n7b2H8H1T8cG0aA="])
def test_fingerprints_of_old_and_new_platforms_are_taken(key: str) -> None:
    command = cloudapi.listing_command(ZONE, "10.3.1.35", key)
    assert command.startswith(f"zlogin -Q {ZONE} PATH=")
    assert command.endswith(f"sdc-listdatacenters -a admin -u https://10.3.1.35 -k {key}")


@pytest.mark.parametrize("key", [None, "", 7, f"{KEY};reboot", "$(reboot)", "SHA256:a b", f"{KEY}\n", "x" * 300])
def test_what_is_no_fingerprint_is_not_typed(key: object) -> None:
    with pytest.raises(UnansweredError):
        cloudapi.listing_command(ZONE, "10.3.1.35", key)


@pytest.mark.parametrize("address", ["10.3.1.35;reboot", "$(reboot)", "", "a b"])
def test_what_is_no_address_is_not_typed(address: str) -> None:
    with pytest.raises(UnansweredError):
        cloudapi.listing_command(ZONE, address, KEY)


def test_a_listing_is_kept_as_text() -> None:
    text = json.dumps({"b": "https://b", "a": {"not": "a url"}, "c": 7})
    assert cloudapi.listing(printed(0, text), VAULT).datacenters == {
        "a": "{'not': 'a url'}",
        "b": "https://b",
        "c": "7",
    }


def test_an_error_of_the_command_is_an_answer() -> None:
    said = "Warning: x\nsdc-listdatacenters: error (ServiceUnavailable): CloudAPI service is currently unavailable\n"
    found = cloudapi.listing(printed(3, "", said), VAULT)
    assert found == Listing(code="ServiceUnavailable", error="CloudAPI service is currently unavailable")
    without_code = "sdc-listdatacenters: error: SSH key with fingerprint could not be located\n"
    assert cloudapi.listing(printed(3, "", without_code), VAULT).error.startswith("SSH key")


@pytest.mark.parametrize("output", [printed(127, "", "not found"), printed(1), Output(b"", "", None, "did not end")])
def test_a_command_that_says_nothing_is_no_answer(output: Output) -> None:
    with pytest.raises(UnansweredError):
        cloudapi.listing(output, VAULT)


@pytest.mark.parametrize("text", ["[]", "{", "null", '"x"', "\x1b[31m"])
def test_what_is_no_object_is_unreadable(text: str) -> None:
    with pytest.raises(UnreadableError):
        cloudapi.listing(printed(0, text), VAULT)


def test_the_public_url_is_the_own_one() -> None:
    told = '{"a": "https://cloudapi.a.example.com/", "b": "https://b"}'
    assert cloudapi.public_url("a", told) == "https://cloudapi.a.example.com"
    assert cloudapi.public_url("b", json.loads(told)) == "https://b"


@pytest.mark.parametrize(
    "url",
    ["http://a", "https://", "https://user:pw@a", "https://a:99999", "file:///etc/passwd", "https://a b", 7, None,
     "https://[::1", "https://a\n.b", "gopher://a", "https://a/admin/delete", "https://a?all=1", "https://a#", "https://@a", "https://a//b"],
)  # fmt: skip
def test_only_https_urls_of_hosts_are_asked(url: object) -> None:
    with pytest.raises(UnansweredError):
        cloudapi.public_url("a", json.dumps({"a": url}))


@pytest.mark.parametrize("told", [None, "", "[]", "{", 7, ["https://a"]])
def test_what_cannot_be_read_names_no_url(told: object) -> None:
    with pytest.raises(UnansweredError):
        cloudapi.public_url("a", told)


def test_a_name_that_does_not_resolve_and_a_closed_port_are_told_apart() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        refused = asyncio.run(cloudapi.outside(f"https://127.0.0.1:{port}", 5, VAULT, known={"127.0.0.1"}))
    assert (refused.status, refused.error) == (0, "connection refused")
    unknown = asyncio.run(cloudapi.outside("https://cloudapi.my-dc.invalid", 5, VAULT))
    assert (unknown.status, unknown.error) == (0, "its name does not resolve")


def test_who_accepts_and_says_nothing_is_waited_for_in_bounds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []
        thread = threading.Thread(target=lambda: kept.append(server.accept()[0]), daemon=True)
        thread.start()
        began = time.monotonic()
        answer = asyncio.run(
            cloudapi.outside(f"https://127.0.0.1:{server.getsockname()[1]}", 0.5, VAULT, known={"127.0.0.1"})
        )
        assert time.monotonic() - began < 30  # a wait of half a second, however busy the machine
        thread.join()
        kept[0].close()
    assert answer.status == 0
    assert "0.5 s" in answer.error
