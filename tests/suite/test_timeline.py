"""A whole run with --timeline, and without."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from evidence.model import Evidence
from reports.timeline import REFUSED
from tests.reports.pages import Parsed
from tests.suite.running import HEALTHY, inventory, run_of, suite


def test_a_replay_has_waited_for_nobody(tmp_path: Path) -> None:
    done = suite(tmp_path, f"--evidence={HEALTHY}", "--timeline")
    assert done.returncode == 4
    assert REFUSED in done.stderr
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize("options", [(), ("--timeline",)], ids=["off", "on"])
def test_a_run_leaves_its_timeline_if_it_is_told_to(
    tmp_path: Path, listener: socket.socket, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    region = inventory(tmp_path, listener)
    listener.close()
    done = suite(tmp_path, f"--inventory={region}", *options)
    assert done.returncode == 1, done.stdout + done.stderr
    run, on = run_of(tmp_path), bool(options)
    left = {each.name for each in run.iterdir()}
    assert ({"timeline.json", "timeline.html"} <= left) is on
    assert ("timeline.html" in done.stdout) is on
    assert ("s went: one waited for the other" in done.stdout) is on
    evidence = json.loads((run / "evidence.json").read_text())
    assert set(evidence) == set(Evidence.__struct_fields__)
    if not on:
        return
    told = json.loads((run / "timeline.json").read_text())
    chain = told["chain"]
    assert [each["end"] for each in chain[:-1]] == [each["begin"] for each in chain[1:]]
    assert (chain[0]["begin"], chain[-1]["end"]) == (0, told["seconds"])
    assert {"subject": "dc", "asked": "SSH to the head node"} in [each["question"] for each in chain]
    assert "dc: SSH to the head node" in "".join(Parsed((run / "timeline.html").read_text()).words)
