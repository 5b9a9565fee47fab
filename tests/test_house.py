"""The rules of how the house is built that the import linter cannot see (docs/design.md, "Packages")."""

from __future__ import annotations

import ast
import gc
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = (
    "apply",
    "checks",
    "evidence",
    "fixtures",
    "prepare",
    "remediate",
    "reports",
    "tools",
    "triton_az_checks",
    "verdict",
)
PACKAGES = (*OURS, "lab")
OUTSIDE = {"asyncio", "asyncssh", "dns", "http", "ldap3", "requests", "socket", "ssl", "subprocess", "urllib"}
"""Modules that talk to others."""
FILES = {"os", "pathlib", "shutil", "tempfile", "io"}
SPEAKS = {
    "apply": "the one door for changes, and what starts the checks again",
    "evidence/collect": "the only I/O with datacenters",
    "fixtures/interrupted.py": "runs what collects, until Ctrl-C",
    "prepare": "looks at the way in, and asks one head node for a first inventory",
    "reports/notifying.py": "starts the operator's own notify_command",
    "reports/pages/signing.py": "starts ssh-keygen, on files of this machine",
    "tools": "starts labs and suites",
    "lab": "is what is spoken with",
}
READS = {
    "evidence/inventory": "reads what the operator declared",
    "evidence/redact.py": "reads the installation's key",
    "evidence/store.py": "evidence.json",
    "fixtures": "where the operator's file and an assert's own source are",
    "reports": "a run's folder, and the terminal",
    "triton_az_checks": "where things lie",
    **SPEAKS,
}
LONGEST = 300
LONG = {
    "evidence/model.py": "the shape of evidence, all of it",
    "evidence/subjects/claims.py": "five judgements of one file, which belong together",
    "lab/commands/ldap.py": "sdc-ldap and sdc-useradm, which share how they ask",
    "lab/servers/sapi/server.py": "all of SAPI's routes",
    "lab/ufds/directory.py": "what a UFDS does with an entry, from checking it to its change",
    "lab/ufds/replicator.py": "one loop with its states",
}
"""Modules that are longer, and why."""
TEXTS = {"lab/machine/stub.py": "is run in a zone by itself, at once: neither a package nor a docstring that costs"}
"""Python files that are not modules of the house."""


@cache
def parsed(path: Path) -> tuple[ast.Module, str]:
    text = path.read_text(encoding="utf-8")
    return ast.parse(text), text


def modules(*packages: str) -> Iterator[tuple[str, ast.Module, str]]:
    gc.collect()  # python/cpython#106905: ast.parse fails if a finaliser of something else raises meanwhile
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            if name not in TEXTS:
                yield name, *parsed(path)


def imported(tree: ast.Module) -> set[str]:
    """The full names of everything that a module imports."""
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return plain | {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


def allowed(name: str, where: dict[str, str]) -> bool:
    return any(name == place or name.startswith(f"{place}/") for place in where)


@pytest.mark.parametrize(("what", "where"), [(OUTSIDE, SPEAKS), (FILES, READS)], ids=["network", "files"])
def test_who_speaks_with_the_outside(what: set[str], where: dict[str, str]) -> None:
    """Judging, causes and remedies are pure: their results follow only from the evidence."""
    found = {
        name: tops
        for name, tree, _ in modules(*OURS)
        if (tops := {each.partition(".")[0] for each in imported(tree)} & what)
    }
    assert {name: tops for name, tops in found.items() if not allowed(name, where)} == {}


def test_no_private_name_of_a_library() -> None:
    """What a library does not promise may change with its next release."""
    found = {
        name: private
        for name, tree, _ in modules(*PACKAGES, "tests")
        if (private := {each for each in imported(tree) if each.startswith("_") and each != "__future__"})
    }
    assert found == {}


def test_a_class_has_one_name() -> None:
    """Two classes with one name are two things under one word."""
    names = Counter(
        node.name for _, tree, _ in modules(*OURS) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
    )
    assert {name for name, count in names.items() if count > 1 and not name.startswith("_")} == set()


def test_what_is_stored_or_told_is_frozen() -> None:
    """A fact that somebody changes on its way is none."""
    mutable = {
        f"{name}: {node.name}"
        for name, tree, _ in modules(*(each for each in OURS if each != "tools"))
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and {"Struct", "msgspec.Struct"} & {*map(ast.unparse, node.bases)}
        and "frozen=True" not in map(ast.unparse, node.keywords)
    }
    assert mutable == set()


def test_modules_are_small_enough_to_hold_in_the_head() -> None:
    long = {name for name, _, text in modules(*PACKAGES) if text.count("\n") > LONGEST}
    assert {name for name in long if not allowed(name, LONG)} == set()


def test_every_module_says_what_it_is_for() -> None:
    silent = {name for name, tree, text in modules(*PACKAGES) if text.strip() and ast.get_docstring(tree) is None}
    assert silent == set()


def test_the_root_conftest_is_glue() -> None:
    assert (ROOT / "conftest.py").read_text(encoding="utf-8").count("\n") <= 80


def test_what_is_excused_is_still_there() -> None:
    """An excuse that nobody needs any more would hide the next one."""
    lengths = {name: text.count("\n") for name, _, text in modules(*PACKAGES)}
    assert {name for name in LONG if lengths.get(name, 0) <= LONGEST} == set()
    assert {name for name in (*TEXTS, *SPEAKS, *READS) if not (ROOT / name).exists()} == set()
