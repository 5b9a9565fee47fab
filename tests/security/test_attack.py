"""The attack from end to end: whatever one datacenter says, judged and planned, and each printed command run in a sandbox of stubs.

Nothing is executed but tools that steps name, no other datacenter lets in or leads to more, and none of its objects is named by the
attacker. AZ_ATTACKS=20 makes it twenty times as long.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from functools import cache
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from remediate.neighbours import PRIVATE
from remediate.shell import quote
from remediate.steps import Step
from tests.security import attack
from tests.security.attack import MARKS, Attack, attacks, honest
from tests.security.test_neighbours import opened
from tests.security.test_quoting import run

LONG = int(os.environ.get("AZ_ATTACKS", "1"))
TOOLS = (
    "awk", "bash", "cat", "cmp", "cut", "date", "env", "grep", "head", "ls", "od", "sed", "sort", "tail", "tr", "uniq", "wc",
)  # fmt: skip
"""The machine's own programs that steps name, and that cannot write. STUBS take the place of all others."""
STUBBED = (
    "chmod", "cp", "curl", "dig", "ldapmodify", "mkdir", "mv", "openssl", "ssh-keygen", "sdc-backup", "sdc-imgapi", "sdc-vmapi",
    "sdc-cnapi", "sdc-login", "sdc-vmname", "svccfg", "svcprop", "manta-adm", "manta-init", "zfs", "az-checks", "basename", "digest", "tee",
    "sha256sum", "openssl", "scp", "pgrep", "ping", "nc", "df", "find", "mktemp", "ln", "diff", "comm", "join", "paste", "xargs", "touch",
)  # fmt: skip


@cache
def short(seed: int, *, whole: bool) -> tuple[Attack, ...]:
    """The same attacks for all tests; `whole` ones are judged from what is lied, the others planned for what is wrong anyway."""
    return tuple(attacks(seed, (4 if whole else 60) * LONG, whole=whole))


def told(each: Attack) -> str:
    return f"{each.name}, {each.attacker} says {each.lies}"


@pytest.fixture(params=[False, True], ids=["planned", "judged"])
def tried(request: pytest.FixtureRequest) -> tuple[Attack, ...]:
    return short(7, whole=request.param)


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH that has the tools, and of others a name that does nothing."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in TOOLS:
        (folder / name).symlink_to(str(shutil.which(name)))
    for name in set(STUBBED) - set(TOOLS):
        (folder / name).write_text("#!/bin/bash\n")
        (folder / name).chmod(0o755)
    return str(folder)


def test_nothing_is_executed_but_what_the_steps_name(tmp_path: Path, path: str, tried: tuple[Attack, ...]) -> None:
    """Each command that only a lie made, in the attacker's datacenter too, and what takes it back."""
    commands: dict[str, str] = {}
    for each in tried:
        before = {step.run for step in honest(each.name).steps}
        for step in each.steps:
            for text in (step.run, step.undo):
                assert all(line.isprintable() for line in text.split("\n")), (told(each), text)
                if text and text not in before:
                    commands.setdefault(text, told(each))
    assert commands
    run(
        [f"( {text}\n) > /dev/null < /dev/null || : {quote(who)}" for text, who in commands.items()],
        tmp_path / "CANARY",
        path,
    )


def test_no_rule_or_route_of_others_is_wider(tried: tuple[Attack, ...]) -> None:
    for each in tried:
        known = {net for step in honest(each.name).steps for net in opened(step)}
        for step in each.elsewhere:
            assert set(opened(step)) - known - set(own(each, step)) == set(), (told(each), step.on, step.run)


def own(each: Attack, step: Step) -> Iterator[IPv4Network]:
    """What a datacenter may be let in with: networks that are private, and in which nothing of an honest one lies."""
    others = [dc for dc in honest(each.name).world.datacenters if dc.name != each.attacker]
    taken = [net for dc in others for net in attack.ground(dc)]
    for net in opened(step):
        if any(net.subnet_of(one) for one in PRIVATE) and not any(net.overlaps(one) for one in taken):
            yield net


def test_none_of_their_objects_is_named_by_the_attacker(tried: tuple[Attack, ...]) -> None:
    for each in tried:
        for step in each.elsewhere:
            assert not {mark for mark in MARKS if mark in attack.names_in(step, each).lower()}, (
                told(each),
                step.on,
                step.run,
            )


def test_the_attacks_get_into_the_plans() -> None:
    """Otherwise the tests above would prove nothing: some lies change what is typed, or are refused where it is made."""
    plans = [(each, {(step.run, step.undo) for step in each.steps}) for each in short(7, whole=False)]
    assert sum(len(made) for _, made in plans) > 20
    assert [each for each, made in plans if made != {(step.run, step.undo) for step in honest(each.name).steps}]
