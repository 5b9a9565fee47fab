"""Everything typed in the walkthrough's lab, the output, and what the suite found: collected as a document."""

from __future__ import annotations

import asyncio
import json
import pathlib
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[2]
MOST_LINES = 24
RUNS_UNTIL_WELL = 3
NORMAL = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?"), "(time)"),
    (re.compile(r"\b[ \d]\d:\d\d:\d\d\b"), "(time)"),
    (re.compile(r"\(\d+%\)"), "(0%)"),
    (re.compile(r"There are \d+ changelog"), "There are 199 changelog"),
    (re.compile(r"(/tmp/config\.)\d+"), r"\g<1>PID"),
    (re.compile(r"(/var/az-copies/\S+\.)\d{8}T\d{6}Z"), r"\g<1>TIME"),
    (re.compile(r"\b(?:[0-9a-f]{2}:){15}[0-9a-f]{2}\b"), "(fingerprint)"),
    (re.compile(r"\bAAAA[0-9A-Za-z+/=]{64,}"), "AAAA(key)"),
)


class UnexpectedError(Exception):
    """The walkthrough went another way than the text says."""


class Journal:
    """The document as it grows."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.causes: list[dict[str, Any]] = []
        self.run = ""

    def say(self, text: str) -> None:
        """Add a heading or a paragraph."""
        self.lines += [text.strip(), ""]

    def _shown(self, lines: Sequence[str]) -> None:
        self.lines += ["```", *lines, "```", ""]

    async def types(self, datacenter: str, line: str, turns: Sequence[tuple[str, str]] = (), code: int = 0) -> str:
        """Type a line on a head node. It must end with `code`."""
        there = [sys.executable, "-m", "tests.lab.typing_there", json.dumps(turns), datacenter, line]
        found, said = await _run(*there)
        if found != code:
            raise UnexpectedError(f"{datacenter}# {line}\nexit {found}, not {code}:\n{said}")
        prompt = f"[root@headnode ({datacenter}) ~]# "
        first, *rest = "\n".join(normal(line)).split("\n")
        self._shown([prompt + first, *(f"> {each}" for each in rest), *normal(said)])
        return said

    async def operator(self, line: str) -> str:
        """Type a line in the operator's own shell."""
        code, said = await _run("bash", "-c", line)
        if code:
            raise UnexpectedError(f"$ {line}\nexit {code}:\n{said}")
        self._shown([f"$ {line}", *normal(said)])
        return said

    async def suite(self, stage: str, *wanted: str) -> None:
        """Add the suite's verdict: exactly these causes, each as CHECK[SUBJECT].

        As the remedies say, a service may need a moment to connect again. Then the operator looks once more.
        """
        names: list[str] = []
        for _ in range(RUNS_UNTIL_WELL):
            await settle()
            _, said = await _run(sys.executable, "-m", "pytest", "-vv", "-m", stage, "-p", "no:cacheprovider")
            found = re.search(r"^Run: (\S+)", said, re.MULTILINE)
            if found is None:
                raise UnexpectedError(said)
            self.run = found[1]
            findings = json.loads((ROOT / found[1] / "findings.json").read_text(encoding="utf-8"))
            self.causes = findings["causes"]
            names = sorted(f"{cause['check']}[{cause['subject']}]" for cause in self.causes)
            if names == sorted(wanted):
                break
        else:
            raise UnexpectedError(f"pytest -m {stage}: {json.dumps(names, indent=4)}\n{said}")
        self._shown([f"$ pytest -vv -m {stage}", *normal("\n".join(_verdict(said)))])

    async def _coming(self) -> dict[str, Any]:
        """What `az-checks plan` says comes next after the last run."""
        code, said = await _run(sys.executable, "-m", "triton_az_checks", "plan", self.run, "--json")
        if code:
            raise UnexpectedError(said)
        coming: dict[str, Any] | None = json.loads(said)["next"]
        if coming is None:
            raise UnexpectedError(f"after {self.run} nothing comes next")
        return coming

    async def next(self, datacenter: str, answers: Sequence[tuple[str, str]]) -> None:
        """Type all commands of what comes next, each where it belongs: the coupling of this datacenter."""
        coming = await self._coming()
        if f"couple {datacenter} " not in coming["title"]:
            raise UnexpectedError(f"the plan wants something else next: {coming['title']}")
        for step in coming["steps"]:
            if step["run"]:
                turns = answers if step["run"] == "sdc-ufds-m2s" else ()
                await self.types(step["on"].partition(".")[0], step["run"], turns)

    async def gate(self, title: str, typed: Callable[[str], str] | None) -> None:
        """Judge, and see that this gate is the next one. Its command is typed as `typed` makes it; without, by the station itself."""
        await self.suite("postchange")
        coming = await self._coming()
        first = coming["steps"][0]
        if not first["title"].startswith(title):
            raise UnexpectedError(f"the next gate is {first['title']}, not {title}")
        self._shown(["$ az-checks plan", *normal(f"{coming['title']}. The next: {first['title']}")])
        if typed is not None:
            await self.types(first["on"].partition(".")[0], typed(first["run"]))

    async def remedy(self, *checks: str) -> None:
        """Type what the last run printed for these causes (for all, if none is named), in the place that it named."""
        typed: set[tuple[str, str]] = set()
        for cause in self.causes:
            if checks and cause["check"] not in checks:
                continue
            for step in cause["steps"]:
                where = (step["on"].partition(".")[0], step["run"])
                if where not in typed:
                    typed.add(where)
                    await self.types(*where)


def _verdict(said: str) -> list[str]:
    """The parts of the terminal report that say what is wrong, expected and observed. The rest is in the run's folder."""
    shown: list[str] = []
    wanted = False
    for line in said.splitlines():
        if re.match(r"\d+ causes?\b", line):
            shown.append(line)
        elif re.match(r"\d+\. ", line):
            wanted = True
        elif re.match(r" {3}(seen by|see|so|What)\b", line) or not line.startswith("   "):
            wanted = False
        if wanted:
            shown.append(line)
    return shown or ["(nothing is wrong)"]


def normal(said: str) -> list[str]:
    """The lines without what differs from run to run. Repeated lines appear once."""
    for pattern, text in NORMAL:
        said = pattern.sub(text, said)
    shown: list[str] = []
    for line in said.strip("\n").replace("\r", "").splitlines():
        if not shown or line != shown[-1]:
            shown.append(line.rstrip())
    if len(shown) > MOST_LINES:
        shown = [*shown[: MOST_LINES // 2], "[...]", *shown[-MOST_LINES // 2 :]]
    return shown


async def settle() -> None:
    """Wait until every agent has seen what was typed: minutes in Triton, a moment here."""
    code, said = await _run(sys.executable, "-m", "lab", "settle")
    if code:
        raise UnexpectedError(said)


async def plant(*faults: str) -> None:
    code, said = await _run(sys.executable, "-m", "lab", "fault", *faults)
    if code:
        raise UnexpectedError(said)
    await settle()


async def _run(*argv: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *argv, cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode("utf-8", "replace")
