"""doctor and init in living labs: each way in broken, and head nodes of coupled regions, of a candidate, of one that stands alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.lab.operator import ROOT, Operator, living

pytestmark = pytest.mark.proof
DOCTOR = f"COLUMNS=120 {ROOT}/az-checks doctor"
BROKEN = {
    "headnode-dark": "connection",
    "headnode-refuses": "connection",
    "headnode-key": "host key",
    "headnode-denies": "login",
    "headnode-cuts": "sessions",
    "headnode-freezes": "sessions",
    "headnode-is-another": "datacenter",
    "headnode-sysinfo": "datacenter",
    "headnode-forbids-forwarding": "forwarding",
    "zlogin-broken": "zlogin",
    "clock-off": "clock",
}
"""Which step of the way in each fault breaks."""
FILL_IN = re.compile(r"^(\s+headnode:|\s+region:|master:)\s+# FILL IN.*$", re.MULTILINE)


@pytest.fixture(scope="module")
def coupled() -> Iterator[Operator]:
    with living("--datacenters", "3") as operator:
        yield operator


def wrong(told: str) -> list[tuple[str, str]]:
    """Where something is wrong, and what."""
    return re.findall(r"^wrong  (\S+(?: machine)?) +(name|host key|connection|[a-z-]+)\b", told, re.MULTILINE)


def test_all_is_well(coupled: Operator) -> None:
    code, told = coupled.types(DOCTOR)
    assert (code, wrong(told)) == (0, []), told
    assert "All is well" in told


@pytest.mark.parametrize(("fault", "step"), BROKEN.items(), ids=BROKEN)
def test_each_way_in_that_is_broken_is_one_line(coupled: Operator, fault: str, step: str) -> None:
    coupled.lab("fault", f"{fault}@my-dc-3")
    try:
        code, told = coupled.types(DOCTOR)
    finally:
        coupled.lab("heal", f"{fault}@my-dc-3")
    assert (code, wrong(told)) == (1, [("my-dc-3", step)]), told


def test_three_unknown_host_keys_are_three_lines_and_the_run_is_as_short(coupled: Operator, tmp_path: Path) -> None:
    coupled.types(f"mv ~/.ssh/known_hosts {tmp_path}/kept")
    try:
        code, told = coupled.types(DOCTOR)
        assert (code, [name for name, _ in wrong(told)]) == (1, ["my-dc-1", "my-dc-2", "my-dc-3"])
        assert {step for _, step in wrong(told)} == {"host key"}
        code, told = coupled.types(f"COLUMNS=120 AZ_RUNS={tmp_path}/runs {ROOT}/az-checks run 2>/dev/null")
        lines = told.strip().splitlines()
        assert code == 1
        assert len(lines) <= 12, told
        assert [line[:11] for line in lines if "the host key of" in line] == [
            " 1 my-dc-1 ", " 2 my-dc-2 ", " 3 my-dc-3 ",
        ]  # fmt: skip
        assert lines[-1].endswith("/az-checks doctor")
    finally:
        coupled.types(f"mv {tmp_path}/kept ~/.ssh/known_hosts")


def learnt(operator: Operator, number: int, place: Path, code: int) -> dict[str, object]:
    """What init writes of a head node; it ends with this code."""
    path = place / f"{number}.yaml"
    done, told = operator.types(f"{ROOT}/az-checks init root@10.{number}.2.2 -o {path}")
    assert done == code, told
    if code:
        first = FILL_IN.search(path.read_text())
        assert first is not None
        assert f"{path}:{path.read_text().count(chr(10), 0, first.start()) + 1}: " in told
    read: dict[str, object] = yaml.safe_load(path.read_text())
    return read


def filled(place: Path, number: int) -> Path:
    """The same with its blanks filled in."""
    path = place / f"{number}.yaml"
    name = ""
    lines = []
    for line in path.read_text().splitlines():
        if found := re.match(r"  my-dc-(\d+):", line):
            name = found[1]
        lines.append(FILL_IN.sub(rf"\g<1> root@10.{name}.2.2", line))
    path.write_text("\n".join(lines) + "\n")
    return path


def test_what_a_master_says_judges_as_the_labs_own_inventory(coupled: Operator, tmp_path: Path) -> None:
    read = learnt(coupled, 2, tmp_path, 1)
    assert (read["master"], list(read["datacenters"])) == ("my-dc-2", ["my-dc-1", "my-dc-2", "my-dc-3"])  # type: ignore[call-overload]
    path = filled(tmp_path, 2)
    code, told = coupled.types(f"{ROOT}/az-checks doctor {path}")
    assert code == 0, told
    code, told = coupled.types(f"AZ_RUNS={tmp_path}/runs {ROOT}/az-checks nightly {path} --wait 1m")
    assert code == 0, told
    assert told.splitlines()[-1] and "my-dc: all is well" in told
    code, told = coupled.types(f"{ROOT}/az-checks init root@10.2.2.2 -o {path}")
    assert code == 4
    assert "is not overwritten" in told


def test_a_replica_with_manta_knows_its_master(tmp_path: Path) -> None:
    with living("--manta") as operator:
        read = learnt(operator, 1, tmp_path, 1)
    assert read["master"] == "my-dc-2"
    assert read["datacenters"]["my-dc-2"]["ufds_address"] == "10.2.2.29"  # type: ignore[index]
    assert read["expect"] == {"manta": True}


def test_two_regions(tmp_path: Path) -> None:
    with living("--datacenters", "4", "--regions", "2") as operator:
        read, of_replica = learnt(operator, 2, tmp_path, 1), learnt(operator, 4, tmp_path, 1)
    regions = {name: one["region"] for name, one in read["datacenters"].items()}  # type: ignore[attr-defined]
    assert regions == {"my-dc-1": "my-dc", "my-dc-2": "my-dc", "my-dc-3": "my-dc-b", "my-dc-4": "my-dc-b"}
    assert of_replica["master"] is None, "its SAPI asks no moray, and UFDS does not say it"
    regions = {name: one["region"] for name, one in of_replica["datacenters"].items()}  # type: ignore[attr-defined]
    assert regions == {"my-dc-1": None, "my-dc-2": None, "my-dc-3": "my-dc-b", "my-dc-4": "my-dc-b"}


def test_a_candidate_stands_alone_and_can_be_used(tmp_path: Path) -> None:
    with living("--candidate", "my-dc-3") as operator:
        read = learnt(operator, 3, tmp_path, 0)
        code, told = operator.types(f"{ROOT}/az-checks doctor {tmp_path}/3.yaml")
    assert code == 0, told
    assert (read["master"], list(read["datacenters"])) == ("my-dc-3", ["my-dc-3"])  # type: ignore[call-overload]
    assert "state: candidate}" in (tmp_path / "3.yaml").read_text()
