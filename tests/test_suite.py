"""The suite as an operator calls it, without a lab: options, exit codes, what is contacted, what is left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from msgspec.structs import replace

from evidence.inventory.model import Waiver
from evidence.store import load as load_evidence
from evidence.store import save
from evidence.subjects.spec import BOTH, POSTCHANGE, PREFLIGHT
from fixtures.check import CHECKS
from reports.findings import load
from tests.judging import check_functions
from tests.recording import RECORDED, recorded

ROOT = Path(__file__).resolve().parent.parent
HEALTHY = RECORDED / "healthy.json"
SUITE = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pytest.ini"), "checks"]


@pytest.fixture(scope="module")
def dark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Evidence of three datacenters, one of which has no sshd."""
    path = tmp_path_factory.mktemp("dark") / "evidence.json"
    save(recorded("headnode-refuses-at-my-dc-3"), path)
    return path


def environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith(("AZ_", "PYTEST_"))}


def suite(place: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Calls the suite; its runs are kept below `place`."""
    command = [*SUITE, f"--rootdir={place}", *options]
    return subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=300, check=False
    )


def run_of(place: Path) -> Path:
    """The folder of the only run that is kept there."""
    (run,) = (place / "reports/runs").glob("2*")
    return run


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A port of this machine that would see it if somebody were asked; it never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        yield server


def inventory(place: Path, server: socket.socket, more: str = "") -> Path:
    home = place / ".ssh"
    home.mkdir()
    (home / "config").write_text(f"Host one\n  HostName 127.0.0.1\n  Port {server.getsockname()[1]}\n")
    path = place / "region.yaml"
    path.write_text(f"master: dc\ndatacenters:\n  dc: {{headnode: root@one, region: r}}\n{more}")
    return path


def contacted(server: socket.socket) -> bool:
    server.setblocking(False)
    try:
        server.accept()[0].close()
    except BlockingIOError:
        return False
    return True


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


def test_interrupted_while_collecting(tmp_path: Path, listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    command = [*SUITE, f"--rootdir={tmp_path}", f"--inventory={inventory(tmp_path, listener)}"]
    with (
        subprocess.Popen(
            command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process,
        listener.accept()[0],
    ):
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "interrupted while the evidence was collected, so nothing was judged" in said
    assert "Traceback" not in said


CTRL_C = """\
import os, signal
seen = []
def pytest_runtest_logreport(report):
    seen.append(report)
    if len(seen) == 30 and "PYTEST_XDIST_WORKER" not in os.environ:
        os.killpg(0, signal.SIGINT)
"""


@pytest.mark.parametrize("options", [(), ("-n", "2")])
def test_interrupted_while_judging(tmp_path: Path, dark: Path, options: tuple[str, ...]) -> None:
    """Ctrl-C reaches the whole group of processes, as a terminal does it."""
    (tmp_path / "ctrl_c.py").write_text(CTRL_C)
    command = [*SUITE, f"--rootdir={tmp_path}", f"--evidence={dark}", "-p", "ctrl_c", *options]
    called = environment() | {"PYTHONPATH": str(tmp_path)}
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=called,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "Interrupted: this report holds only what was judged until then." in said
    assert "Run: " in said
    assert not [word for word in ("Traceback", "KeyboardInterrupt", "full-trace") if word in said]
    assert not (tmp_path / "reports/runs/latest").exists()


AT_A_CONSEQUENCE = """\
import os, signal
def pytest_runtest_logreport(report):
    here = report.when == "call" and "PYTEST_XDIST_WORKER" not in os.environ
    if here and "test_cloudapi_answers[my-dc-3.cloudapi0]" in report.nodeid:
        os.killpg(0, signal.SIGINT)
"""
TWICE = """\
import os, signal
import fixtures.quiet
judge, calls = fixtures.quiet._result, []
def interrupted(*arguments):
    calls.append(arguments)
    if len(calls) == 5:
        os.kill(os.getpid(), signal.SIGINT)
    return judge(*arguments)
fixtures.quiet._result = interrupted
"""


def stopped(place: Path, evidence: Path, plugin: str, *options: str) -> subprocess.CompletedProcess[str]:
    (place / "plugin.py").write_text(plugin)
    command = [*SUITE, f"--rootdir={place}", f"--evidence={evidence}", "-p", "plugin", *options]
    called = environment() | {"PYTHONPATH": f"{place}:{ROOT}"}
    with subprocess.Popen(
        command, cwd=ROOT, env=called, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:  # fmt: skip
        said, _ = process.communicate(timeout=300)
    assert not [word for word in ("Traceback", "INTERNALERROR", "KeyboardInterrupt", "full-trace") if word in said]
    return subprocess.CompletedProcess(command, process.returncode, said, "")


@pytest.mark.parametrize("options", [(), ("-n", "2"), ("-x",)])
def test_stopped_before_the_cause_was_judged_it_is_told_all_the_same(tmp_path: Path, options: tuple[str, ...]) -> None:
    """A route is missing; the interrupt comes when only what follows from it has been judged.  -x stops there by itself."""
    evidence = tmp_path / "evidence.json"
    save(recorded("route-missing-at-my-dc-3.cloudapi0"), evidence)
    plugin = AT_A_CONSEQUENCE if "-x" not in options else ""
    done = stopped(tmp_path, evidence, plugin, *options)
    assert done.returncode == (1 if "-x" in options else 2)
    found = load(run_of(tmp_path))
    causes = [(cause.check, cause.subject) for cause in found.causes]
    assert causes == [("cloudapi-reaches-master-ufds", "my-dc-3.cloudapi0--my-dc-2.ufds.636")]
    assert "cloudapi-reaches-master-ufds[my-dc-3.cloudapi0--my-dc-2.ufds.636] was not reached" in " ".join(
        done.stdout.split()
    )
    assert len([row for row in found.results if row.selected]) < 150, "of 337"
    assert found.partial


def test_interrupted_twice_no_cause_is_claimed(tmp_path: Path) -> None:
    evidence = tmp_path / "evidence.json"
    save(recorded("route-missing-at-my-dc-3.cloudapi0"), evidence)
    done = stopped(tmp_path, evidence, AT_A_CONSEQUENCE + TWICE)
    assert done.returncode == 2
    run = run_of(tmp_path)
    assert "Interrupted before causes were told apart from consequences." in done.stdout
    assert f"pytest --evidence={run.name}" in done.stdout
    assert "step 1" not in done.stdout
    assert sorted(path.name for path in run.iterdir()) == ["evidence.json"]


NO_SUCH = "checks/names.py::test_region_name_agrees[nobody]"
SELECTIONS = [
    (("checks", "-k", "candidate"), 0, "Nothing was judged: 0 passed"),
    (("checks", "-k", "manta and not candidate"), 0, "Nothing was judged: 0 passed"),
    (("checks", "-k", "candidate", "--datacenter=my-dc-1"), 0, "Nothing was judged: 0 passed"),
    (("checks", "-m", "preflight", "-k", "candidate"), 0, "Nothing was judged: 0 passed"),
    (("checks", "--deselect", "checks/names.py::test_nothing", "-k", "candidate"), 0, "Nothing was judged: 0 passed"),
    (("checks", "-m", "nosuch"), 4, "Unknown marker(s) in '-m' expression: nosuch"),
    (("checks", "-m", "preflight and"), 4, "Wrong expression passed to '-m'"),
    (("checks", "-k", "region and"), 4, "Wrong expression passed to '-k'"),
    ((NO_SUCH,), 4, "not found: "),
    (("checks/names.py::test_nothing",), 4, "not found: "),
    (("checks/nothing.py",), 4, "not found: "),
    (("checks", "--datacenter=nobody"), 4, "the inventory has no nobody"),
    (("checks", "-k", "nosuch"), 5, "Nothing was selected"),
    (("checks", "-k", "nosuch", "--collect-only"), 5, "Nothing was selected"),
    (("checks", "-k", "candidate", "--collect-only"), 0, "coupling.py: 8"),
    ((NO_SUCH, "--collect-only"), 4, "not found: "),
]


@pytest.mark.parametrize("how", [(), ("-n", "2")])
@pytest.mark.parametrize(("selection", "code", "said"), SELECTIONS)
def test_no_selection_ends_in_an_internal_error(
    tmp_path: Path, selection: tuple[str, ...], code: int, said: str, how: tuple[str, ...]
) -> None:
    command = [*SUITE[:-1], f"--rootdir={tmp_path}", f"--evidence={HEALTHY}", *selection, *how]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=300, check=False
    )  # fmt: skip
    told = done.stdout + done.stderr
    assert done.returncode == code, told
    assert not [word for word in ("Traceback", "INTERNALERROR") if word in told], told
    assert said in told


@pytest.mark.parametrize("options", [(), ("-n", "2")])
def test_a_replay_is_never_the_latest_run(tmp_path: Path, dark: Path, options: tuple[str, ...]) -> None:
    """Nor is it the run before another; what it prints names it, and so does the plan."""
    old = tmp_path / "reports/runs/20200101T000000Z"
    old.mkdir(parents=True)
    latest = old.parent / "latest"
    latest.symlink_to(old.name)
    done = suite(tmp_path, f"--evidence={dark}", *options)
    assert done.returncode == 1
    assert latest.readlink() == Path(old.name)
    (run,) = (old.parent).glob("202[1-9]*")
    assert f"az-checks plan {run}\n" in done.stdout
    assert load(run).inventory == ""
    plan = subprocess.run(
        [sys.executable, "-m", "remediate", str(run)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert plan.returncode == 0
    assert run.name in plan.stdout


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


def test_nothing_selected(tmp_path: Path) -> None:
    done = suite(tmp_path, f"--evidence={HEALTHY}", "-k", "nope")
    assert done.returncode == 5
    assert "Nothing was selected" in done.stdout


def test_k_takes_what_the_reports_print(tmp_path: Path) -> None:
    done = suite(tmp_path, f"--evidence={HEALTHY}", "-k", "sapi-points-at-master-moray[my-dc-1] or one-ufds-master")
    assert done.returncode == 0
    assert "2 passed, 0 failed, 0 blocked, 0 waived, 0 not applicable of 2" in " ".join(done.stdout.split())


@pytest.mark.parametrize("named", ["/nonexistent", "pytest.ini", "."])
def test_what_is_no_evidence(tmp_path: Path, named: str) -> None:
    done = suite(tmp_path, f"--evidence={named}")
    assert done.returncode == 4
    assert "name an" in done.stderr + done.stdout


def test_a_dark_datacenter_is_blocked_and_the_others_are_judged(tmp_path: Path, dark: Path) -> None:
    done = suite(tmp_path, f"--evidence={dark}")
    assert done.returncode == 1
    assert "1 cause, and " in done.stdout
    assert "observed  root@10.3.2.2 refused the connection: nothing listens on port 22\n" in done.stdout
    assert "checks of my-dc-3 (blocked: nobody could look)" in done.stdout
    run = run_of(tmp_path)
    rows = load(run).results
    assert {row.outcome for row in rows if row.subject.startswith("my-dc-3")} == {"failed", "blocked"}
    others = [row for row in rows if row.subject.startswith("my-dc-1") and "my-dc-3" not in row.subject]
    assert {row.outcome for row in others} == {"passed", "blocked", "not_applicable"}
    assert {name for row in others if row.outcome == "blocked" for name in map(str, row.blocked_by)} == {
        "headnode-answers[my-dc-3]"
    }
    cases = ElementTree.parse(run / "junit.xml").getroot().findall("testsuite/testcase")
    assert len(cases) == len(rows)


LABS = {
    "healthy": (3, set()),
    "healthy-candidate-my-dc-3": (3, {"my-dc-3"}),
    "healthy-uncoupled-datacenters-2": (2, {"my-dc-1"}),
}
"""Recorded lab: how many datacenters, and which of them are candidates."""
SELECTED = {"preflight": {PREFLIGHT, BOTH}, "postchange": {POSTCHANGE, BOTH}, "nightly": {PREFLIGHT, POSTCHANGE, BOTH}}


@pytest.mark.parametrize("stage", SELECTED)
@pytest.mark.parametrize("lab", LABS)
def test_each_stage_judges_those_whom_it_is_about(tmp_path: Path, lab: str, stage: str) -> None:
    """Before coupling: candidates, with what has to hold anyway; after it: nothing of a candidate."""
    count, candidates = LABS[lab]
    done = suite(tmp_path, f"--evidence={RECORDED / lab}.json", "-m", stage)
    assert done.returncode == 0, done.stdout
    check_functions()
    rows = [row for row in load(run_of(tmp_path)).results if row.outcome != "not_applicable"]
    assert {CHECKS[row.check].stage for row in rows} <= SELECTED[stage]
    everyone = {f"my-dc-{number}" for number in range(1, count + 1)}
    for kind, about in ((PREFLIGHT, candidates), (POSTCHANGE, everyone - candidates), (BOTH, everyone)):
        places = {row.subject.partition("--")[0].partition(".")[0] for row in rows if CHECKS[row.check].stage == kind}
        assert places & everyone == (about if kind in SELECTED[stage] else set()), kind


def test_workers_give_the_same_verdict_and_a_run_can_be_replayed_by_its_name(tmp_path: Path, dark: Path) -> None:
    alone = suite(tmp_path, f"--evidence={dark}")
    name = run_of(tmp_path).name
    shared = suite(tmp_path, f"--evidence={name}", "-n", "2")
    assert alone.returncode == shared.returncode == 1
    first, second = (
        json.loads((run / "findings.json").read_bytes()) | {"run": ""}
        for run in sorted((tmp_path / "reports/runs").glob("2*"), key=lambda run: run.name != name)
    )
    assert first == second


WAIVER = "- {check: headnode-answers, subject: my-dc-3, reason: it moves, owner: ops, until: 2100-01-01}\n"


@pytest.mark.parametrize("options", [(), ("-n", "2")])
def test_only_waived_findings_are_exit_0(tmp_path: Path, dark: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "waivers.yaml").write_text(WAIVER)
    selected = ("-k", "headnode-answers or headnode-is-the-right-one", f"--waivers={tmp_path / 'waivers.yaml'}")
    done = suite(tmp_path, f"--evidence={dark}", *selected, f"--junitxml={tmp_path / 'own.xml'}", *options)
    assert done.returncode == 0, done.stdout
    assert "headnode-answers[my-dc-3] (failed)" in done.stdout
    assert "All that was judged is well except for waived findings: 4 passed" in done.stdout
    own = ElementTree.parse(tmp_path / "own.xml").getroot().find("testsuite")
    assert own is not None
    assert own.attrib["skipped"] == "1", "what follows is only known at the end"
    (run,) = (tmp_path / "reports/runs").glob("2*")
    waivers = {row.check: row.waiver for row in load(run).results if row.waiver is not None}
    assert [str(name) for name in waivers["headnode-is-the-right-one"].through] == ["headnode-answers[my-dc-3]"]


def test_a_hostile_waiver_in_stored_evidence_is_shown_harmless(tmp_path: Path, dark: Path) -> None:
    evidence = load_evidence(dark)
    hostile = Waiver("headnode-answers", "my-dc-3", "\x1b[2J\n<b>", "\x9bowner", date(2100, 1, 1), "\u202e")
    save(replace(evidence, inventory=replace(evidence.inventory, waived=(hostile,))), tmp_path / "evidence.json")
    done = suite(tmp_path, f"--evidence={tmp_path / 'evidence.json'}", "-k", "headnode", "-rA", "-v")
    assert "\\x1b[2J" in done.stdout
    assert not [raw for raw in ("\x1b", "\x9b", "\u202e") if raw in done.stdout + done.stderr]


def test_a_bad_waiver_is_refused_before_anybody_is_contacted(
    tmp_path: Path, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "waivers.yaml").write_text(WAIVER + "- {check: headnode-answers}\n")
    done = suite(tmp_path, f"--inventory={inventory(tmp_path, listener, 'waivers: waivers.yaml')}")
    assert done.returncode == 4
    assert f"{tmp_path / 'waivers.yaml'}:2: the waiver lacks `subject`" in done.stderr + done.stdout
    assert not contacted(listener)


@pytest.mark.parametrize("options", [(), ("-n", "2")])
def test_one_datacenter_is_judged_with_what_it_lies_in(tmp_path: Path, options: tuple[str, ...]) -> None:
    done = suite(tmp_path, f"--evidence={HEALTHY}", "--datacenter=my-dc-1", *options)
    (run,) = (tmp_path / "reports/runs").glob("2*")
    judged = {row.subject.partition("--")[0].partition(".")[0] for row in load(run).results if row.selected}
    assert judged - {"not-applicable"} == {"my-dc-1", "my-dc", "coupling"}
    assert "Only my-dc-1 was judged" in done.stdout
    assert f"az-checks plan {run}" in done.stdout or done.returncode == 0
    assert not (run.parent / "latest").exists()


def test_an_unknown_datacenter(tmp_path: Path) -> None:
    done = suite(tmp_path, f"--evidence={HEALTHY}", "--datacenter=my-dc-9")
    assert done.returncode == 4
    assert "--datacenter: the inventory has no my-dc-9; it has: my-dc-1, my-dc-2, my-dc-3" in done.stderr


def test_the_cause_of_a_selected_finding_is_told_though_it_was_not_selected(tmp_path: Path, dark: Path) -> None:
    done = suite(tmp_path, f"--evidence={dark}", "-k", "one-ufds-master")
    assert done.returncode == 1
    assert "1 cause, and 1 finding that follows" in done.stdout
    assert "observed  root@10.3.2.2 refused the connection: nothing listens on port 22\n" in done.stdout
    assert "headnode-answers[my-dc-3] was not selected" in done.stdout


@pytest.mark.parametrize("options", [("-x",), ("-x", "-n", "2")])
def test_stopped_at_the_first_finding(tmp_path: Path, dark: Path, options: tuple[str, ...]) -> None:
    done = suite(tmp_path, f"--evidence={dark}", *options)
    assert done.returncode == 1
    assert "Stopped by -x or --maxfail" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "full-trace" not in done.stdout
    assert not (tmp_path / "reports/runs/latest").exists()


def test_a_run_that_cannot_be_kept_is_judged_all_the_same(tmp_path: Path, dark: Path) -> None:
    (tmp_path / "reports").write_text("in the way")
    for options in ((), ("-n", "2")):
        done = suite(tmp_path, f"--evidence={dark}", *options)
        assert done.returncode == 1
        assert "this run is not kept" in done.stderr
        assert "1 cause" in done.stdout
        assert "This run was not kept." in done.stdout
