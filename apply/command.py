"""az-checks apply: what a run has found is put right, step by step, and every step can be taken back.

Exit code 0: nothing is left; 1: something is, or a step did not succeed; 2: interrupted; 4: refused, with one sentence.
"""

from __future__ import annotations

import argparse
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from apply.asking import Operator
from apply.door import Door, SshDoor
from apply.engine import Engine, place
from apply.journal import FILE, Intent, Journal, JournalError, begun, effects, is_open, locked, pending, read, tokens
from apply.lock import LocalLock, RemoteLocks, broken, owner
from apply.loop import INTERRUPTED, LEFT, Course
from apply.steps import Hands
from apply.undo import take_back
from apply.words import parser_of
from evidence.inventory.model import Inventory
from evidence.inventory.reading import read_inventory
from evidence.redact import Vault, fingerprint_key
from evidence.store import load
from remediate.plan import Plan
from reports import findings
from reports.command import plan_of, run_folder, spelt
from reports.page import safe
from triton_az_checks import places
from triton_az_checks.errors import OperatorError, UsageError
from verdict.judge import Named

WRONG_USE = 4
Ask = Callable[[str], str]


def main(arguments: list[str] | None = None, door: Door | None = None, ask: Ask | None = None) -> int:
    """The command.  In tests `door` is another than SSH, and `ask` answers in an operator's place."""
    runs: Path | None = None
    try:
        options = parser_of().parse_args(arguments)
        runs = places.runs(options.runs)
        return _Apply(options, door, ask).run()
    except OperatorError as error:
        print(f"az-checks apply: {safe(places.typeable(str(error)))}", file=sys.stderr)
        return WRONG_USE
    except KeyboardInterrupt:
        print(f"az-checks apply: interrupted; {places.typeable(_after_an_interruption(runs))}", file=sys.stderr)
        return INTERRUPTED


def _after_an_interruption(runs: Path | None) -> str:
    """What comes next: to resume there is something only if it was in the middle of a step."""
    with suppress(OperatorError, OSError):
        if runs is not None and any(pending(read(path)) for path in journals(runs)):
            return "in the middle of a step: az-checks apply --resume reads what became of it"
    return (
        "no step was under way. What was done stands, and az-checks apply --undo takes it back; az-checks apply goes on"
    )


def journals(runs: Path) -> list[Path]:
    """The journals of all runs, the oldest first."""
    return sorted((path for path in runs.glob(f"2*/{FILE}")), key=lambda path: path.parent.name)


def latest_journal(runs: Path, *, undo: bool) -> Path:
    """The latest journal that has something to take back, or that was interrupted.  Raises UsageError."""
    for path in reversed(journals(runs)):
        entries = read(path)
        if any(effects(entries)) if undo else (is_open(entries) or pending(entries)):
            return path.resolve()
    raise UsageError(f"no run in {runs} has anything {'to take back' if undo else 'to resume'}")


