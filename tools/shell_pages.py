"""The completion for bash and zsh and the manual page, made from the parsers of all commands.

`AZ_GOLDEN=write .venv/bin/pytest -c tests/pytest.ini tests/cli/test_shell_pages.py` makes them again.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from typing import Any

import apply.words
import fixtures.options
import lab.__main__
import prepare.collect
import prepare.compare
import prepare.doctor
import prepare.init
import reports.command
import reports.leaving
import reports.output
import reports.pages.command
import reports.settled
from tools.grammar import Grammar, Option, every
from triton_az_checks import cli, shell

TOLD = {
    "run": "judge a coupling: from its inventory, or from an earlier run's evidence",
    "nightly": "the night's run: one at a time, within a deadline, with a page at a stable place",
    "init": "a first region.yaml, from what one head node knows",
    "doctor": "look at this machine, and at the way in to each head node",
    "collect": "collect datacenters that only this machine reaches, for a verdict elsewhere",
    "compare": "how the directories of any two datacenters differ, or one from what was kept of it",
    "plan": "print the steps that repair a run's findings",
    "explain": "explain a cause of a run by its number, or a check",
    "report": "list, show, compare and sign the runs that are kept",
    "apply": "do the steps of a run's plan, and prove them",
    "lab": "practise: a whole coupling on this machine",
    "completion": "print what a shell needs to complete these commands",
    "manual": "print this page",
}
MARKS = {
    "--preflight": "only what must hold before a candidate is coupled",
    "--postchange": "only what must hold for master and replicas",
    "--nightly": "everything; compared with the night before",
}
OF_PYTEST = (
    Option(("-k",), "WORDS", told="only the checks and subjects whose names have these words"),
    Option(("-n",), "N", told="judge in so many processes"),
    Option(("-v",), told="each check in a line (-vv: with its evidence, and each cause with its steps)"),
    Option(("-q",), told="the causes alone"),
    Option(("-x",), told="end at the first finding"),
    Option(("--collect-only",), told="name what would be judged, and ask nobody"),
    Option(("--alluredir",), "DIR", told="write results for Allure there"),
    Option(("--junitxml",), "FILE", told="pytest's own JUnit file (the run's folder has a better one)"),
)
"""Of pytest's options those that the documentation names."""
RUNS = Option(("--runs",), "DIR", told="where runs are kept (default: AZ_RUNS, or reports/runs)")


class _Options:
    """Takes the place of pytest's parser and group, and keeps what is added."""

    def __init__(self) -> None:
        self.found: list[Option] = []

    def getgroup(self, _name: str) -> _Options:
        return self

    def addoption(self, *names: str, **given: Any) -> None:
        value = "" if given.get("action") == "store_true" else given.get("metavar", "VALUE")
        self.found.append(Option(names, value, tuple(given.get("choices", ())), given.get("help", "")))


def grammar() -> tuple[Grammar, ...]:
    """All commands, as their parsers have them."""
    parsers = {
        "nightly": cli.nightly_parser(),
        "init": prepare.init.parser_of(),
        "doctor": prepare.doctor.parser_of(),
        "collect": prepare.collect.parser_of(),
        "compare": prepare.compare.parser_of(),
        "plan": reports.command.parser_of(),
        "explain": cli.explain_parser(),
        "report": reports.pages.command.parser_of(),
        "apply": apply.words.parser_of(),
        "lab": lab.__main__.parser_of(),
        "completion": shell.completion_parser(),
        "manual": shell.manual_parser(),
    }
    run = _run()
    others = (_of(name, TOLD[name], parser) for name, parser in parsers.items())
    return (run, *(_as_run(each, run) if each.name == "nightly" else each for each in others))


def _as_run(command: Grammar, run: Grammar) -> Grammar:
    """`nightly` takes what `run` takes, but what says which checks, and from what evidence."""
    known = {name for option in command.options for name in option.names} | {*MARKS, "--evidence", "--max-age"}
    more = tuple(option for option in run.options if not known & {*option.names})
    return Grammar(command.name, command.told, (*command.options, *more), run.words)


