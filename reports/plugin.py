"""Plugs telling into pytest: keeps a run's evidence and results in the controller, and concludes from them at the end."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from evidence.store import save
from evidence.subjects.spec import FINDINGS, Result
from evidence.subjects.world import World
from fixtures import quiet
from fixtures.check import CHECKS
from fixtures.plugin import WORLD, result_in
from fixtures.world import DEADLINE
from reports import output
from reports.extent import Extent, less_compared
from reports.leaving import refuse
from reports.page import Look, safe
from reports.progress import ProgressLine
from reports.tty import only_ascii
from triton_az_checks import places
from verdict.judge import Named

if (
    TYPE_CHECKING
):  # what concludes and tells is loaded where there is something to tell: not for --help and --collect-only
    from reports.conclusion import Conclusion
    from reports.run import Run

RUN: pytest.StashKey[Run] = pytest.StashKey()
ASIDE = pytest.StashKey[tempfile.TemporaryDirectory[str]]()
LEVEL = pytest.StashKey[int]()
_TOLD = 50  # after so many checks the line of progress moves
_OWN = -2
"""How quiet pytest itself is (-qq): -q and -v say how much we tell, and only from -vvv on how much pytest does."""


def pytest_addoption(parser: pytest.Parser) -> None:
    output.add_options(parser.getgroup("triton-az-checks"))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, int | None, int | None]:
    """With --output the run is told when all else is done, whatever ended it."""
    if config.option.output is None:
        return (yield)
    try:
        code = yield
    except pytest.UsageError as error:
        if config.option.output != output.NAGIOS:
            raise
        return _put_out(config, int(pytest.ExitCode.USAGE_ERROR), str(error))
    return _put_out(config, int(code or 0))


def _put_out(config: pytest.Config, code: int, why: str = "") -> int:
    """Print the document, or the line; returns the exit code, for Nagios its own."""
    keeper, run = config.pluginmanager.getplugin("az-keeper"), config.stash.get(RUN, None)
    conclusion = keeper.conclusion if isinstance(keeper, Keeper) else None
    name, out = run.name if run is not None else "", config.stash.get(output.OUT, sys.stdout)
    if config.option.output == output.JSON:
        if conclusion is not None:
            print(output.document(conclusion, name), end="", file=out, flush=True)
        return code
    state, text = output.line(conclusion, name, code) if conclusion is not None else output.unknown(code, why)
    print(text, file=out, flush=True)
    return state


def pytest_configure(config: pytest.Config) -> None:
    """Take -q and -v for ourselves, except where pytest lists tests."""
    refuse(config)
    output.reserve(config)
    level = config.option.verbose - _OWN
    config.stash[LEVEL] = level
    if config.option.output is not None:
        config.option.verbose = _OWN
    elif not config.option.collectonly:
        config.option.verbose = level - output.EVIDENCE if level > output.EVIDENCE else _OWN


def keep(config: pytest.Config) -> None:
    """Open the run's folder and store the evidence there. A full disk must not cost the verdict."""
    evidence, run = config.stash[WORLD].evidence, None
    if evidence is None or config.option.collectonly:
        return
    from reports.run import RunError, new_run

    try:
        run = new_run(places.runs(config.option.runs, config.rootpath))
        save(evidence, run.path / "evidence.json")
        config.stash[RUN] = run
    except (RunError, OSError, KeyboardInterrupt) as error:
        if run is not None:
            run.give_up()
        if isinstance(error, KeyboardInterrupt):
            raise
        print(f"this run is not kept: {getattr(error, 'strerror', None) or error}", file=sys.stderr)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand the path of the evidence to an xdist worker, which judges its share and collects nothing."""
    run = node.config.stash.get(RUN, None)
    node.workerinput["az_evidence"] = str(run.path / "evidence.json" if run is not None else _aside(node.config))


def _aside(config: pytest.Config) -> Path:
    """The file in which workers find the evidence of a run that is not kept."""
    evidence = config.stash[WORLD].evidence
    if evidence is not None and ASIDE not in config.stash:
        try:
            config.stash[ASIDE] = tempfile.TemporaryDirectory(prefix="az-checks-")
            save(evidence, Path(config.stash[ASIDE].name, "evidence.json"))
        except OSError as error:
            raise pytest.UsageError(
                f"-n passes the evidence on in a file, and there is no place for one: {error}"
            ) from None
    return Path(config.stash[ASIDE].name, "evidence.json")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Escape also what pytest itself shows of a finding (--tb, -rA): answers come from machines that may lie."""
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


def extent_of(config: pytest.Config, checks: Path, stopped: str) -> Extent:
    """Which part of the catalogue this run was asked to judge; `stopped` says why it ended early, if it did."""
    option, notes = config.option, []
    if (deadline := config.stash.get(DEADLINE, None)) is not None and deadline.cut:
        notes.append(f"The deadline of {deadline.told} was over: what was not seen until then could not be judged.")
    whole = {Path(arg.partition("::")[0]).resolve() if "::" not in arg else None for arg in config.args}
    if stopped:
        notes.append(f"{stopped}: this report holds only what was judged until then.")
    if option.datacenter:
        notes.append(f"Only {', '.join(dict.fromkeys(option.datacenter))} was judged.")
    notes += less_compared(config.stash[WORLD].evidence)
    narrowed = option.keyword or option.deselect or option.datacenter or whole != {checks.resolve()}
    replayed = option.evidence is not None and len(option.evidence) == 1  # what was collected apart is news
    inventory = "" if replayed else str(Path(config.stash[WORLD].inventory.path).resolve())
    return Extent(bool(stopped or narrowed), option.markexpr, inventory, tuple(notes), replayed)


