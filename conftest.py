"""Glue only: the suite's options, and what plugs into pytest.

One run: read the inventory, collect evidence once (in the controller, also under xdist), judge in the tests, and at the end
conclude, write the run's folder and tell the operator.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import pkgutil
import signal
import sys
import tempfile
import warnings
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

pytest.register_assert_rewrite("checks")

import checks  # noqa: E402
from evidence.inventory import Inventory  # noqa: E402
from evidence.lines import DeclarationError  # noqa: E402
from evidence.model import Evidence  # noqa: E402
from evidence.reading import read_inventory  # noqa: E402
from evidence.redact import FingerprintKeyError  # noqa: E402
from evidence.spec import FINDINGS, Result  # noqa: E402
from evidence.store import EvidenceError, load, save  # noqa: E402
from evidence.subjects import World  # noqa: E402
from evidence.waivers import read_waivers  # noqa: E402
from fixtures import quiet  # noqa: E402
from fixtures.check import CHECKS, validate  # noqa: E402
from fixtures.plugin import WORLD, result_in  # noqa: E402
from remediate.text import safe  # noqa: E402
from reports.conclude import Conclusion, conclude  # noqa: E402
from reports.extent import Extent  # noqa: E402
from reports.progress import Progress  # noqa: E402
from reports.run import RUNS, Run, RunError, new_run  # noqa: E402
from reports.terminal import summary  # noqa: E402
from triton_az_checks import places  # noqa: E402

pytest_plugins = ["fixtures.plugin"]

RUN = pytest.StashKey[Run]()
ASIDE = pytest.StashKey[tempfile.TemporaryDirectory[str]]()
HELP = (
    "give it one with --inventory=FILE or AZ_INVENTORY, or replay a run with --evidence; region.example.yaml explains"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("triton-az-checks")
    group.addoption(
        "--inventory",
        metavar="FILE",
        help="the coupling to judge (default: AZ_INVENTORY)",
    )
    group.addoption(
        "--datacenter",
        metavar="NAME",
        action="append",
        default=[],
        help="judge only this datacenter's subjects (repeatable); everything is collected all the same",
    )
    group.addoption("--waivers", metavar="FILE", help="these waivers instead of those that the inventory names")
    group.addoption("--runs", metavar="DIR", help="where runs are kept (default: AZ_RUNS, or reports/runs)")
    group.addoption("--evidence", metavar="RUN_OR_FILE", help="judge this stored evidence, and contact nobody")


def pytest_configure(config: pytest.Config) -> None:
    for module in pkgutil.iter_modules(checks.__path__):
        importlib.import_module(f"checks.{module.name}")
    validate()
    if hasattr(config, "workerinput"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the controller ends its workers
    else:
        config.pluginmanager.register(Keeper(config), "az-keeper")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Get the evidence before pytest collects the tests: it adds instances to the subjects."""
    config = session.config
    handed = getattr(config, "workerinput", {}).get("az_evidence")
    if handed is not None:
        evidence = load(Path(handed))
        config.stash[WORLD] = World(evidence.inventory, evidence)
        return
    try:
        config.stash[WORLD] = _world(config)
    except (DeclarationError, EvidenceError, FingerprintKeyError) as error:
        raise pytest.UsageError(str(error)) from None


def _world(config: pytest.Config) -> World:
    stored = config.getoption("evidence")
    if stored is not None:
        named = _runs(config) / stored
        evidence = load(named if stored and named.is_dir() else Path(stored))
        evidence = replace(evidence, inventory=_declared(config, evidence.inventory))
        if not config.option.collectonly:
            _keep(config, evidence)
        return World(evidence.inventory, evidence)
    inventory = _inventory(config)
    if config.option.collectonly:
        return World(inventory)
    from evidence.collect import collect  # replaying does not need the clients that collecting needs

    progress = Progress(sys.stderr)
    try:
        with warnings.catch_warnings(action="ignore"):  # libraries' own: an operator can do nothing about them
            evidence = asyncio.run(collect(inventory, progress))
    except KeyboardInterrupt:
        pytest.exit("interrupted while the evidence was collected, so nothing was judged", pytest.ExitCode.INTERRUPTED)
    finally:
        progress.done()
    _keep(config, evidence)
    return World(inventory, evidence)


def _inventory(config: pytest.Config) -> Inventory:
    named = config.getoption("inventory") or os.environ.get("AZ_INVENTORY")
    if not named:
        raise pytest.UsageError(f"no inventory was given: {HELP}")
    return _declared(config, read_inventory(Path(named)))


def _declared(config: pytest.Config, inventory: Inventory) -> Inventory:
    """The inventory as the options change it, and after they were compared with it."""
    for name in config.option.datacenter:
        if name not in inventory.datacenters:
            listed = ", ".join(sorted(inventory.datacenters))
            raise pytest.UsageError(f"--datacenter: the inventory has no {safe(name)}; it has: {listed}")
    named = config.option.waivers
    return inventory if named is None else replace(inventory, waivers=named, waived=read_waivers(named))


def _runs(config: pytest.Config) -> Path:
    """Where runs are kept."""
    named = config.option.runs or os.environ.get("AZ_RUNS")
    return Path(named).absolute() if named else Path(config.rootpath, RUNS)