def _run() -> Grammar:
    """`run` takes some options for itself, and the suite's own through pytest."""
    suite: Any = _Options()
    for add in (fixtures.options.add_options, reports.settled.add_options, reports.output.add_options):
        add(suite)
    reports.leaving.pytest_addoption(suite)
    known = {name for option in suite.found for name in option.names}
    own = [option for option in _options(cli.run_parser()) if option.names[0] not in known]
    marks = [Option(option.names, told=MARKS[option.names[0]]) for option in own]
    return Grammar("run", TOLD["run"], (*marks, *suite.found, *OF_PYTEST), (Option(("REGION.yaml",), "FILE"),))


def _of(name: str, told: str, parser: argparse.ArgumentParser) -> Grammar:
    below: list[Grammar] = []
    words: list[Option] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {each.dest: each.help or "" for each in action._choices_actions}
            below += [_of(each, helps.get(each, ""), one) for each, one in action.choices.items()]
        elif not action.option_strings:
            metavar = str(action.metavar or action.dest.upper())
            words.append(Option((metavar,), metavar, tuple(action.choices or ()), action.help or ""))
    options = list(_options(parser))
    if name in ("explain", "report"):
        options.append(RUNS)
    return Grammar(name, told, tuple(options), tuple(words), tuple(below))


def _options(parser: argparse.ArgumentParser) -> Iterator[Option]:
    for action in parser._actions:
        if action.option_strings and action.help != argparse.SUPPRESS:
            value = "" if action.nargs == 0 else str(action.metavar or action.dest.upper())
            yield Option(tuple(action.option_strings), value, tuple(action.choices or ()), action.help or "")


# The completion

HEAD = """\
# Completion of az-checks, made from its parsers. In ~/.bashrc:  source <(az-checks completion bash)
_az_checks() {
    local command=$1 current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} typed='' word words='' kind=''
    # bash takes = for a word of its own
    if [[ $current == '=' ]]; then current=''; elif [[ $before == '=' ]]; then before=${COMP_WORDS[COMP_CWORD-2]}; fi
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $typed/$word in
"""
TAIL = """\
    case $kind in
        files) COMPREPLY=($(compgen -f -- "$current")) ;;
        folders) COMPREPLY=($(compgen -d -- "$current")) ;;
        runs) words+=" $("$command" completion runs 2> /dev/null)" ;;
        checks) words+=" $("$command" completion checks 2> /dev/null)" ;;
    esac
    case $kind in
        files | folders) type compopt > /dev/null 2>&1 && compopt -o filenames 2> /dev/null ;;
    esac
    COMPREPLY+=($(compgen -W "$words" -- "$current"))
}
complete -F _az_checks az-checks
"""
ZSH = """\
#compdef az-checks
# In ~/.zshrc, behind compinit:  source <(az-checks completion zsh)
autoload -U +X bashcompinit && bashcompinit
"""
KINDS = {
    "FILE": "files",
    "RUN_OR_FILE": "runs",
    "DIR": "folders",
    "RUN": "runs",
    "A": "runs",
    "B": "runs",
    "REGION.yaml": "files",
}


def kind(option: Option) -> str:
    """What can be given as a value, by what it is called."""
    return "checks" if "CHECK" in option.value and not option.choices else KINDS.get(option.value, "")


def bash(commands: Iterable[Grammar]) -> str:
    """The whole script: which command is typed, what the word before wants, and else what may come."""
    known = tuple(commands)
    lines = [HEAD.rstrip("\n")]
    lines.append(f"            {_any((each.name for each in known), '/')}) typed=$word ;;")
    lines += [
        f"            {_any((one.name for one in each.below), f'{each.name}/')}) typed+=:$word ;;"
        for each in known
        if each.below
    ]
    lines += ["        esac", "    done", "    COMPREPLY=()", "    case $typed:$before in"]
    for name, each in every(known):
        for option in each.options:
            if option.value:
                wants = f"words='{' '.join(option.choices)}'" if option.choices else f"kind={kind(option)}"
                lines.append(f"        {_any(f'{name}:{one}' for one in option.names)}) {wants or ':'} ;;")
    lines += ["        *)", "            case $typed in"]
    lines.append(f"                '') words='{' '.join(each.name for each in known)} --help' ;;")
    for name, each in every(known):
        words = [
            one for option in each.options for one in option.names if one.startswith("--") or len(each.options) < 30
        ]
        words += [one.name for one in each.below] + [choice for word in each.words for choice in word.choices]
        wants = next((found for word in each.words if (found := kind(word))), "")
        lines.append(
            f"                {name}) words='{' '.join(dict.fromkeys(words))}'{f' kind={wants}' if wants else ''} ;;"
        )
    lines += ["            esac", "            [[ $current == -* ]] && kind=''", "            ;;", "    esac"]
    return "\n".join(lines) + "\n" + TAIL