class _Apply:
    def __init__(self, options: argparse.Namespace, door: Door | None, ask: Ask | None) -> None:
        self._options, self._ask = options, ask
        self._runs = places.runs(options.runs)
        self._folder = self._chosen()
        options.only = options.only and spelt(self._folder, options.only)
        self._inventory = _declared(load(self._folder / "evidence.json").inventory)
        self._door = door or SshDoor(self._inventory)
        self._vault = Vault(fingerprint_key())

    def _chosen(self) -> Path:
        """The run that was named; else the latest, or, to resume or undo, the latest that has a journal."""
        if self._options.run is None and (self._options.resume or self._options.undo):
            return latest_journal(self._runs, undo=self._options.undo).parent
        return run_folder(self._options.run, self._runs)

    def run(self) -> int:
        asking = self._asking()
        if self._options.dry_run:
            hands = Hands(Engine(self._door, None, self._vault), asking, lambda _: None)
            return self._course(self._folder, hands).dry_run()
        if not self._inventory.apply:
            raise UsageError(
                f"nothing is changed here unless {self._inventory.path} has the line `apply: true`: it says that this suite may "
                "change these datacenters"
            )
        ours = owner(self._folder.name, secrets.token_hex(8))
        local = LocalLock(self._runs, self._inventory.master, ours)
        try:
            self._refuse_if_open()
            journal = Journal(self._folder / FILE)
            locks = RemoteLocks(self._door, ours, tokens(journal.entries), journal.lock)
            if self._options.break_lock:
                for said in broken(self._door, _with_headnodes(self._inventory)):
                    asking.say(said)
            left = locked(journal.entries)
            what = "resume" if self._options.resume else "undo" if self._options.undo else "apply"
            journal.open(what, ours.token)
            return self._under_lock(journal, locks, left, asking)
        finally:
            local.release()

    def _refuse_if_open(self) -> None:
        """What was interrupted is resolved first, in whichever run it was."""
        if self._options.resume:
            return
        for path in journals(self._runs):
            if pending(read(path)):
                raise UsageError(
                    f"an apply of run {path.parent.name} was interrupted in the middle of a step: az-checks apply "
                    f"{path.parent.name} --resume reads what became of it"
                )

    def _under_lock(self, journal: Journal, locks: RemoteLocks, left: set[str], asking: Operator) -> int:
        engine = Engine(self._door, journal, self._vault)
        hands = Hands(engine, asking, lambda on: locks.take([place(on)]))
        why = "ended"
        try:
            locks.take(left)
            if self._options.resume and not self._resolved(journal, engine, locks, asking):
                return LEFT
            if self._options.undo or (self._options.resume and begun(journal.entries) == "undo"):
                return take_back(journal, engine, asking, hands.lock)
            folder = self._judge() if self._options.resume else self._folder
            return self._course(folder, hands).run()
        except BaseException as error:
            why = f"ended by {type(error).__name__}"
            raise
        finally:
            for name in locks.release():
                asking.say(f"The lock of {name} could not be given back: az-checks apply --break-lock takes it away.")
            with suppress(JournalError):  # what it could not note before, it has said
                journal.end(why)
            journal.close()

    def _resolved(self, journal: Journal, engine: Engine, locks: RemoteLocks, asking: Operator) -> bool:
        """Reads again what nobody knows the end of; whether it is all known now."""
        for intent in pending(journal.entries):
            locks.take([place(intent.on)])
            done = engine.resolve(intent)
            asking.say(f"Step {intent.number} for {intent.cause}, on {intent.on}: {done.why}")
            if not done.well and not self._left(intent, engine, asking):
                return False
        return True

    def _left(self, intent: Intent, engine: Engine, asking: Operator) -> bool:
        """Of a value that is neither: whether a human says that it stays.  One that cannot be read stays unknown."""
        if engine.read(intent.on, intent.action).why:
            return False
        if not asking.leaves("  It is neither as it was nor as it was to be: look at it first."):
            return False
        engine.left(intent)
        return True

    def _course(self, folder: Path, hands: Hands) -> Course:
        patience, stage = self._inventory.expect.patience, self._options.stage
        return Course(folder, hands, self._plan, self._judge, patience, stage, first=self._folder)

    def _plan(self, folder: Path) -> Plan:
        """The plan of a run; an empty one if the cause that was asked for is gone."""
        only = self._options.only
        if only is not None and folder != self._folder and not _has(folder, only):
            return Plan()
        return plan_of(folder, only)

    def _judge(self, waited: Sequence[Named] = (), patience: float = 0.0) -> Path:
        """A new run of the suite, as the operator starts it, which waits until these are gone; its folder."""
        before = set(self._runs.glob("2*"))
        root = places.suite()
        words = [sys.executable, "-P", "-m", "pytest", "-q", "-c", str(root / "pytest.ini"), f"--rootdir={root}"]
        words += [f"--inventory={Path(self._inventory.path).absolute()}", f"--runs={self._runs}", str(root / "checks")]
        words += (
            [f"--wait={patience:.0f}", *(f"--wait-for={name}" for name in waited)] if waited and patience >= 1 else []
        )
        subprocess.run(words, stdout=subprocess.DEVNULL, check=False)
        new = [path for path in sorted({*self._runs.glob("2*")} - before) if (path / findings.FILE).is_file()]
        if not new:
            raise UsageError("the checks could not be run again: type az-checks run, which says why; then --resume")
        return new[-1]

    def _asking(self) -> Operator:
        """Refuses where nobody can be asked, and nobody has said yes."""
        terminal = sys.stdin.isatty() and sys.stdout.isatty()
        ask = self._ask or (input if terminal else None)
        if not (ask or self._options.yes or self._options.dry_run):
            raise UsageError("there is no terminal to ask at: --yes takes safe and restarting steps without asking")
        colour = terminal and not os.environ.get("NO_COLOR")
        return Operator(ask, _say, yes=self._options.yes, colour=colour)


def _say(text: str) -> None:
    print(text, flush=True)


def _has(folder: Path, only: str) -> bool:
    check, _, subject = only.replace("[", "@").removesuffix("]").partition("@")
    return any(c.check == check and subject in ("", c.subject) for c in findings.load(folder).causes)


def _declared(seen: Inventory) -> Inventory:
    """The inventory as the file has it now.  Raises UsageError if it means other datacenters than the run judged."""
    if not seen.path:
        raise UsageError("the run does not say which inventory it was made with: run the checks again")
    now = read_inventory(seen.path)
    if (now.master, now.datacenters) != (seen.master, seen.datacenters):
        raise UsageError(f"{seen.path} names other datacenters than this run judged: run the checks again")
    return now


def _with_headnodes(inventory: Inventory) -> list[str]:
    return [name for name, declared in inventory.datacenters.items() if declared.headnode]
