"""notify_command: told once of what has changed since the night before, by JSON; whatever becomes of it, the verdict stands."""

from __future__ import annotations

import json
import socket
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from evidence.inventory.model import Inventory
from evidence.store import load, save
from reports.conclusion import Conclusion, Ending
from reports.extent import Extent
from reports.findings import Findings, findings_of
from reports.notifying import document, is_told, news_of, notify, trial
from reports.pages.summary import summary_of
from tests.recording import recorded
from tests.reports import pages
from tests.suite.running import inventory, suite

NIGHTLY = Extent(selection="nightly", inventory="/somewhere/region.yaml")
TAKES_IT = "import json, os, sys; told = json.load(sys.stdin); open('told', 'a').write(json.dumps(told) + chr(10))"


def night(name: str) -> Conclusion:
    return replace(pages.concluded(name), extent=NIGHTLY)


def found(conclusion: Conclusion) -> Findings:
    return findings_of(conclusion, "20261126T030000Z")


def told(now: Conclusion, before: Findings | None) -> Any:
    summary = summary_of(now, findings_of(now, pages.RUN))
    return json.loads(document(now, summary, news_of(now, before), Ending(1), "/runs/x"))


def test_the_same_again_is_no_news() -> None:
    for name in ("healthy", "region-name-at-my-dc-1", "headnode-dark-at-my-dc-3"):
        assert news_of(night(name), found(night(name))).none
    assert news_of(night("healthy"), None).none


def test_a_new_cause_is_news_with_its_number_and_words() -> None:
    now = night("region-name-at-my-dc-1")
    for before in (found(night("healthy")), None):
        said = told(now, before)
        (new,) = said["new"]
        assert new == {
            "number": 1, "check": "region-name-agrees", "subject": "my-dc-1", "severity": "critical", "outcome": "failed",
            "words": "region_name is my-dc-old, not my-dc",
        }  # fmt: skip
        assert said["told"].startswith("my-dc (3 datacenters, master my-dc-2): 1 new")
        assert (said["exit_code"], said["fixed"], said["test"]) == (1, [], False)


def test_what_holds_again_is_fixed() -> None:
    said = told(night("healthy"), found(night("region-name-at-my-dc-1")))
    assert said["fixed"] == [{"check": "region-name-agrees", "subject": "my-dc-1"}]
    assert (said["new"], said["unjudged"]["count"]) == ([], 0)


def test_what_can_no_longer_be_judged_is_not_fixed() -> None:
    """A datacenter goes dark: all that was judged of it is not judged any more."""
    before = found(night("region-name-at-my-dc-1"))
    rows = night("headnode-dark-at-my-dc-3")
    said = told(rows, found(night("healthy")))
    held = {row.name for row in night("healthy").verdict.results if row.result.outcome == "passed"}
    blocked = [row for row in rows.verdict.results if row.result.outcome == "blocked" and row.name in held]
    assert said["unjudged"]["count"] == len(blocked) > 100 == len(said["unjudged"]["first"])
    assert [each["check"] for each in said["new"]] == ["headnode-answers"]
    dark = told(replace(rows, verdict=replace(rows.verdict, results=())), before)
    assert dark["fixed"] == [], "what was not looked at is not fixed"


@pytest.mark.parametrize(
    ("extent", "wanted"),
    [
        (NIGHTLY, True),
        (replace(NIGHTLY, partial=True), False),
        (replace(NIGHTLY, replayed=True, inventory=""), False),
        (replace(NIGHTLY, selection=""), False),
        (replace(NIGHTLY, selection="postchange"), False),
    ],
)
def test_only_a_whole_night_is_told(extent: Extent, *, wanted: bool) -> None:
    assert is_told(replace(night("healthy"), extent=extent)) == wanted


def with_command(place: Path, command: str) -> Inventory:
    return replace(recorded("healthy").inventory, path=str(place / "region.yaml"), notify_command=command)


def python(script: str) -> str:
    return f'{sys.executable} -c "{script}"'


