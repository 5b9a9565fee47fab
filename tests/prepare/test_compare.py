"""`az-checks compare`: what is typed, refused before anybody is asked, told on a terminal, and how a directory is found."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

import prepare.compare
import prepare.comparing
from evidence.collect import comparison, reading
from evidence.collect.anypair import PairDifferences
from evidence.collect.ldap import USERS
from evidence.collect.opendirectory import OpenDirectory
from evidence.collect.unanswered import UnansweredError
from evidence.comparison import DIFFERENT, EXTRA, MISSING, EntryDifference
from evidence.inventory.model import Declared
from prepare.command import main
from prepare.compared import write_two
from reports.page import Page
from tests.evidence.histories import Directory
from tests.evidence.test_anypair import CARLA, INVENTORY, directory, large, opened, own_key
from tests.evidence.test_collect import HEALTHY, PASSWORD, Server, enter, home

__all__ = ["home"]
HOSTILE = "\x1b[2J\u202eroot\nmy-dc-1 against my-dc-3: nothing differs"


@pytest.fixture
def region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AZ_FINGERPRINT_KEY_FILE", str(tmp_path / "installation.key"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("AZ_INVENTORY", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(comparison, "ON_ITS_WAY", 0.0)
    monkeypatch.setattr(reading, "PAUSE", 0.0)
    declared = {name: {"headnode": one.headnode, "region": one.region} for name, one in INVENTORY.datacenters.items()}
    path = tmp_path / "region.yaml"
    path.write_text(yaml.safe_dump({"master": "my-dc-2", "datacenters": declared}))
    return path


Found = Mapping[str, Directory | str]


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Callable[[Found], list[str]]:
    """In place of datacenters: their directories, or why one cannot be asked. Returns who was asked."""

    def set_up(directories: Found) -> list[str]:
        asked: list[str] = []

        @contextlib.asynccontextmanager
        async def instead(declared: Declared, *_: object) -> AsyncIterator[OpenDirectory]:
            asked.append(declared.name)
            there = directories[declared.name]
            if isinstance(there, str):
                raise UnansweredError(f"{declared.name}: {there}")
            yield opened(declared.name, there)

        monkeypatch.setattr(prepare.comparing, "opened", instead)
        return asked

    return set_up


Set = Callable[[Found], list[str]]
Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ([], "no inventory was given: az-checks compare REGION.yaml A B, or AZ_INVENTORY"),
        (["REGION"], "name a datacenter of the inventory: az-checks compare REGION.yaml A B; it has: my-dc-1, my-dc-2, my-dc-3"),
        (["REGION", "my-dc-1"], "name what my-dc-1 is compared with"),
        (["REGION", "no\x1b", "my-dc-1"], "the inventory has no no\\x1b; it has: my-dc-1, my-dc-2, my-dc-3"),
        (["REGION", "my-dc-1", "my-dc-1"], "my-dc-1 cannot be compared with itself"),
        (["REGION", "my-dc-1", "gone\x1b"], "the inventory has no gone\\x1b, and there is no such file; it has: my-dc-1, my-dc-2"),
        (["REGION", "my-dc-1", "REGION"], "region.yaml is no file that `az-checks compare --keep` wrote"),
        (["REGION", "my-dc-1", "."], ". cannot be read (Is a directory)"),
        (["REGION", "my-dc-1", "my-dc-2", "my-dc-3"], "unrecognized arguments: my-dc-3"),
        (["REGION", "my-dc-1", "my-dc-2", "--keep", "new"], "--keep keeps what one datacenter holds: name no second one"),
        (["REGION", "my-dc-1", "--keep", "."], "--keep: . is a folder: name a file in it"),
        (["REGION", "my-dc-1", "--keep", "REGION"], "region.yaml is there already: name another file, or remove it"),
        (["REGION", "my-dc-1", "--keep", "/no/such/file"], "/no/such is no folder in which this user may write"),
        (["REGION", "my-dc-1", "--keep"], "argument --keep: expected one argument"),
        (["gone.yaml", "my-dc-1", "my-dc-2"], "gone.yaml"),
    ],
)  # fmt: skip
def test_wrong_use_is_a_sentence_before_anybody_is_asked(
    region: Path, found: Set, capsys: Capture, typed: list[str], told: str
) -> None:
    asked = found({})
    assert main(["compare", *({"REGION": str(region)}.get(word, word) for word in typed)]) == 4
    said = capsys.readouterr()
    assert told in said.err
    assert said.err.count("\n") == 1
    assert (said.out, asked) == ("", [])


@pytest.mark.parametrize(
    "words", [["my-dc-3", "my-dc-1"], ["REGION", "my-dc-3", "my-dc-1"], ["./region.yaml", "my-dc-3", "my-dc-1"]]
)
def test_the_inventory_may_be_left_out_where_it_is_set(
    region: Path, found: Set, capsys: Capture, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setenv("AZ_INVENTORY", str(region))
    asked = found({"my-dc-1": directory({}), "my-dc-3": directory({})})
    assert main(["compare", *({"REGION": str(region)}.get(word, word) for word in words)]) == 0
    assert sorted(asked) == ["my-dc-1", "my-dc-3"]
    assert capsys.readouterr().out == "my-dc-1 against my-dc-3: 0 entries compared, nothing differs\n"


def test_another_inventory_than_the_one_that_is_set(
    region: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZ_INVENTORY", "gone.yaml")
    assert main(["compare", "region.yaml", "my-dc-1"]) == 4
    assert "name what my-dc-1 is compared with" in capsys.readouterr().err


def test_of_three_words_the_first_is_the_inventory(
    region: Path, found: Set, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if it looks like a datacenter's name, and another one is set."""
    monkeypatch.setenv("AZ_INVENTORY", "gone.yaml")
    region.rename("region")
    found({"my-dc-1": directory({}), "my-dc-3": directory({})})
    assert main(["compare", "region", "my-dc-3", "my-dc-1"]) == 0


