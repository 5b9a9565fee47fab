"""Datacenters that are collected apart and judged as one, in a living lab: as by one machine, as far as can be known."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.lab.operator import ROOT, Operator, living

pytestmark = pytest.mark.proof
AZ = f"{ROOT}/az-checks"
NAMES = ("my-dc-1", "my-dc-2", "my-dc-3")
MASTER = "my-dc-2"
FAULTS = (
    "region-name@my-dc-1",
    "account-removed@my-dc-1",
    "changelog-gap",
    "account-collides@my-dc-3",
    "cloudapi-stuck@my-dc-3.cloudapi0",
    "firewall-rule-missing@my-dc-2.ufds0",
    "second-poseidon@my-dc-3",
    "headnode-dark@my-dc-3",
)
"""A setting that disagrees with the others', an entry that one lacks, replication that stands still, a service, a way between two, what
only all together show, and a way in."""
CRON = ROOT / "contrib" / "cron"
GITLAB = ROOT / "contrib" / "gitlab" / "az-checks-apart.gitlab-ci.yml"


@pytest.fixture(scope="module")
def coupled() -> Iterator[Operator]:
    with living("--datacenters", "3") as operator:
        yield operator


def causes(place: Path) -> dict[str, str]:
    """The causes of the last run below a place, and whether each failed or could not be judged."""
    run = max((place / "runs").glob("2*"))
    found = json.loads((run / "findings.json").read_text())
    outcomes = {(row["check"], row["subject"]): row["outcome"] for row in found["results"]}
    return {f"{one['check']}[{one['subject']}]": outcomes[one["check"], one["subject"]] for one in found["causes"]}


def missing(place: Path, cause: str) -> str:
    run = max((place / "runs").glob("2*"))
    rows = json.loads((run / "findings.json").read_text())["results"]
    return " ".join(text for row in rows if f"{row['check']}[{row['subject']}]" == cause for text in row["missing"])


def whole(operator: Operator, place: Path) -> dict[str, str]:
    code, told = operator.types(f"AZ_RUNS={place}/runs {AZ} run -q")
    assert code in (0, 1), told
    return causes(place)


def collected(operator: Operator, place: Path, folder: str, *knowing: Path, options: str = "") -> list[Path]:
    """Each datacenter in a file of its own."""
    (place / folder).mkdir()
    known = " ".join(f"--knowing {path}" for path in knowing)
    files = [place / folder / f"{name}.json" for name in NAMES]
    for path in files:
        code, told = operator.types(f"{AZ} collect --datacenter {path.stem} -o {path} {known} {options}")
        assert code == 0, told
    return files


def judged(operator: Operator, place: Path, files: list[Path]) -> dict[str, str]:
    evidence = " ".join(f"--evidence {path}" for path in files)
    code, told = operator.types(f"AZ_RUNS={place}/runs {AZ} run -q {evidence}")
    assert code in (0, 1), told
    return causes(place)


def apart(operator: Operator, place: Path) -> dict[str, str]:
    """Two rounds: who is where, and then everything."""
    addresses = collected(operator, place, "addresses", options="--no-directories")
    return judged(operator, place, collected(operator, place, "parts", *addresses))


def test_a_healthy_lab(coupled: Operator, tmp_path: Path) -> None:
    """As by one machine, nothing is wrong, and nothing is not known."""
    assert whole(coupled, tmp_path) == {}
    assert apart(coupled, tmp_path) == {}
    assert entries_agree(tmp_path) == {"my-dc-1": "passed", "my-dc-3": "passed"}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_has_the_same_causes(tmp_path: Path, fault: str) -> None:
    """In a lab of its own: many faults go only by their remedy."""
    with living("--datacenters", "3", f"--fault={fault}") as operator:
        together = whole(operator, tmp_path)
        found = apart(operator, tmp_path)
    assert together
    assert found == together


def test_without_knowing_the_ways_are_not_tried_and_say_what_to_do(coupled: Operator, tmp_path: Path) -> None:
    found = judged(coupled, tmp_path, collected(coupled, tmp_path, "parts"))
    assert set(found.values()) == {"blocked"}
    told = " ".join(missing(tmp_path, cause) for cause in found)
    assert "collect my-dc-1 again with --knowing FILE, the evidence of my-dc-2" in told


def entries_agree(place: Path) -> dict[str, str]:
    run = max((place / "runs").glob("2*"))
    rows = json.loads((run / "findings.json").read_text())["results"]
    return {row["subject"]: row["outcome"] for row in rows if row["check"] == "directory-entries-agree"}


def test_without_listings_it_is_not_known_whether_directories_agree(coupled: Operator, tmp_path: Path) -> None:
    """Of one that was not listed; and a replay of that run knows what the run did."""
    addresses = collected(coupled, tmp_path, "addresses", options="--no-directories")
    files = collected(coupled, tmp_path, "parts", *addresses)
    (tmp_path / "parts/my-dc-3.json.my-dc-3.directory").unlink()
    found = judged(coupled, tmp_path, files)
    assert found == {"directory-entries-agree[my-dc-3]": "blocked"}
    assert entries_agree(tmp_path) == {"my-dc-1": "passed", "my-dc-3": "blocked"}
    run = max((tmp_path / "runs").glob("2*"))
    code, told = coupled.types(f"AZ_RUNS={tmp_path}/runs {AZ} run -q --evidence {run}")
    assert code == 1, told
    assert entries_agree(tmp_path) == {"my-dc-1": "passed", "my-dc-3": "blocked"}


def test_who_collects_with_the_master_knows_all_of_a_replica(coupled: Operator, tmp_path: Path) -> None:
    """A machine that reaches two, and one that reaches the third: all is known."""
    addresses = collected(coupled, tmp_path, "addresses")
    known = " ".join(f"--knowing {path}" for path in addresses)
    files = [tmp_path / "two.json", tmp_path / "one.json"]
    for path, names in zip(files, (("my-dc-1", MASTER), ("my-dc-3",)), strict=True):
        named = " ".join(f"--datacenter {name}" for name in names)
        code, told = coupled.types(f"{AZ} collect {named} -o {path} {known}")
        assert code == 0, told
    assert judged(coupled, tmp_path, files) == {}
    assert sorted(path.name for path in tmp_path.glob("*.directory")) == [
        "one.json.my-dc-3.directory",
        "two.json.my-dc-2.directory",
    ]


def test_another_key_is_refused(coupled: Operator, tmp_path: Path) -> None:
    files = [tmp_path / "one.json", tmp_path / "two.json"]
    for path, name in zip(files, NAMES, strict=False):
        named = f"AZ_FINGERPRINT_KEY_FILE={tmp_path}/{name}.key"
        code, told = coupled.types(f"{named} {AZ} collect --datacenter {name} -o {path}")
        assert code == 0, told
    code, told = coupled.types(f"AZ_RUNS={tmp_path}/runs {AZ} run --evidence {files[0]} --evidence {files[1]}")
    assert code == 4
    assert f"{files[0]} and {files[1]} were collected with different keys of the fingerprints" in told


def test_interrupted(coupled: Operator, tmp_path: Path) -> None:
    """Ctrl-C while it asks: a sentence, exit code 2, and no file."""
    out = tmp_path / "one.json"
    coupled.lab("fault", "headnode-freezes@my-dc-1")  # it would wait long
    try:
        code, told = coupled.types(f"timeout -s INT 3 {AZ} collect --datacenter my-dc-1 -o {out}; echo status $?")
    finally:
        coupled.lab("heal", "headnode-freezes@my-dc-1")
    assert code == 0
    assert "az-checks collect: interrupted, so nothing was written" in told
    assert not out.exists()
    assert [path.name for path in tmp_path.iterdir()] == []


def test_the_gitlab_jobs(coupled: Operator, tmp_path: Path) -> None:
    """The scripts of contrib/gitlab, one after the other as the stages are, each near runner once."""
    jobs = yaml.safe_load(GITLAB.read_text())
    names = jobs[".az-checks-near"]["parallel"]["matrix"][0]["DATACENTER"]
    coupled.types(f'cp "$AZ_INVENTORY" {tmp_path}/region.yaml')
    setting = f"cd {tmp_path}; PATH={ROOT}:$PATH; unset AZ_INVENTORY; export AZ_RUNS={tmp_path}/runs"
    collect, of_master = jobs["az-checks-collect"], jobs["az-checks-collect-master"]
    replicas, (last,) = (job["parallel"]["matrix"][0]["DATACENTER"] for job in (collect, of_master))
    assert (sorted([*replicas, last]), last) == (sorted(names), MASTER)
    assert jobs["az-checks-addresses"]["extends"] == collect["extends"] == ".az-checks-near"
    assert (of_master["extends"], "script" in of_master) == ("az-checks-collect", False)
    rounds = [(name, jobs["az-checks-addresses"]) for name in names] + [(name, collect) for name in (*replicas, last)]
    for name, job in rounds:
        script = "\n".join([setting, f"DATACENTER={name}", *job["script"]])
        code, told = coupled.types(f"sh -ec {shlex.quote(script)}")
        assert code == 0, told
    judge = jobs["az-checks-judge"]
    code, told = coupled.types(f"sh -ec {shlex.quote(chr(10).join([setting, *judge['script']]))}")
    assert code == 0, told
    assert causes(tmp_path) == {}
    assert entries_agree(tmp_path) == {"my-dc-1": "passed", "my-dc-3": "passed"}
    code, told = coupled.types(f"sh -ec {shlex.quote(chr(10).join([setting, *judge['after_script']]))}")
    assert code == 0, told
    assert (tmp_path / "night/junit.xml").exists()


def lines_of(name: str) -> list[str]:
    """What cron starts, without times and user."""
    return [line.split(None, 6)[6] for line in (CRON / name).read_text().splitlines() if re.match(r"\d", line)]


def test_the_cron_jobs(coupled: Operator, tmp_path: Path) -> None:
    """Two nights of contrib/cron: three machines, the master's last, and a centre; cp takes scp's place, and each machine has a folder."""
    scp = tmp_path / "bin/scp"
    scp.parent.mkdir()
    scp.write_text(
        '#!/bin/sh\n[ "$1" = -q ] || exit 9; shift\nfor last; do :; done\n'
        f'while [ $# -gt 1 ]; do cp "$1" "{tmp_path}/$(echo "$last" | sed "s,:,/,")" || exit; shift; done\n'
    )
    scp.chmod(0o755)
    centre, near = tmp_path / "centre.example.com", [tmp_path / f"near-{number}.example.com" for number in (1, 2, 3)]
    (centre / "parts").mkdir(parents=True)
    for folder in near:
        folder.mkdir()

    def starts(line: str, home: Path) -> tuple[int, str]:
        here = line.replace("/opt/az-checks/bin/az-checks", AZ).replace("/var/lib/az-checks", str(home))
        here = here.replace("/etc/az-checks/region.yaml", '"$AZ_INVENTORY"')
        return coupled.types(f"PATH={tmp_path}/bin:$PATH AZ_RUNS={centre}/runs sh -c {shlex.quote(here)}")

    (collect,), (judge, tell) = lines_of("az-checks-collect"), lines_of("az-checks-judge")
    for night in (1, 2):
        for name, folder in sorted(zip(NAMES, near, strict=True), key=lambda each: each[0] == MASTER):
            line = collect.replace("my-dc-1", name)
            line = line if night > 1 else line.replace(" --knowing known.json", "")  # the first time, by hand
            code, told = starts(line, folder)
            assert code == 0, told
        sent = {each for name in NAMES for each in (f"{name}.json", f"{name}.json.{name}.directory")}
        assert {path.name for path in (centre / "parts").iterdir()} == sent
        code, told = starts(judge, centre)
        assert code == (1 if night == 1 else 0), told
        found = causes(centre)
        code, told = starts(tell, centre)
        assert code == 0, told
        assert all((folder / "known.json").exists() for folder in near)
    assert found == {}
    assert entries_agree(centre) == {"my-dc-1": "passed", "my-dc-3": "passed"}
