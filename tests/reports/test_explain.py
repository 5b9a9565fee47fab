"""az-checks explain: a cause by its number, any finding, a check; the numbers are those of the screen, the plan and the files."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evidence.store import save
from evidence.subjects.claims import judged
from fixtures.check import CHECKS
from fixtures.quiet import results
from reports import command as remediate
from reports.conclude import conclude
from reports.explaining import _explain
from reports.page import Look, Page
from reports.run import new_run
from reports.stored import conclusion_in
from reports.told import told
from reports.words import WORDS, in_words
from tests.judging import check_functions
from tests.recording import recorded
from tests.reports import scenes
from tests.reports.test_files import kept
from triton_az_checks.errors import OperatorError

NOW = datetime(2026, 11, 23, 10, 45, tzinfo=UTC)
ROUTE = "route-missing-at-my-dc-3.cloudapi0"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs with one: a route is missing."""
    check_functions()
    evidence = recorded(ROUTE)
    world = judged(evidence.inventory, evidence)
    place = tmp_path_factory.mktemp("runs")
    run = new_run(place, NOW)
    save(evidence, run.path / "evidence.json")
    assert run.write(conclude(results(world), CHECKS, world))
    return place


def page(runs: Path, what: str, run: str | None = None) -> str:
    check_functions()
    told = Page()
    _explain(told, what, run, runs)
    return str(told)


def flat(text: str) -> str:
    return " ".join(text.split())


def test_a_cause_is_explained_in_full(runs: Path) -> None:
    said = flat(page(runs, "1"))
    link = "my-dc-3.cloudapi0--my-dc-2.ufds.636"
    for part in (
        "Cause 1 of 1",
        f"critical, failed: cloudapi-reaches-master-ufds[{link}]",
        "cloudapi0 cannot reach the UFDS of my-dc-2: tcp/636: timeout",
        "must hold The cloudapi zone of every replica and candidate reaches",
        "why cloudapi on a replica starts only when it is connected to the master's UFDS",
        "expected tcp/636: open",
        "observed tcp/636: timeout to 10.2.2.29",
        "source seed; sdc-cloudapi:lib/app.js",
        "see docs/checks.md#cloudapi-reaches-master-ufds",
        "From this 4 findings follow",
        "cloudapi-answers: my-dc-3.cloudapi0 503",
        "could not be judged; follows from cloudapi-answers, and that from this",
        f"{link}: the probe on root@10.3.2.2 (my-dc-3) type zlogin -Q",
        '"result": "timeout"',
        "What to do step 1 of",
        "vmadm update",
    ):
        assert part in said, part


def test_a_consequence_names_its_cause(runs: Path) -> None:
    said = flat(page(runs, "cloudapi-answers@my-dc-3.cloudapi0"))
    assert "follows from cause 1, cloudapi-reaches-master-ufds[" in said
    assert "type curl" in said
    assert "What to do" not in said
    assert said == flat(page(runs, "cloudapi-answers[my-dc-3.cloudapi0]"))


def test_what_passed_can_be_explained_too(runs: Path) -> None:
    assert "passed: sapi-answers[my-dc-1.sapi0]" in page(runs, "sapi-answers@my-dc-1.sapi0")


def test_of_a_check_the_catalogue_and_how_it_ended(runs: Path, tmp_path: Path) -> None:
    said = page(runs, "cloudapi-reaches-master-ufds")
    assert "failed, cause 1: my-dc-3.cloudapi0--my-dc-2.ufds.636" in said
    assert "must hold" in said
    alone = page(tmp_path, "cloudapi-reaches-master-ufds")
    assert said.startswith(alone)
    assert "failed" not in alone


def test_every_check_can_be_explained_without_a_run(tmp_path: Path) -> None:
    check_functions()
    for check in CHECKS:
        said = page(tmp_path, check)
        assert "must hold" in said
        assert f"see        docs/checks.md#{check}" in said


def test_the_numbers_are_the_same_everywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = kept(tmp_path, scenes.five())
    place = run.path.parent
    names = [str(name) for name in scenes.five().numbers]
    found = json.loads((run.path / "findings.json").read_bytes())["causes"]
    assert [f"{cause['check']}[{cause['subject']}]" for cause in found] == names
    assert remediate.main(["--runs", str(place), "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)["entries"]
    assert {entry["number"]: f"{entry['check']}[{entry['subject']}]" for entry in entries} == dict(enumerate(names, 1))
    assert remediate.main(["--runs", str(place)]) == 0
    plan = dict(re.findall(r"^   cause (\d): (\S+)", capsys.readouterr().out, re.MULTILINE))
    assert plan == {str(number): name for number, name in enumerate(names, 1)}
    junit = (run.path / "junit.xml").read_text()
    assert [f"cause:      {number} of 5, from which" in junit for number in range(1, 7)] == [True] * 5 + [False]
    for said in (told(scenes.five(), Look()), page(place, "")):
        listed = re.findall(r"^ (\d) my-dc", said, re.MULTILINE)
        assert listed == ["1", "2", "3", "4", "5"]
    check_functions()
    assert conclusion_in(run.path, CHECKS).verdict.causes == scenes.five().verdict.causes


def test_only_takes_a_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = kept(tmp_path, scenes.demo()).path.parent
    assert remediate.main(["--runs", str(place), "--only", "2"]) == 0
    said = capsys.readouterr().out
    assert "cause 2: sapi-points-at-master-moray[my-dc-1]" in said
    assert "cause 1" not in said
    assert remediate.main(["--runs", str(place), "--only", "3"]) == 4


def test_a_newer_run_that_is_not_the_latest_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Otherwise the numbers of a preflight, say, would be looked up in last night's run."""
    place = kept(tmp_path, scenes.demo()).path.parent
    assert "newer run" not in page(place, "")
    later = kept(tmp_path, scenes.replayed())
    assert f"There is a newer run of a part, a replay, or a preflight: --run {later.name}" in flat(page(place, ""))
    assert remediate.main(["--runs", str(place)]) == 0
    assert f"az-checks plan {later.name}" in capsys.readouterr().out
    assert "newer run" not in page(place, "", later.name)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("0", "has 1 cause, so there is no cause 0"),
        ("2", "has 1 cause, so there is no cause 2"),
        ("sapi-answer", "there is no check sapi-answer; there is sapi-answers"),
        ("sapi-answers@nowhere", "the run judged sapi-answers not at nowhere, but at: my-dc-1.sapi0"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(runs: Path, what: str, said: str) -> None:
    with pytest.raises(OperatorError, match=re.escape(said)):
        page(runs, what)


def test_without_a_run_there_is_no_number(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="there is no complete run"):
        page(tmp_path, "1")


def test_hostile_answers_are_escaped_here_too(tmp_path: Path) -> None:
    place = kept(tmp_path, scenes.hostile()).path.parent
    for what in ("", "1", "2"):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", page(place, what))


def test_every_check_has_its_words() -> None:
    """A new check gets a row in reports/words.py."""
    check_functions()
    assert WORDS.keys() == CHECKS.keys()
    for check in CHECKS:
        finding = scenes.s.finding(check, "my-dc-3.ufds0", expected="x: 1", observed="x: 2 (y {z} (w))")
        assert not re.search(r"\{(at|to|value|note|named|observed|sentence|expected|wanted)\}", in_words(finding))