def _any(names: Iterable[str], before: str = "") -> str:
    """A pattern of `case` for each of these."""
    return " | ".join(f"{before}{name}" for name in names)


def zsh(commands: Iterable[Grammar]) -> str:
    return ZSH + bash(commands).partition("\n")[2]


# The manual page


def manual(commands: Iterable[Grammar]) -> str:
    """The page as roff (man macros)."""
    known = tuple(commands)
    lines = [
        '.TH AZ-CHECKS 1 "" "triton-az-checks" "User Commands"',
        ".SH NAME",
        r"az\-checks \- validation and diagnostics for coupled Triton availability zones",
        ".SH SYNOPSIS",
    ]
    for name, each in every(known):
        lines += [".br", rf"\fBaz\-checks {_roff(name.replace(':', ' '))}\fR {_roff(_usage(each))}".rstrip()]
    lines += [".SH COMMANDS"]
    for name, each in every(known):
        lines += [
            f".SS {_roff(name.replace(':', ' '))}",
            _roff(f"{each.told[:1].upper()}{each.told[1:]}.") if each.told else ".br",
        ]
        for option in (*each.words, *each.options):
            lines += [".TP", _named(option), _roff(option.told) or ".br"]
    return "\n".join([*lines, *END]) + "\n"


END = (
    ".SH EXIT STATUS",
    "0: all was judged, and nothing failed. 1: a check failed, or could not be judged. 2: interrupted. 3: the suite itself broke.",
    r"\fBcollect\fR judges nothing: 0: the evidence was written.",
    r"\fBcompare\fR: 0: nothing differs, or it was kept. 1: something differs, or could not be told.",
    "4: the inventory or an option is wrong. 5: nothing was selected. 6: another nightly is at work.",
    r"With \fB\-\-output nagios\fR: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.",
    ".SH ENVIRONMENT",
    ".TP", r"\fBAZ_INVENTORY\fR", "the inventory, if none is named",
    ".TP", r"\fBAZ_RUNS\fR", "where runs are kept",
    ".TP", r"\fBNO_COLOR\fR", "no colours, if it is set",
    ".SH FILES",
    ".TP", r"\fIregion.yaml\fR", "what the operator declares; region.example.yaml explains it",
    ".TP", r"\fIreports/runs/latest\fR", "the newest whole run",
)  # fmt: skip


def _usage(command: Grammar) -> str:
    below = "COMMAND" if command.below else ""
    return " ".join(
        filter(None, [below, *(f"[{word.names[0]}]" for word in command.words), "[OPTIONS]" if command.options else ""])
    )


def _named(option: Option) -> str:
    value = "|".join(option.choices) or option.value
    names = ", ".join(rf"\fB{_roff(name)}\fR" for name in option.names)
    return rf"{names} \fI{_roff(value)}\fR" if value and value != option.names[0] else names


def _roff(text: str) -> str:
    """Text that roff takes as it is: no macro, no escape."""
    plain = text.replace("\\", r"\e").replace("-", r"\-").replace("…", "...")
    return rf"\&{plain}" if plain.startswith((".", "'")) else plain


def pages() -> dict[str, str]:
    """The files, by their names below triton_az_checks/shell."""
    commands = grammar()
    return {shell.BASH.name: bash(commands), shell.ZSH.name: zsh(commands), shell.PAGE.name: manual(commands)}
