"""evidence.json is written in one piece and deterministically, and is read back strictly. Secrets never get near it."""

from __future__ import annotations

import json
import pathlib
import stat

import msgspec
import pytest

from evidence import redact, store
from evidence.fact import Fact, missing
from evidence.inventory.model import Declared, Inventory
from evidence.model import SCHEMA, DatacenterEvidence, DnsAnswer, Evidence, Service, SysInfo, Vm, ZoneEvidence
from evidence.redact import FingerprintKeyError, Vault, fingerprint_key
from evidence.store import EvidenceError, load, normalised, save


def some(at: str = "2026-01-01T00:00:00Z", ms: int = 12) -> Evidence:
    zone = ZoneEvidence(
        vm=Vm("u", "binder0", "binder", "running"),
        services=Fact("z", "s", "svcs", at, (Service("svc:/a:b", "online"),)),
        files=missing("z", "f", "cat", "because", at),
        names=Fact("z", "n", "dig", at, {"a.b": DnsAnswer("REFUSED", (), 3000 + ms)}),
    )
    seen = DatacenterEvidence(
        ssh=Fact("d", "x", "ssh", at, "SSH"),
        sysinfo=Fact("d", "x", "sysinfo", at, SysInfo(True)),
        usbkey=missing("d", "x", "c", "no"),
        zones=Fact("d", "z", "vmadm", at, {"binder0": zone}),
        applications=missing("d", "x", "c", "no"),
        services=missing("d", "x", "c", "no"),
        networks=missing("d", "x", "c", "no"),
        check_health=Fact("d", "x", "c", at, ()),
        healthcheck=missing("d", "x", "c", "no"),
    )
    inventory = Inventory("my-dc-2", {"my-dc-2": Declared("my-dc-2", "h", "r", "master")}, path=f"/tmp/{ms}")
    return Evidence(inventory, "0", at, at, {"my-dc-2": seen})


def test_round_trip_and_same_bytes(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "run/evidence.json"
    save(some(), path)
    assert load(path) == load(path.parent) == some()
    first = path.read_bytes()
    save(load(path), path)
    assert path.read_bytes() == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [entry.name for entry in path.parent.iterdir()] == ["evidence.json"]


def test_recordings_of_one_state_are_equal() -> None:
    one, other = some(), some("2027-02-02T02:02:02Z", 345)
    assert one != other
    assert normalised(one) == normalised(other)
    answer = normalised(one).datacenters["my-dc-2"].zones.get()["binder0"].names
    assert answer is not None
    assert answer.get()["a.b"].ms == 3000, "binder's three seconds are kept"


BAD = {
    "not JSON": b"{",
    "empty": b"",
    "a list": b"[]",
    "no schema": b"{}",
    "other schema": b'{"schema": 99}',
    "fields missing": json.dumps({"schema": SCHEMA}).encode(),
    "first schema, nothing else": b'{"schema": 1}',
    "first schema, other things": b'{"schema": 1, "datacenters": {"a": {"zones": [1]}}}',
    "not UTF-8": b'{"schema": "\xff"}',
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_not_evidence_is_refused_in_a_sentence(tmp_path: pathlib.Path, case: str) -> None:
    path = tmp_path / "evidence.json"
    path.write_bytes(BAD[case])
    with pytest.raises(EvidenceError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert " — " in str(caught.value)


def test_unknown_fields_are_refused(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "evidence.json"
    path.write_bytes(json.dumps({**msgspec.to_builtins(some()), "more": 1}).encode())
    with pytest.raises(EvidenceError, match="more"):
        load(path)


def test_evidence_of_the_first_schema_is_read(tmp_path: pathlib.Path) -> None:
    """In that schema, a fact named its subject in its first words, and values that nobody read were kept."""
    old = msgspec.to_builtins(some()) | {"schema": 1}
    seen = old["datacenters"]["my-dc-2"]
    zone = seen["zones"]["value"]["binder0"]
    for fact in (*(fact for key, fact in seen.items() if fact and key != "links"), *zone.values()):
        if isinstance(fact, dict) and "subject" in fact:
            fact["asked"] = f"{fact.pop('subject')}: {fact['asked']}"
    zone["services"]["value"][0]["stime"] = "11:29:33"
    seen["sysinfo"]["value"]["hostname"] = "headnode"
    path = tmp_path / "evidence.json"
    path.write_bytes(json.dumps(old).encode())
    assert zone["files"]["asked"] == "z: f"
    assert load(path) == some()


def test_a_file_that_is_not_there(tmp_path: pathlib.Path) -> None:
    with pytest.raises(EvidenceError, match="cannot be read"):
        load(tmp_path / "none.json")


def test_nothing_is_left_behind_when_writing_fails(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.os, "fsync", full)
    with pytest.raises(OSError, match="space"):
        save(some(), tmp_path / "evidence.json")
    assert list(tmp_path.iterdir()) == []


def test_the_key_is_made_once_and_for_its_owner_alone(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(redact.KEY_FILE_VARIABLE, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    key = fingerprint_key()
    assert fingerprint_key() == key
    path = tmp_path / ".config/triton-az-checks/fingerprint.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("short")
    with pytest.raises(FingerprintKeyError, match="16 bytes"):
        fingerprint_key()
    monkeypatch.setenv(redact.KEY_FILE_VARIABLE, "/proc/none/key")
    with pytest.raises(FingerprintKeyError, match="/proc/none/key"):
        fingerprint_key()


def test_fingerprints_compare_and_depend_on_the_key() -> None:
    one, other = Vault(b"a" * 32), Vault(b"b" * 32)
    assert one.fingerprint("secret") == Vault(b"a" * 32).fingerprint("secret") != one.fingerprint("Secret")
    assert one.fingerprint("secret") != other.fingerprint("secret")
    assert len(one.fingerprint("secret")) == 16


def test_only_whitelisted_settings_are_kept() -> None:
    vault = Vault(b"a" * 32)
    read = {
        "region_name": "r",
        "root_pw": "hush-hush",
        "adminui_pw": "x" * 9,
        "n": 1 << 70,
        "deep": {"a": {"b": {"c": {"pw": "z"}}}},
    }
    kept = vault.configuration(read, ("region_name", "n", "deep", "absent"), ("root_pw", "absent_pw"))
    assert kept.values["region_name"] == "r"
    assert set(kept.values) == {"region_name", "n", "deep"}
    assert set(kept.fingerprints) == {"root_pw"}
    assert b"hush-hush" not in msgspec.json.encode(kept)
    assert vault.scrub("the password is hush-hush!") == "the password is (secret)!"
    assert "hush" not in repr(vault)


def test_long_texts_are_cut() -> None:
    assert len(redact.cut("x" * 100_000)) <= redact.LONGEST