class Keeper:
    """Keeps the results of one run in the controller, and concludes from them at the end."""

    def __init__(self, config: pytest.Config, checks: Path) -> None:
        self.config, self.checks = config, checks
        self.results: list[Result] = []
        self.seconds: dict[Named, float] = {}
        self.began = time.time()
        self.conclusion: Conclusion | None = None
        self.interrupted = self.broken = False
        self.stopped, self.selected = "", 0
        self.progress = ProgressLine(sys.stderr)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.selected = len(session.items)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        result = result_in(report)
        if result is not None:
            self.results.append(result)
            self.seconds[Named(result.check, result.subject)] = report.duration
            if len(self.results) % _TOLD == 0:
                of = f" of {self.selected}" if self.selected >= len(self.results) else ""
                self.progress(f"judged {len(self.results)}{of} checks")
        elif report.failed:
            self.broken = True

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Ctrl-C ends the judging, not the verdict on what was judged. xdist ends -x in the same way."""
        try:
            return (yield)
        except KeyboardInterrupt as end:
            self.interrupted = type(end) is KeyboardInterrupt
            self.stopped = "Interrupted" if self.interrupted else "Stopped by -x or --maxfail"
            return True

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        self.progress.done()
        if not self.results:
            self._leave()
        else:
            try:
                self._conclude(session, exitstatus)
            except KeyboardInterrupt:  # a second Ctrl-C: without the rest nobody can tell causes from consequences
                self.conclusion, self.interrupted = None, True
        session.exitstatus = self._exit_code(exitstatus)

    def _exit_code(self, exitstatus: int) -> int:
        """What pytest's own means here: its failures may all be waived, and a defect of the suite is more than one."""
        if self.interrupted:
            return pytest.ExitCode.INTERRUPTED
        if self.conclusion is not None and self.conclusion.defects:
            return pytest.ExitCode.INTERNAL_ERROR
        if self.results and exitstatus == pytest.ExitCode.TESTS_FAILED and not (self.broken or self._findings()):
            return pytest.ExitCode.OK
        return exitstatus

    def _conclude(self, session: pytest.Session, exitstatus: int) -> None:
        from reports.conclude import conclude
        from reports.conclusion import Ending
        from reports.left import leave
        from reports.typednext import commands_of

        run = self.config.stash.get(RUN, None)
        stopped = self.stopped or ("Stopped by -x or --maxfail" if session.shouldfail or session.shouldstop else "")
        extent = extent_of(self.config, self.checks, stopped)
        world = self.config.stash[WORLD]
        others, were = list(self._others(world)), "not reached" if stopped else "not selected"
        self.conclusion = conclude(self.results, CHECKS, world, extent, run.home if run else None, others, were)
        commands = commands_of(run.home if run is not None else None, self.conclusion)
        ending = Ending(int(self._exit_code(exitstatus)), self.began, self.seconds)
        leave(self.config, self.conclusion, run, commands, ending)

    def _others(self, world: World) -> Iterable[Result]:
        """If anything was found, judge also what was not selected or not reached: the cause may be among it."""
        if not any(result.outcome in FINDINGS for result in self.results):
            return ()
        return quiet.results(world, {(result.check, result.subject) for result in self.results})

    def _leave(self) -> None:
        """Nothing was judged: what was seen stays, and is no run."""
        run = self.config.stash.get(RUN, None)
        if run is not None:
            run.leave()

    def _given_up(self) -> str:
        """Told where nothing is concluded: no cause is claimed, and no step is given."""
        run = self.config.stash.get(RUN, None)
        kept = (
            f" The evidence is kept, and can be judged later: pytest --evidence={run.leave()}"
            if run is not None
            else ""
        )
        done = "causes were told apart from consequences" if self.results else "anything was judged"
        return f"Interrupted before {done}.{kept}"

    def _findings(self) -> int:
        counts = self.conclusion.verdict.counts if self.conclusion else {}
        return sum(counts.get(outcome, 0) for outcome in FINDINGS)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
        if self.config.option.output is not None:
            return
        if self.conclusion is None:
            if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
                terminalreporter.write_line("Nothing was selected by your -k, -m or names: --collect-only lists all.")
            elif self.interrupted:
                terminalreporter.ensure_newline()
                terminalreporter.write_line(self._given_up())
            return
        from reports.told import told
        from reports.typednext import commands_of, folder_told

        run, writer = self.config.stash.get(RUN, None), terminalreporter._tw
        look = Look(writer.fullwidth, writer.hasmarkup, only_ascii(getattr(sys.stdout, "encoding", "") or ""))
        commands = commands_of(run.path if run and run.whole else None, self.conclusion)
        folder = folder_told(run, self.conclusion) if run and self.config.option.night else run.path if run else None
        text = told(self.conclusion, look, self.config.stash[LEVEL], folder=folder, commands=commands)
        terminalreporter.ensure_newline()
        if text:
            writer.line(text)
