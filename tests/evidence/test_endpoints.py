"""A datacenter named by endpoints: the answers of its services are judged, and what only SSH would show is not applicable."""

from __future__ import annotations

import asyncio
import pathlib
import re
import socket
from collections.abc import Iterator

import pytest

from evidence.collect import collect
from evidence.inventory.model import Declared, Endpoint, Inventory, Timeouts
from evidence.model import Evidence
from evidence.redact import KEY_FILE_VARIABLE
from evidence.store import load, save
from evidence.subjects.claims import judged
from evidence.subjects.spec import NOT_APPLICABLE
from reports.conclude import conclude
from tests.judging import CHECKS, check_functions, results, verdict_on

PASSWORD = "root-password-of-the-test"


@pytest.fixture
def closed() -> int:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def collected(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, ports: dict[str, int]) -> Evidence:
    monkeypatch.setenv(KEY_FILE_VARIABLE, str(tmp_path / "key"))
    endpoints = {role: Endpoint("127.0.0.1", port) for role, port in ports.items()}
    declared = Declared("my-dc-2", "", "my-dc", "master", endpoints=endpoints)
    inventory = Inventory("my-dc-2", {"my-dc-2": declared}, timeouts=Timeouts(connect=1, command=1, run=20))
    evidence = asyncio.run(collect(inventory, lambda _: None))
    save(evidence, tmp_path / "evidence.json")
    assert load(tmp_path / "evidence.json") == evidence
    return evidence


def test_who_does_not_answer_is_a_finding_and_the_rest_is_not_applicable(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, closed: int, silent: int
) -> None:
    monkeypatch.setenv("AZ_UFDS_ROOT_PASSWORD_MY_DC_2", PASSWORD)
    ports = {"ufds": closed, "cloudapi": silent, "sapi": closed, "binder": silent}
    verdict = verdict_on(collected(tmp_path, monkeypatch, ports))
    found = {str(row.name): row.result for row in verdict.results if row.result.outcome != NOT_APPLICABLE}
    assert "connection refused" in found["ufds-answers[my-dc-2.ufds0]"].observed
    assert "connection refused" in found["sapi-answers[my-dc-2.sapi0]"].observed
    assert "no answer within 1 s" in found["cloudapi-answers[my-dc-2.cloudapi0]"].observed
    assert not [name for name in found if name.startswith(("headnode-", "services-run", "rendered-"))]
    assert PASSWORD not in (tmp_path / "evidence.json").read_text()


def test_without_a_password_it_says_how_to_give_it(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, closed: int
) -> None:
    verdict = verdict_on(collected(tmp_path, monkeypatch, {"ufds": closed}))
    (bind,) = [row.result for row in verdict.results if row.result.check == "ufds-answers"]
    assert "set AZ_UFDS_ROOT_PASSWORD_MY_DC_2 or AZ_UFDS_ROOT_PASSWORD" in bind.observed


def test_the_share_that_was_judged_is_told(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, closed: int
) -> None:
    evidence = collected(tmp_path, monkeypatch, {"cloudapi": closed})
    check_functions()
    world = judged(evidence.inventory, evidence)
    (told,) = conclude(results(world), CHECKS, world).remarks
    assert re.match(r"my-dc-2 is named by endpoints \(cloudapi\): [1-9] of its [0-9]{2,} checks were judged", told)