def _keep(config: pytest.Config, evidence: Evidence) -> None:
    """Open the run's folder, and store the evidence there.  A full disk must not cost the verdict."""
    run = None
    try:
        run = new_run(_runs(config))
        save(evidence, run.path / "evidence.json")
        config.stash[RUN] = run
    except (RunError, OSError) as error:
        print(f"this run is not kept: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
        if run is not None:
            run.give_up()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand the path of the evidence to an xdist worker: it judges its share, and collects nothing."""
    run = node.config.stash.get(RUN, None)
    node.workerinput["az_evidence"] = str(run.path / "evidence.json" if run is not None else _aside(node.config))


def _aside(config: pytest.Config) -> Path:
    """Where the workers find the evidence of a run that is not kept."""
    evidence = config.stash[WORLD].evidence
    if evidence is not None and ASIDE not in config.stash:
        try:
            config.stash[ASIDE] = tempfile.TemporaryDirectory(prefix="az-checks-")
            save(evidence, Path(config.stash[ASIDE].name, "evidence.json"))
        except OSError as error:
            raise pytest.UsageError(
                f"-n hands the evidence on in a file, and there is no place for one: {error}"
            ) from None
    return Path(config.stash[ASIDE].name, "evidence.json")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What pytest itself shows of a finding (--tb, -rA) is escaped too: answers come from machines that may lie."""
    report = yield
    if hasattr(report, "wasxfail"):
        report.wasxfail = safe(report.wasxfail)
    if isinstance(report.longrepr, str):
        report.longrepr = safe(report.longrepr)
    elif isinstance(report.longrepr, tuple):
        path, line, reason = report.longrepr
        report.longrepr = path, line, safe(reason)
    elif report.failed:
        report.longrepr = safe(report.longreprtext, keep="\n")
    return report


def extent_of(config: pytest.Config, stopped: str) -> Extent:
    """How much of the catalogue this run was to judge; `stopped` says why it ended early, if it did."""
    option, notes = config.option, []
    whole = {Path(arg.partition("::")[0]).resolve() if "::" not in arg else None for arg in config.args}
    if stopped:
        notes.append(f"{stopped}: what was not judged until then is not in this report.")
    if option.datacenter:
        told = ", ".join(dict.fromkeys(option.datacenter))
        notes.append(f"Judged {told} alone.")
    narrowed = option.keyword or option.deselect or option.datacenter or whole != {Path(*checks.__path__).resolve()}
    replayed = option.evidence is not None
    inventory = "" if replayed else str(Path(config.stash[WORLD].inventory.path).resolve())
    return Extent(bool(stopped or narrowed), option.markexpr, inventory, tuple(notes), replayed)


class Keeper:
    """Keeps the results of one run in the controller, and concludes from them at its end."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.results: list[Result] = []
        self.conclusion: Conclusion | None = None
        self.interrupted = self.broken = False
        self.stopped = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        result = result_in(report)
        if result is not None:
            self.results.append(result)
        elif report.failed:
            self.broken = True

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Ctrl-C ends the judging, not the verdict on what was judged; xdist ends -x in the same way."""
        try:
            return (yield)
        except KeyboardInterrupt as end:
            self.interrupted = type(end) is KeyboardInterrupt
            self.stopped = "Interrupted" if self.interrupted else "Stopped by -x or --maxfail"
            return True

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if self.interrupted:
            session.exitstatus = pytest.ExitCode.INTERRUPTED
        if not self.results:
            return
        try:
            self._conclude(session)
        except KeyboardInterrupt:  # a second one: without the rest nobody can tell causes from consequences
            self.conclusion, self.interrupted = None, True
            session.exitstatus = pytest.ExitCode.INTERRUPTED
        if exitstatus == pytest.ExitCode.TESTS_FAILED and not (self.broken or self.interrupted or self._findings()):
            session.exitstatus = pytest.ExitCode.OK
        if self.conclusion is not None and self.conclusion.defects and not self.interrupted:
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def _conclude(self, session: pytest.Session) -> None:
        run = self.config.stash.get(RUN, None)
        stopped = self.stopped or ("Stopped by -x or --maxfail" if session.shouldfail or session.shouldstop else "")
        extent = extent_of(self.config, stopped)
        world = self.config.stash[WORLD]
        others, were = list(self._others(world)), "not reached" if stopped else "not selected"
        self.conclusion = conclude(self.results, CHECKS, world, extent, run.path if run else None, others, were)
        if run is not None:
            run.write(self.conclusion)

    def _others(self, world: World) -> Iterable[Result]:
        """What was not selected, or not judged before the end, judged too if anything was found: the cause may be among it."""
        if not any(result.outcome in FINDINGS for result in self.results):
            return ()
        return quiet.results(world, {(result.check, result.subject) for result in self.results})

    def _given_up(self) -> str:
        """What is said where nothing is concluded: no cause is claimed, and no step is given."""
        run = self.config.stash.get(RUN, None)
        kept = (
            f" The evidence is kept, and can be judged later: pytest --evidence={run.name}" if run is not None else ""
        )
        done = "causes were told apart from consequences" if self.results else "anything was judged"
        return f"Interrupted before {done}.{kept}"

    def _findings(self) -> int:
        counts = self.conclusion.verdict.counts if self.conclusion else {}
        return sum(counts.get(outcome, 0) for outcome in FINDINGS)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
        if self.conclusion is None:
            if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
                terminalreporter.write_line(
                    "Nothing was selected: no check and subject goes with your -k, -m or names."
                )
            elif self.interrupted:
                terminalreporter.ensure_newline()
                terminalreporter.write_line(self._given_up())
            return
        run, writer = self.config.stash.get(RUN, None), terminalreporter._tw
        text = summary(
            self.conclusion,
            width=writer.fullwidth,
            colour=writer.hasmarkup,
            folder=run.path if run else None,
            plan=places.plan_command(run.path, latest=self.conclusion.extent.lasting) if run else "",
        )
        terminalreporter.ensure_newline()
        writer.line(text)