def test_two_that_differ(region: Path, found: Set, capsys: Capture) -> None:
    there = directory(
        {f"uuid=a, {USERS}": CARLA, f"uuid=b, {USERS}": CARLA | {"login": ("bruno",)}, own_key("my-dc-3"): {}}
    )
    here = directory({f"uuid=a, {USERS}": CARLA | {"email": ("x",), "userpassword": ("hash",)}, f"uuid=c, {USERS}": {}})
    found({"my-dc-1": here, "my-dc-3": there})
    assert main(["compare", str(region), "my-dc-3", "my-dc-1"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "my-dc-1 against my-dc-3: 3 entries compared, 2 missing, 1 extra, 1 different",
        f"different  uuid=a, {USERS}  (login carla)  email, userpassword",
        f"missing    uuid=b, {USERS}  (login bruno)",
        f"extra      uuid=c, {USERS}",
        f"missing    {own_key('my-dc-3')}",
    ]


def test_kept_and_compared_later(region: Path, found: Set, capsys: Capture) -> None:
    held, other = (
        directory({f"uuid=a, {USERS}": CARLA}),
        directory({f"uuid=a, {USERS}": CARLA, f"uuid=b, {USERS}": CARLA}),
    )
    asked = found({"my-dc-1": held, "my-dc-3": other})
    assert main(["compare", "--keep", "kept", str(region), "my-dc-1"]) == 0
    assert re.match(r"kept: 1 entry of my-dc-1, read from 20\S+Z on; ", capsys.readouterr().out)
    assert main(["compare", str(region), "my-dc-1", "kept"]) == 0
    assert "nothing differs" in " ".join(capsys.readouterr().out.split())
    held.put(f"uuid=a, {USERS}", CARLA | {"email": ("moved",)})
    assert main(["compare", str(region), "my-dc-1", "kept"]) == 1
    told = capsys.readouterr().out
    assert re.match(r"my-dc-1 since 20\S+Z \(kept\): 1 entry compared, 0 removed, 0 added,\n        1 changed\n", told)
    assert told.splitlines()[2:] == [f"changed    uuid=a, {USERS}  (login carla)"]
    assert {*asked} == {"my-dc-1"}
    assert main(["compare", str(region), "my-dc-3", "kept"]) == 1
    told = " ".join(capsys.readouterr().out.split())
    assert re.match(
        r"my-dc-3 now against my-dc-1 as it was at 20\S+Z \(kept\): 1 entry compared, 0 missing, 1 extra, 0 diff", told
    )
    assert "What has changed since then, in either, shows as a difference too: my-dc-1 was not asked now." in told
    assert main(["compare", str(region), "my-dc-1", "--keep", "kept"]) == 4


@pytest.mark.parametrize("typed", ["--keep new R my-dc-1", "R --keep new my-dc-1", "R my-dc-1 --keep=new"])
def test_the_option_may_stand_anywhere(region: Path, found: Set, typed: str) -> None:
    found({"my-dc-1": directory({})})
    assert main(["compare", *typed.replace("R", str(region)).split()]) == 0
    assert region.with_name("new").exists()


def test_a_file_that_somebody_changed_is_refused_before_anybody_is_asked(
    region: Path, found: Set, capsys: Capture
) -> None:
    asked = found({"my-dc-1": directory({f"uuid=a, {USERS}": CARLA})})
    assert main(["compare", str(region), "my-dc-1", "--keep", "kept"]) == 0
    path = region.with_name("kept")
    path.write_bytes(path.read_bytes().replace(b"uuid=a,", b"uuid=b,"))
    capsys.readouterr()
    asked.clear()
    assert main(["compare", str(region), "my-dc-1", "kept"]) == 4
    assert capsys.readouterr().err == "az-checks compare: kept is damaged, or was kept with another key\n"
    path.write_bytes(path.read_bytes().replace(b'"my-dc-1"', b'"\x1b[2J"'))
    assert main(["compare", str(region), "my-dc-1", "kept"]) == 4
    assert "\x1b" not in capsys.readouterr().err
    assert asked == []


def test_in_part_is_said_never_equal_and_never_kept(region: Path, found: Set, capsys: Capture) -> None:
    found({"my-dc-1": large(range(3000), until=1), "my-dc-3": large(range(3000))})
    assert main(["compare", str(region), "my-dc-3", "my-dc-1"]) == 1
    told = " ".join(capsys.readouterr().out.split())
    assert told == (
        "my-dc-1 against my-dc-3: 1999 entries that both have compared, of more, 0 different Not all was compared, so what one side lacks "
        "is not known: 1999 entries of my-dc-1 were read, then: no answer within 20 s."
    )
    found({"my-dc-1": large(range(3000), until=1)})
    assert main(["compare", str(region), "my-dc-1", "--keep", "kept"]) == 1
    said = capsys.readouterr()
    assert said.err == (
        "az-checks compare: nothing was kept: 1999 entries of my-dc-1 were read, then: no answer within 20 s\n"
    )
    assert not region.with_name("kept").exists()


def test_one_that_cannot_be_asked(region: Path, found: Set, capsys: Capture) -> None:
    found({"my-dc-1": "no answer\x1b[2J", "my-dc-3": directory({})})
    assert main(["compare", str(region), "my-dc-3", "my-dc-1"]) == 1
    assert capsys.readouterr() == ("", "az-checks compare: my-dc-1: no answer\\x1b[2J\n")


def test_interrupted(region: Path, found: Set, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = found({})

    def interrupted(work: Coroutine[Any, Any, object], _told: str) -> None:
        work.close()

    monkeypatch.setattr(prepare.compare, "unless_interrupted", interrupted)
    assert main(["compare", str(region), "my-dc-3", "my-dc-1"]) == 2
    assert capsys.readouterr() == ("", "az-checks compare: interrupted, so nothing is told\n")
    assert asked == []


def test_a_defect_is_a_sentence_without_what_was_in_memory(region: Path, found: Set, capsys: Capture) -> None:
    broken = directory({})

    def breaks() -> None:
        raise KeyError(PASSWORD)

    broken.before = breaks
    found({"my-dc-1": broken, "my-dc-3": directory({})})
    assert main(["compare", str(region), "my-dc-3", "my-dc-1"]) == 3
    assert capsys.readouterr() == ("", "az-checks compare: the suite broke (KeyError); please report it\n")


@pytest.mark.parametrize("width", [80, 120])
def test_hostile_names_stay_on_their_line(width: int) -> None:
    """No entry moves the cursor, or looks like another line; and a dn is whole at any width, because one greps for it."""
    dn = f"uuid={HOSTILE}{'x' * 200}, {USERS}"
    rows = tuple(EntryDifference(dn, kind, (HOSTILE,), HOSTILE) for kind in (MISSING, EXTRA, DIFFERENT))
    page = Page(width)
    write_two(
        page, "my-dc-3", "my-dc-1", PairDifferences(3, rows, (f"{HOSTILE}: whose it is",), HOSTILE + " missing" * 60)
    )
    text = str(page)
    assert all(each.isprintable() for each in text.split("\n"))
    assert not [line for line in text.splitlines()[1:] if line.startswith("my-dc-1 against")]
    lines = [line for line in text.splitlines() if line.startswith(("missing", "extra", "different", "unknown"))]
    assert len(lines) == 4
    assert all("x" * 200 in line for line in lines[:3])
    assert all(len(line) <= width for line in text.splitlines() if line not in lines)


# How a directory is found

SDC = {"uuid": "10000000-0000-4000-8000-00000000000a", "name": "sdc", "metadata": {}}


def asks(home: Path, capsys: Capture, printed: Mapping[str, str]) -> tuple[int, str, list[str]]:
    """Compare with a file, at a head node that prints this; what it was asked."""
    path = home / "region.yaml"
    path.write_text(
        yaml.safe_dump({"master": "a", "datacenters": {"a": {"headnode": "a", "region": "r"}},
                        "timeouts": {"connect": "1s", "command": "2s", "run": "10s"}})
    )  # fmt: skip
    server = Server({**HEALTHY, **printed})
    typed = ["compare", str(path), "a", "--keep", str(home / "kept")]

    async def listening() -> int:
        enter(home, "a", await server.start(), key=server.user_key, host_key=server.key)
        try:
            return await asyncio.to_thread(main, typed)
        finally:
            server.server.close()

    code = asyncio.run(listening())
    return code, capsys.readouterr().err, [command.split()[0] for command in server.commands]


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        ({}, r"a: the root bind failed: .+|a: .*127\.0\.0\.9.*"),
        ({"sysinfo": json.dumps({"Boot Parameters": {"headnode": "true"}, "Datacenter Name": "b", "UUID": "s"})},
         r"a: a is a head node of b"),
        ({"sysinfo": "HANG"}, r"a: whose head node this is is not known: .+"),
        ({"vmadm": "[]"}, r"a: the head node lists no zone with smartdc_role ufds"),
        ({"vmadm": f"nonsense {PASSWORD}"}, r"a: .+"),
        ({"bash": "{}", "cat": ""}, r"a: its root password is not known \(SAPI: .+"),
    ],
)  # fmt: skip
def test_a_head_node_that_does_not_lead_there(
    home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, printed: Mapping[str, str], told: str
) -> None:
    """One sentence, without a password; only what finds the directory is asked, and nothing is kept."""
    monkeypatch.setattr(prepare.compare, "unless_interrupted", lambda work, _: asyncio.run(work))  # in a thread
    code, said, commands = asks(home, capsys, printed)
    assert code == 1
    assert re.fullmatch(f"az-checks compare: nothing was kept: ({told})\n", said)
    assert PASSWORD not in said
    assert {*commands} <= {"sysinfo", "bash", "cat", "vmadm"}
    assert not (home / "kept").exists()
