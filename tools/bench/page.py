"""docs/benchmark.md and its plot, from the figures of one `make bench`."""

from __future__ import annotations

from typing import Final

from tools.bench.figures import (
    AFTER_CHANGES,
    AGAIN,
    ALL,
    DUMPS,
    FLOOR,
    LDAP3,
    OFF,
    SERIAL,
    SHARED,
    SUITE,
    TESTINFRA,
    Figures,
    LabSetting,
    LargeSetting,
    Took,
    median,
    processor,
    ratio,
    spread,
    stopped,
)

HEAD: Final = """# What a run costs, beside other ways to read the same

`make bench` makes this page, in labs on one machine. Nothing in it passes or fails. The plot and the tables show medians of rounds (the
tables say how many); in each round all contenders take their turn. Every figure counts whole processes, from start to exit.

![Seconds of a contender as so many times the floor's](benchmark.svg)

The contenders:

{contenders}

**What they read.** Each is given the list of what a run of the suite has really read: every command with its words and its standard input
(each form of which is on [the short list](short-list.md)), and for the floor also every HTTP request, LDAP conversation and DNS question.
So the others know from the start what the suite must first find out: which zones there are, their addresses, the passwords, and which
ways to try. `ssh`, `xargs` and testinfra read the commands alone. They cannot do the rest: an LDAP bind and search, HTTP through the head
node and DNS through it each need a tunnel and a client behind it, which a line of shell does not have. Nor do they judge anything.

**Verdicts first.** Once for each, the suite judges *what a contender has read* instead of asking for it. The verdict must be the
suite's own, check by check. In each timed round the answers are counted: a command counts if it ended with the same exit status, and
printed something where the suite was told something.

{equal}

**Where.** {machine}.
The datacenters are the lab's: its SSH servers, services and agents run on the same processors as the contenders,
so much of each time is the lab's own, and ratios are smaller than they would be with real head nodes. Delay is added each way to every
packet between the operator and the datacenters. Versions: {versions}. Measured on {day}.{without}

"""
WITHOUT: Final = "\nThere are no figures of {count} datacenters: their lab did not get that far in its time."
TABLE: Final = """## {title}

{commands} commands, and {tunnelled} reads through tunnels; {checks} tests (a check of a subject each). Load of the machine, before and
after: {load}.

| contender | median | times the floor | fastest to slowest | rounds | processor | read |
|---|---|---|---|---|---|---|
"""
LARGE: Final = """## Large directories

Three datacenters, no delay, each contender once. *Memory* is the most that the process had at a time.

"""
ACCOUNTS: Final = """### {accounts} more accounts in each directory, {entries} entries altogether{paced}

| contender | seconds | processor | memory |
|---|---|---|---|
{rows}
Comparing costs {comparing:.2f} × of the processor time that ldap3 takes to read the same, and after 100 changes {by_changes:.1f} s.{faster}

"""
READERS: Final = {
    ALL: "**this suite**, all directories read and compared",
    AGAIN: "**this suite**, again",
    AFTER_CHANGES: "**this suite**, after 100 changes at the master",
    OFF: "**this suite**, `--compare=off`",
    DUMPS: "three `ldapsearch`, one after the other, into files",
    LDAP3: "ldap3, in one answer each, all at once, over asyncssh; nothing compared",
}
JUDGING: Final = """## Judging alone

{checks} tests are judged from stored evidence in {ours:.2f} s. An empty pytest with as many parametrised tests takes {empty:.2f} s:
ratio {ratio:.2f}.

"""
READING: Final = """## How to read this

- **times the floor**: the median, over the rounds, of the contender's time in a round by the floor's in the same round.
- **processor**: seconds of processors that the contender itself used, without the lab's servers. It depends less on the machine's load.
- **read**: the fewest answers of any round, of how many. For the suite: tests that came out as at first. With a datacenter dark, nobody
  can read there, and its reads are not counted.
- **more than**: it was stopped at {limit:g} s. Whoever takes more than {near:g} times the suite's time is measured in one round only.
- In the large lab, nothing is measured that goes one by one: it takes minutes.
- `xargs` and `ssh` skip a head node as soon as it has not answered once, as whoever types would; testinfra tries it for each command.
- monitoring-plugins are not measured: `check_by_ssh` is an `ssh` for each command, as in the row of `ssh`, with a program around it. It
  passes no standard input on, and {scripted} of the {commands} commands read a script from there.
{losses}"""
WHO: Final = {
    FLOOR: "**floor**: the same reads over bare asyncssh, one connection to each head node, as parallel as the suite, with the HTTP, "
    "LDAP and DNS reads through tunnels; and then an empty pytest with as many parametrised tests as the suite has",
    SUITE: "**this suite**: `./az-checks run region.yaml`, with its verdict, its causes and the run's folder",
    SHARED: "**`ssh`, shared, `xargs -P8`**: one connection to each head node (ControlMaster), and eight commands at once over them",
    SERIAL: "**`ssh`, one by one**: a connection for each command, one after the other, as one types",
    TESTINFRA: "**testinfra**: a parametrised test for each command, with its `ssh` backend over shared connections (`controlpath`), "
    "serial and at its best `-n` of {workers}",
}
NAMES: Final = {
    FLOOR: "floor",
    SUITE: "**this suite**",
    SHARED: "`ssh`, shared, `xargs -P8`",
    SERIAL: "`ssh`, one by one",
}


