"""az-checks apply as a whole: a wrong region is put right, proved, and taken back; and what may go wrong on the way."""

from __future__ import annotations

import json
import os
import resource
import signal
from pathlib import Path

import pytest
from msgspec.structs import replace

from apply.door import Answer
from apply.journal import FILE, Closed, Effect, Intent, Journal, Locking, Opened, Resulted, pending, read
from evidence.store import load, save
from tests.apply.scene import Scene

ALL = [
    'sapiadm {"metadata": {"region_name": "my-dc"}}',
    "config-agent:default",
    "binder:default",
]
BACK = ['sapiadm {"metadata": {"region_name": "my-dc-old"}}', *ALL[1:]]
"""Taken back: the value, and then what runs with it."""
LINES = 11
"""Of the journal of the whole: begun, a lock, three changes and a wait with their results, ended."""


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene.made(tmp_path)


def journal(scene: Scene) -> Path:
    return scene.runs / "20260101T000000Z" / FILE


def test_it_is_put_right_and_proved(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scene.apply(monkeypatch) == 0
    assert scene.healed
    assert scene.changes == ALL
    kinds = [type(entry) for entry in read(journal(scene))]
    assert kinds == [Opened, Locking, *[Intent, Resulted] * 4, Closed]
    assert journal(scene).stat().st_mode & 0o777 == 0o600
    assert not scene.locked
    assert "fixed: region-name-agrees[my-dc-1]" in capsys.readouterr().out


def test_applied_again_nothing_is_changed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.apply(monkeypatch)
    scene.apply(monkeypatch, "20260101T000000Z")
    assert scene.changes == ALL


def test_it_is_taken_back(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.apply(monkeypatch)
    assert scene.apply(monkeypatch, "--undo") == 0
    assert scene.changes == [*ALL, *BACK]
    assert scene.door.state["file"]["region_name"] == "my-dc-old"
    assert scene.apply(monkeypatch, "--undo") == 4, "there is nothing left to take back"
    assert scene.changes == [*ALL, *BACK]


def test_what_somebody_changed_since_is_not_taken_back(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.apply(monkeypatch)
    scene.door.somebody_sets(lambda state: next(iter(state["sapi"].values())).update(region_name="theirs"))
    assert scene.apply(monkeypatch, "--undo") == 1
    assert scene.changes == ALL
    assert '"theirs"' in capsys.readouterr().out


def test_what_changed_between_plan_and_apply_stops_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.door.somebody_sets(lambda state: next(iter(state["sapi"].values())).update(region_name="theirs"))
    assert scene.apply(monkeypatch) == 1
    assert scene.changes == []
    said = capsys.readouterr().out
    for value in ('"my-dc-old"', '"my-dc"', '"theirs"'):
        assert value in said


def test_a_value_that_is_hostile_is_shown_and_does_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = "\x1b[2J$(touch /tmp/owned)\u202e'; rm -rf /"
    scene.door.somebody_sets(lambda state: next(iter(state["sapi"].values())).update(region_name=hostile))
    assert scene.apply(monkeypatch) == 1
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "touch /tmp/owned" in said
    assert not any("owned" in command for command in scene.door.sent)
    assert scene.changes == []


def test_a_dry_run_changes_nothing_and_needs_no_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = Scene.made(tmp_path, allowed=False)
    assert scene.apply(monkeypatch, "--dry-run") == 0
    assert scene.changes == []
    assert not any("mkdir" in command for command in scene.door.sent)
    assert not journal(scene).exists()
    assert 'as planned: {"region_name": "my-dc-old"}' in capsys.readouterr().out


def test_it_is_refused_without_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = Scene.made(tmp_path, allowed=False)
    assert scene.apply(monkeypatch) == 4
    assert "apply: true" in capsys.readouterr().err
    assert scene.door.sent == []


def test_it_is_refused_without_a_terminal_and_without_yes(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    from apply import command

    monkeypatch.setenv("AZ_FINGERPRINT_KEY_FILE", str(scene.root / "key"))
    assert command.main(["--runs", str(scene.runs)], door=scene.door) == 4
    assert scene.door.sent == []


def test_the_operator_is_asked_for_each_step_and_may_leave_one(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["show", "skip"])
    assert scene.apply(monkeypatch, ask=lambda _: next(answers)) == 1
    assert scene.changes == [], "what comes after a step that was left rests on it"
    answers = iter(["yes", "quit"])
    assert scene.apply(monkeypatch, ask=lambda _: next(answers)) == 2
    assert scene.changes == ALL[:1]
    assert not scene.locked


def fails(_: str, really: object) -> Answer:
    return Answer(1, err="sapiadm update: error: no")


def lies(_: str, really: object) -> Answer:
    return Answer(0)


def hangs(_: str, really: object) -> Answer:
    return Answer(None, why="it did not end within 120 s")


@pytest.mark.parametrize(
    ("spoils", "effect", "said"),
    [
        (fails, Effect.FAILED, "error: no"),
        (lies, Effect.FAILED, "nothing has changed"),
        (hangs, Effect.UNKNOWN, "120 s"),
    ],
)
def test_a_command_that_fails_lies_or_hangs_stops_it(
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    spoils: object,
    effect: Effect,
    said: str,
) -> None:
    monkeypatch.setattr("remediate.actions.sapi.SapiMetadata.patience", 0)
    scene.door.spoils = spoils  # type: ignore[assignment]
    assert scene.apply(monkeypatch) == 1
    results = [entry for entry in read(journal(scene)) if isinstance(entry, Resulted)]
    assert [entry.outcome for entry in results] == [effect]
    assert said in capsys.readouterr().out
    assert scene.changes == []
    assert not scene.locked


def test_a_connection_that_breaks_after_the_command_is_read_again_and_not_repeated(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_: str, really: object) -> Answer:
        assert callable(really)
        really()
        return Answer(None, why="the connection broke before it ended")

    scene.door.spoils = breaks
    assert scene.apply(monkeypatch) == 0
    assert scene.changes == ALL


def test_what_hung_is_resolved_before_anything_else(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("remediate.actions.sapi.SapiMetadata.patience", 0)
    scene.door.spoils = hangs
    scene.apply(monkeypatch)
    scene.door.spoils = None
    assert scene.apply(monkeypatch) == 4
    assert "--resume" in capsys.readouterr().err
    assert scene.changes == []
    assert scene.apply(monkeypatch, "--resume") == 0
    assert scene.changes == ALL
    assert pending(read(journal(scene))) == []


def test_a_value_that_is_neither_is_left_only_by_a_human(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remediate.actions.sapi.SapiMetadata.patience", 0)
    scene.door.spoils = hangs
    scene.apply(monkeypatch)
    scene.door.spoils = None
    scene.door.somebody_sets(lambda state: next(iter(state["sapi"].values())).update(region_name="theirs"))
    assert scene.apply(monkeypatch, "--resume") == 1
    assert pending(read(journal(scene)))
    answers = iter(["leave", "quit"])
    assert scene.apply(monkeypatch, "--resume", ask=lambda _: next(answers)) == 2
    assert pending(read(journal(scene))) == []
    assert scene.changes == []


def killed(scene: Scene, line: int, *words: str, before: bool) -> None:
    """Applies in a process that is killed at a line of the journal."""
    child = os.fork()
    if child:
        assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
        return
    append, count = Journal.append, iter(range(1, 100))

    def counted(self: Journal, entry: object) -> None:
        now = next(count) == line
        if now and before:
            os.kill(os.getpid(), signal.SIGKILL)
        append(self, entry)  # type: ignore[arg-type]
        if now:
            os.kill(os.getpid(), signal.SIGKILL)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "append", counted)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        scene.apply(patch, *words)
    os._exit(0)


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("line", range(1, LINES + 1))
def test_killed_at_any_line_it_goes_on(scene: Scene, monkeypatch: pytest.MonkeyPatch, line: int, before: bool) -> None:
    """SAPI is written once and binder restarted once, whenever it was killed; config-agent may be restarted again."""
    killed(scene, line, before=before)
    begun = journal(scene).exists() and not (line == LINES and not before)
    if begun and read(journal(scene)):
        assert scene.apply(monkeypatch, "--resume") == 0
    elif not scene.healed:
        assert scene.apply(monkeypatch) == 0
    assert scene.healed
    assert [change for change in scene.changes if change != ALL[1]] == [ALL[0], ALL[2]]
    assert scene.changes.count(ALL[1]) <= 2
    assert not scene.locked


def test_a_second_apply_is_refused_with_whose_it_is(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = scene.root / "dc/var/run/az-checks.lock"
    other.mkdir()
    theirs = {"who": "ada@elsewhere", "since": "2026-01-01T00:00:00Z", "run": "R", "token": "t", "pid": 7}
    (other / "owner").write_text(json.dumps(theirs))
    assert scene.apply(monkeypatch) == 4
    said = capsys.readouterr().err
    assert "ada@elsewhere" in said
    assert "2026-01-01T00:00:00Z" in said
    assert "run R" in said
    assert scene.changes == []
    assert other.exists(), "a lock of somebody else's is left alone"
    assert scene.apply(monkeypatch, "--break-lock") == 0
    assert scene.changes == ALL


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("line", range(1, LINES + 1))
def test_an_undo_that_was_killed_goes_on_as_an_undo(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, line: int, before: bool
) -> None:
    scene.apply(monkeypatch)
    killed(scene, line, "--undo", before=before)
    ended = line == LINES and not before
    if not ended:
        begun = len([entry for entry in read(journal(scene)) if isinstance(entry, Opened)]) == 2
        assert scene.apply(monkeypatch, "--resume" if begun else "--undo") == 0
    assert scene.changes == [*ALL, *BACK]
    assert not scene.locked


def test_two_at_once_on_one_machine(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second is refused while the first waits for an answer, and may begin when that has ended."""
    seen: list[int] = []

    def meanwhile(_: str) -> str:
        seen.append(scene.apply(monkeypatch))
        return "quit"

    assert scene.apply(monkeypatch, ask=meanwhile) == 2
    assert seen == [4]
    assert f"process {os.getpid()}" in capsys.readouterr().err
    assert scene.changes == []
    assert scene.apply(monkeypatch) == 0


def test_a_head_node_that_dies_in_the_middle_leaves_a_sentence(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    really, gone = scene.door.run, Answer(None, why="no answer within 5 s", sent=False)

    def dies(datacenter: str, command: str, within: float) -> Answer:
        return gone if scene.changes else really(datacenter, command, within)

    monkeypatch.setattr("remediate.actions.sapi.SapiMetadata.patience", 0)
    monkeypatch.setattr(scene.door, "run", dies)
    assert scene.apply(monkeypatch) == 1
    said = capsys.readouterr().out
    assert "is not known" in said
    assert "could not be given back" in said
    monkeypatch.setattr(scene.door, "run", really)
    assert scene.apply(monkeypatch, "--resume") == 0
    assert scene.changes == ALL
    assert not scene.locked


def test_another_inventory_than_the_run_judged_is_refused(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    evidence = load(scene.runs / "latest/evidence.json")
    declared = evidence.inventory.datacenters
    moved = declared | {"my-dc-3": replace(declared["my-dc-3"], headnode="root@10.9.9.9")}
    other = replace(evidence, inventory=replace(evidence.inventory, datacenters=moved))
    save(other, scene.runs / "20260101T000000Z/evidence.json")
    assert scene.apply(monkeypatch) == 4
    assert "run the checks again" in capsys.readouterr().err


def test_while_sdcadm_works_nothing_is_done(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (scene.root / "dc/var/run/sdcadm.lock").write_text("4711\n")
    assert scene.apply(monkeypatch) == 4
    assert "4711" in capsys.readouterr().err
    assert scene.changes == []
    assert not scene.locked


def test_a_full_disk_under_the_journal_stops_before_anything_is_sent(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, hard))  # room for the line that says who began
    try:
        assert scene.apply(monkeypatch) == 4
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "nothing was sent" in capsys.readouterr().err
    assert scene.changes == []
    assert not scene.locked
    assert scene.apply(monkeypatch) == 0
    assert scene.changes == ALL


def test_no_password_comes_into_the_journal(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "tr0ub4dor-and-3"
    scene.door.somebody_sets(lambda state: next(iter(state["sapi"].values())).update(ufds_ldap_root_pw=secret))

    def talkative(command: str, really: object) -> Answer:
        assert callable(really)
        done = really()
        return Answer(done.code, f"root's password is {secret}", "")

    scene.door.spoils = talkative
    assert scene.apply(monkeypatch) == 0
    assert secret not in journal(scene).read_text()
    assert "(secret)" in journal(scene).read_text()
