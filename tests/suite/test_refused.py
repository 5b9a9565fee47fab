"""What the suite refuses, in a sentence and before anybody is contacted: inventories, waivers, evidence, datacenters."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import msgspec
import pytest

from tests.recording import recorded
from tests.suite.running import (
    HEALTHY,
    WAIVER,
    contacted,
    inventory,
    suite,
)


def test_without_an_inventory_it_says_what_to_give(tmp_path: Path) -> None:
    done = suite(tmp_path)
    assert done.returncode == 4
    assert "--inventory=FILE or AZ_INVENTORY" in done.stderr + done.stdout


def test_a_bad_inventory_is_refused_with_its_line_and_nobody_is_contacted(
    tmp_path: Path, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = inventory(tmp_path, listener, "bogus: 1\n")
    done = suite(tmp_path, f"--inventory={path}")
    assert done.returncode == 4
    assert f"{path}:4: the inventory has the unknown key 'bogus'" in done.stderr + done.stdout
    assert not contacted(listener)
    assert not (tmp_path / "reports").exists()


def test_collect_only_contacts_nobody(tmp_path: Path, listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    done = suite(tmp_path, f"--inventory={inventory(tmp_path, listener)}", "--collect-only")
    assert done.returncode == 0, done.stdout
    assert not contacted(listener)
    assert not (tmp_path / "reports").exists()


def test_a_bad_waiver_is_refused_before_anybody_is_contacted(
    tmp_path: Path, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "waivers.yaml").write_text(WAIVER + "- {check: headnode-answers}\n")
    done = suite(tmp_path, f"--inventory={inventory(tmp_path, listener, 'waivers: waivers.yaml')}")
    assert done.returncode == 4
    assert f"{tmp_path / 'waivers.yaml'}:2: the waiver lacks `subject`" in done.stderr + done.stdout
    assert not contacted(listener)


def damaged(how: str) -> bytes:
    whole = json.loads(healthy())
    inventory = whole["inventory"]
    if how == "master":
        inventory["master"] = "my-dc-9"
    elif how == "states":
        inventory["datacenters"]["my-dc-1"]["state"] = "master"
    elif how == "state":
        inventory["datacenters"]["my-dc-1"]["state"] = "boss"
    elif how == "name":
        inventory["datacenters"]["my-dc-1"]["name"] = "my-dc-9"
    elif how == "others":
        whole["datacenters"]["my-dc-9"] = whole["datacenters"].pop("my-dc-1")
    elif how == "none":
        inventory["datacenters"] = {}
    elif how == "version":
        whole["schema"] += 1
    elif how == "field":
        whole["surprise"] = 1
    text = json.dumps(whole).encode()
    return text[: len(text) // 2] if how == "cut" else text


def healthy() -> bytes:
    return json.dumps(msgspec.to_builtins(recorded("healthy"))).encode()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("master", "its master is 'my-dc-9', and the datacenters declared as master are: ['my-dc-2']"),
        ("states", "declared as master are: ['my-dc-1', 'my-dc-2']"),
        ("state", "the state of my-dc-1 is 'boss'"),
        ("name", "a datacenter is declared as 'my-dc-1' and called 'my-dc-9'"),
        ("others", "it holds other datacenters than it declares"),
        ("none", "declared as master are: []"),
        ("version", "judge it with the version that collected it"),
        ("field", "is not evidence ("),
        ("cut", "is not evidence ("),
    ],
)
@pytest.mark.parametrize("options", [(), ("-n", "2")])
def test_damaged_evidence_is_a_sentence(tmp_path: Path, how: str, said: str, options: tuple[str, ...]) -> None:
    (tmp_path / "evidence.json").write_bytes(damaged(how))
    done = suite(tmp_path, f"--evidence={tmp_path}", *options)
    assert done.returncode == 4, done.stdout
    assert said in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize("named", ["/nonexistent", "pytest.ini", "."])
def test_what_is_no_evidence(tmp_path: Path, named: str) -> None:
    done = suite(tmp_path, f"--evidence={named}")
    assert done.returncode == 4
    assert "name an" in done.stderr + done.stdout


def test_an_unknown_datacenter(tmp_path: Path) -> None:
    done = suite(tmp_path, f"--evidence={HEALTHY}", "--datacenter=my-dc-9")
    assert done.returncode == 4
    assert "--datacenter: the inventory has no my-dc-9; it has: my-dc-1, my-dc-2, my-dc-3" in done.stderr


def test_a_way_to_compare_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    done = suite(tmp_path, "--compare=some")
    assert done.returncode == 4
    assert "invalid choice: 'some'" in done.stderr + done.stdout


def test_stored_evidence_is_not_compared_again(tmp_path: Path) -> None:
    done = suite(tmp_path, "--compare=off", "--evidence=nowhere")
    assert done.returncode == 4
    assert "--compare: stored evidence was compared when it was collected" in done.stderr + done.stdout