def named(name: str) -> str:
    """How a contender is called in tables."""
    if name.startswith(TESTINFRA):
        workers = name.removeprefix(TESTINFRA).strip()
        return f"testinfra, `{workers}`" if workers else "testinfra, serial"
    return NAMES[name]


def rendered(figures: Figures) -> str:
    """The page."""
    first = figures.settings[0]
    contenders = (
        "\n".join(
            f"- {text.replace('{workers}', ', '.join(map(str, figures.terms.workers)))};" for text in WHO.values()
        )[:-1]
        + "."
    )
    text = HEAD.format(
        contenders=contenders,
        equal=_equal(figures),
        machine=figures.machine,
        versions=", ".join(f"{name} {version}" for name, version in figures.versions.items()),
        day=figures.day,
        without="".join(WITHOUT.format(count=count) for count in figures.without),
    )
    for setting in figures.settings:
        text += _table(setting)
    if figures.large:
        text += LARGE + "".join(map(_large, figures.large))
    ours, empty, quotient = figures.judging
    text += JUDGING.format(checks=first.checks, ours=ours, empty=empty, ratio=quotient)
    return text + READING.format(
        limit=figures.terms.limit,
        near=figures.terms.near,
        scripted=first.scripted,
        commands=first.commands,
        losses=_losses(figures),
    )


def _equal(figures: Figures) -> str:
    """For each size of lab, how many checks came out the same, of whose reads."""
    rows = {
        (setting.datacenters, name): f"| {setting.datacenters} | {named(name)} | {same} of {setting.checks} |"
        for setting in figures.settings
        for name, same in setting.equal.items()
    }
    return "\n".join(
        [
            "| datacenters | judged from the reads of | tests with the suite's own outcome |",
            "|---|---|---|",
            *rows.values(),
        ]
    )


def _table(setting: LabSetting) -> str:
    text = TABLE.format(
        title=setting.title,
        commands=setting.commands,
        tunnelled=setting.tunnelled,
        checks=setting.checks,
        load=" and ".join(f"{each:.1f}" for each in setting.load),
    )
    return text + "".join(_row(setting, name, setting.took[name]) for name in setting.contenders()) + "\n"


def _row(setting: LabSetting, name: str, took: list[Took]) -> str:
    more = "more than " if stopped(took) else ""
    low, high = spread(took)
    least = min(took, key=lambda each: each.read)
    cells = (
        named(name),
        f"{more}{median(took):.1f} s",
        f"{more}{ratio(setting, name):.2f}",
        f"{low:.1f}–{high:.1f} s",
        f"{len(took)}",
        f"{processor(took):.1f} s",
        f"{least.read} of {least.wanted}",
    )
    return f"| {' | '.join(cells)} |\n"


def _large(setting: LargeSetting) -> str:
    rows = "".join(
        f"| {READERS[name]} | {took.seconds:.1f} s | {took.processor:.1f} s | {took.megabytes} MB |\n"
        for name in READERS
        if (took := setting.took.get(name)) is not None
    )
    return ACCOUNTS.format(
        accounts=setting.accounts,
        faster=_faster(setting),
        paced=f"; each UFDS sends {setting.pace} a second at most" if setting.pace else "",
        entries=setting.entries,
        rows=rows,
        comparing=setting.comparing,
        by_changes=setting.by_changes,
    )


def _faster(setting: LargeSetting) -> str:
    """Who reads the same in less time than the suite reads and compares it."""
    own = setting.took[ALL].seconds
    names = [READERS[name] for name in (DUMPS, LDAP3) if name in setting.took and setting.took[name].seconds < own]
    return f" Faster, and with nothing compared: {'; '.join(names)}." if names else ""


def _losses(figures: Figures) -> str:
    """Who was faster than the suite, and where."""
    said = []
    for setting in figures.settings:
        mine = ratio(setting, SUITE)
        faster = [name for name in setting.contenders() if name not in (FLOOR, SUITE) and ratio(setting, name) < mine]
        who = ", ".join(f"{named(name)} ({ratio(setting, name):.2f})" for name in faster) or "nobody but the floor"
        said.append(f"  - {setting.title}: {who}; the suite {mine:.2f}.\n")
    return "- Faster than the suite was (in times the floor; each reads less, and judges nothing):\n" + "".join(said)
