"""A plan as scripts for bash 4.3: one for each stage and machine, which stop at the first value that is not as planned."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from remediate.actions import Action, does
from remediate.actions.smf import Smf
from remediate.actions.wait import RenderedAnew
from remediate.elsewhere import over_ssh
from remediate.guards import guard_of
from remediate.merging import Task
from remediate.plan import Plan
from remediate.shell import cycled, quote
from remediate.stages import PlanStage, stages_of
from remediate.steps import BY_HAND, OPERATOR, Step
from reports.page import safe
from triton_az_checks.errors import UsageError

STOPS = "# It stops at the first value that is not as planned."
HEAD = r"""
PATH=$PATH:/usr/bin:/usr/sbin:/smartdc/bin:/opt/smartdc/bin:/opt/local/bin  # not every shell by ssh has Triton's tools
number=
step() { number=$1; printf '\n%s  %s\n' "$number" "$2"; }
stop() { printf 'Stopped at %s: %s\nNothing more was done here.\n' "$number" "$1" >&2; exit 1; }

# Of the lines that `value` prints: 0 each as planned or wanted, 1 all as wanted, 2 anything else. A part may be done already.
stands() {
    local now line planned wanted
    now=$(value) || stop "its value cannot be read"
    [[ $now == "$2" ]] && return 1
    mapfile -t planned <<< "$1"; mapfile -t wanted <<< "$2"; mapfile -t now <<< "$now"
    (( ${#now[@]} == ${#wanted[@]} )) || return 2
    for line in "${!now[@]}"; do
        [[ ${now[line]} == "${planned[line]}" || ${now[line]} == "${wanted[line]}" ]] || return 2
    done
}

# change PLANNED WANTED SECONDS: `act`, if the value is as planned; it is done when the value is as wanted.
change() {
    local try
    stands "$1" "$2"
    case $? in
    1) echo "    as wanted already"; return ;;
    2) stop "somebody else has changed it. Planned: $1; wanted: $2; it is: $(value)" ;;
    esac
    act < /dev/null
    for (( try = 0; try <= $3; try += 2 )); do
        [[ $(value) == "$2" ]] && { echo "    done"; return; }
        sleep 2
    done
    stop "it was typed, and the value is not as wanted: $(value)"
}

# cycle ZONE SERVICE...: restarts, and waits until each was started anew and is online. The zone "" is the global one.
cycle() {
    local zone=() before try
    [[ $1 ]] && zone=(-z "$1")
    shift
    before=$(svcprop "${zone[@]}" -f -p restarter/start_method_timestamp "$@") && svcadm "${zone[@]}" restart "$@" || return
    for try in {1..30}; do
        [[ -z $({ echo "$before"; svcprop "${zone[@]}" -f -p restarter/start_method_timestamp "$@"; } | sort | uniq -d) &&
            $(svcs "${zone[@]}" -H -o state "$@" | sort -u) == online ]] && return
        sleep 2
    done
    echo "    it is not back: look at its log" >&2
    return 1
}

# What has no value to compare: a restart, a wait.
run() { act < /dev/null && echo "    done" || stop "it did not succeed"; }

# What only a human does: shown, and gone on with when he says that it is done.
by_hand() {
    local answer=
    cat
    { printf '    Type this yourself, in another shell. Then type done: ' > /dev/tty && read -r answer < /dev/tty; } 2> /dev/null
    [[ $answer == done ]] || stop "this is for a human. Begin again when it is done: what is as wanted is left alone"
}
"""


class Script(Struct, frozen=True):
    """`name` sorts in the order in which to run them; `where` is the machine as the operator reaches it."""

    name: str
    where: str
    text: str


def scripts(plan: Plan, run: str) -> Iterator[Script]:
    """The scripts of a plan, in their order."""
    for stage in stages_of(plan):
        for leg, tasks in enumerate(_legs(stage), 1):
            where, on = tasks[0][1].planned.where, tasks[0][1].planned.step.on.partition(".")[0]
            parts = [_task(f"{stage.number}.{number}", task) for number, task in tasks]
            told = f"# Stage {stage.number}: {stage.title}. On {where}. Of run {run}."
            end = f"step {stage.number} 'all of it is done'"
            text = "\n".join(["#!/usr/bin/bash", safe(told), STOPS, HEAD, *parts, "", end])
            yield Script(f"{stage.number}-{leg}-{_plain(on)}.sh", where, f"{text}\n")


def written(plan: Plan, run: str, folder: Path) -> list[str]:
    """Writes them into a folder; what to type for each.  Raises UsageError if it holds those of another plan: who runs all, runs these."""
    wanted = list(scripts(plan, run))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    texts = {script.name: script.text for script in wanted}
    there = sorted(path for path in folder.glob("*.sh") if re.fullmatch(r"\d+-\d+-.+\.sh", path.name))
    others = [path.name for path in there if path.read_text(encoding="utf-8", errors="replace") != texts.get(path.name)]
    if others:
        raise UsageError(
            f"{folder} holds scripts of another plan ({', '.join(others[:3])}): name another folder, or remove them"
        )
    told = []
    for script in wanted:
        path = folder / script.name
        path.write_text(script.text, encoding="utf-8")
        path.chmod(0o700)
        host, _, named = script.where.partition(" (")
        copied = f"ssh {host} 'cat > /var/tmp/{script.name}' < {path}"
        told.append(f"{copied} && ssh -t {host} bash /var/tmp/{script.name}" if named else f"bash {path}")
    return told


def _legs(stage: PlanStage) -> Iterator[list[tuple[int, Task]]]:
    """The tasks of a stage that are typed on one machine one after the other."""
    leg: list[tuple[int, Task]] = []
    for number, task in enumerate(stage.tasks, 1):
        if leg and leg[-1][1].planned.where != task.planned.where:
            yield leg
            leg = []
        leg.append((number, task))
    if leg:
        yield leg


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", name)


def _task(number: str, task: Task) -> str:
    step = task.planned.step
    names = ", ".join(map(str, task.causes))
    head = f"\n# {safe(' '.join(step.why.split()))}\nstep {number} {quote(safe(f'{step.risk}, for {names}'))}"
    automatic = step.actions and step.applied_by_suite and step.risk not in BY_HAND and step.on != OPERATOR
    parts = [_action(step, action) for action in step.actions] if automatic else [None]
    if None in parts:
        return f"{head}\n{_shown(number, step)}"
    return "\n".join([head, *filter(None, parts)])


def _action(step: Step, action: Action) -> str | None:
    """None: it is for a human, for there is no way to compare its value here."""
    if isinstance(action, Smf) and action.restarts:
        here = " ".join(["cycle", quote(action.zone), *map(quote, action.services)])
        act = cycled(action.zone, action.patience, *action.services) if step.via else here
        return f"{_functions(step, act=act)}\nrun"
    guard = guard_of(action)
    if guard is not None:
        seconds = int(does(action).patience)
        functions = _functions(step, value=guard.value, act=action.command())
        return f"{functions}\nchange {quote_lines(guard.planned)} {quote_lines(guard.wanted)} {seconds}"
    return (
        _functions(step, act=action.command()) + "\nrun"
        if does(action).waits or isinstance(action, RenderedAnew)
        else None
    )


def quote_lines(text: str) -> str:
    """A word of several lines, readable as such; anything else that a terminal would act upon is spelt."""
    return (
        "'" + "'$'\\n''".join(line.replace("'", "'\\''") for line in map(safe, text.split("\n"))) + "'"
        if text
        else "''"
    )


def _functions(step: Step, **bodies: str) -> str:
    """Functions with these bodies; on another server, by the head node's ssh."""
    parts = []
    for name, body in bodies.items():
        there = over_ssh(step.via, f"{name}() {{\n{body}\n}}\n{name}") if step.via else body
        parts.append(f"{name}() {{\n{_indented(there)}\n}}")
    return "\n".join(parts)


def _indented(text: str) -> str:
    """Not where a word spans lines, as a quoted one does."""
    return (
        text
        if "'" in text and text.count("\n") and _spans(text)
        else "\n".join(f"    {line}" for line in text.split("\n"))
    )


def _spans(text: str) -> bool:
    return any(line.count("'") % 2 for line in text.split("\n")) or "<<" in text.replace("<<<", "")


def _shown(number: str, step: Step) -> str:
    end = f"END-{number}"
    while end in step.run.split("\n"):
        end += "-"
    text = "\n".join(f"    {line}" for line in safe(step.run, keep="\n\t").split("\n"))
    return f"by_hand <<'{end}'\n{text}\n{end}"
