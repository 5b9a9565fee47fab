"""SAPI is asked whether it knows a zone that does not run. What it cannot tell does not count as no."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from evidence.collect.draft import Draft, doubtful
from evidence.collect.sapi import Sapi
from evidence.collect.ssh import UnansweredError
from evidence.fact import Fact
from evidence.inventory.model import Declared
from evidence.model import Nic, SapiObject, Vm
from evidence.redact import Vault

SERVICE = "55555555-5555-4555-8555-555555555555"
REAL, OTHER = "66666666-6666-4666-8666-666666666666", "77777777-7777-4777-8777-777777777777"
NICS = (Nic("10.1.1.32", "admin"),)
SAPI = Vm(REAL, "sapi0", "sapi", "running", NICS)
LEFT = Vm(OTHER, "sapi0tmp", "sapi", "stopped")


class Answers:
    """Stands for the services of a datacenter."""

    def __init__(self, text: str | None) -> None:
        self.text, self.asked = text, list[str]()

    async def read(self, host: str, path: str, name: str) -> str:
        self.asked.append(f"{name} {host} {path}")
        if self.text is None:
            raise UnansweredError("no answer")
        return self.text


def asked(text: str | None, service: str = SERVICE) -> tuple[Fact[bool], list[str]]:
    draft = Draft(Declared("a", "a", "r", "master"), Vault(b"k" * 32))
    draft.vms = {vm.alias: vm for vm in (SAPI, LEFT)}
    draft.facts["zones"] = Fact(subject="", asked="", how="", value={})
    draft.facts["services"] = Fact(subject="", asked="", how="", value={"sapi": SapiObject(service, "sapi")})
    answers: Any = Answers(text)
    asyncio.run(Sapi(draft, answers).instance(LEFT))
    return draft.zone_facts["sapi0tmp", "instance"], answers.asked


@pytest.mark.parametrize(("uuids", "known"), [([REAL], False), ([REAL, OTHER], True)])
def test_sapi_says_whether_it_has_the_instance(uuids: list[str], known: bool) -> None:
    fact, paths = asked(json.dumps([{"uuid": uuid} for uuid in uuids]))
    assert fact.value is known
    assert paths == [f"SAPI 10.1.1.32 /instances?service_uuid={SERVICE}"]


@pytest.mark.parametrize("text", [None, "[]", "nonsense", '{"code": "x"}', "[1]"])
def test_what_sapi_cannot_say_is_missing(text: str | None) -> None:
    fact, _ = asked(text)
    assert (fact.value, bool(fact.why)) == (None, True)


def test_a_service_without_a_uuid_is_not_asked_for() -> None:
    fact, paths = asked("[]", "../applications")
    assert (fact.value, paths) == (None, [])


def test_only_core_zones_that_do_not_run_are_in_doubt() -> None:
    assert [doubtful(vm) for vm in (SAPI, LEFT, Vm(OTHER, "w", "webapi", "stopped"))] == [False, True, False]