def test_it_is_started_beside_the_inventory_and_without_a_shell(tmp_path: Path) -> None:
    argument = "$(touch owned); `touch owned` | touch owned > owned * ~"
    command = (
        f"{python('import sys; open(chr(116), chr(119)).write(repr(sys.argv[1:]) + sys.stdin.read())')} '{argument}'"
    )
    inventory = with_command(tmp_path, command)
    assert notify(inventory, trial(inventory)) == ""
    words, _, text = (tmp_path / "t").read_text().partition("]")
    assert words == repr([argument])[:-1]
    assert json.loads(text)["test"] is True
    assert [path.name for path in tmp_path.iterdir()] == ["t"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("./no-such-notifier", "./no-such-notifier cannot be started (No such file or directory)"),
        (python("raise SystemExit(7)"), "ended with 7"),
        (python("import os; os.kill(os.getpid(), 9)"), "ended with -9"),
        (python("import time; time.sleep(600)"), "had not ended after 0.5 s, and was ended"),
    ],
)
def test_whatever_becomes_of_it_is_a_sentence(tmp_path: Path, command: str, said: str) -> None:
    begun = time.monotonic()
    text = b"x" * (1 << 20) if "time" not in command else b"{}"
    assert said in notify(with_command(tmp_path, command), text, 0.5 if "sleep" in command else 30)
    assert time.monotonic() - begun < 20


def test_what_it_started_ends_with_it(tmp_path: Path) -> None:
    """A child of the command that goes on holds nothing up."""
    script = "import subprocess, time; child = subprocess.Popen(['sleep', '600']); open('pid', 'w').write(str(child.pid)); time.sleep(600)"
    assert "had not ended" in notify(with_command(tmp_path, python(script)), b"{}", 3)
    pid = int((tmp_path / "pid").read_text())
    state = Path(f"/proc/{pid}/stat")
    for _ in range(100):  # it is gone, or nobody's child that waits to be collected
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            break
        time.sleep(0.05)
    else:
        pytest.fail("the child still runs")


def test_the_command_is_in_no_evidence(tmp_path: Path) -> None:
    evidence = recorded("healthy")
    changed = replace(evidence, inventory=replace(evidence.inventory, notify_command="curl https://token@example.com"))
    save(changed, tmp_path / "evidence.json")
    assert b"token" not in (tmp_path / "evidence.json").read_bytes()
    assert load(tmp_path / "evidence.json") == evidence


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """An inventory whose head node refuses every connection, with a command that keeps what it is told."""
    (tmp_path / "notify.py").write_text(TAKES_IT)
    with socket.create_server(("127.0.0.1", 0)) as server:
        return inventory(tmp_path, server, f"notify_command: {sys.executable} notify.py\n")


def nights_of(path: Path, *options: str) -> tuple[int, str, list[Any]]:
    """A night: its exit code, what it said on standard error, and all that the command was told until now."""
    done = suite(path.parent, f"--inventory={path}", "-m", "nightly", *options)
    kept = path.parent / "told"
    return (
        done.returncode,
        done.stderr,
        [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else [],
    )


def test_nights_are_told_once(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(closed.parent))
    code, _, first = nights_of(closed)
    assert code == 1
    (said,) = first
    assert [each["check"] for each in said["new"]] == ["headnode-answers"]
    assert (said["exit_code"], Path(said["folder"]).name) == (1, said["run"])
    assert nights_of(closed)[2] == first, "nothing is new"
    assert nights_of(closed, "-k", "headnode")[2] == first, "a part is no night"
    closed.write_text(closed.read_text().replace("notify.py", "missing.py"))
    for run in (closed.parent / "reports/runs").glob("2*"):
        (run / "findings.json").unlink()
    code, error, _ = nights_of(closed)
    assert code == 1
    assert "ended with 2; the verdict stands, and nobody was told: 1 new" in error


def test_a_trial_asks_nobody(closed: Path) -> None:
    done = suite(closed.parent, f"--inventory={closed}", "--notify-test")
    assert done.returncode == 0, done.stderr
    assert "notify_command took the test: " in done.stdout
    assert json.loads((closed.parent / "told").read_text())["test"] is True
    assert not (closed.parent / "reports").exists()
    closed.write_text(closed.read_text().replace(sys.executable, "/no/such"))
    done = suite(closed.parent, f"--inventory={closed}", "--notify-test")
    assert (done.returncode, done.stdout) == (
        1,
        "notify_command: /no/such cannot be started (No such file or directory)\n",
    )
    closed.write_text(closed.read_text().partition("notify_command")[0])
    done = suite(closed.parent, f"--inventory={closed}", "--notify-test")
    assert done.returncode == 4
    assert "has no notify_command" in done.stderr
