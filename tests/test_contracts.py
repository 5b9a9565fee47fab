"""The syntax of the checks: they compare what was seen, and no line is only there for its effect."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CHECKS = sorted((ROOT / "checks").glob("*.py"))
SUBJECTS = sorted((ROOT / "evidence" / "subjects").rglob("*.py"))
ASKS = {"get", "trouble"}
"""Methods of a fact whose answers must be used."""


def worded(function: ast.FunctionDef) -> Iterator[str]:
    """The asserts that compare with the check's own words. Such a check should raise a Finding, or compare the values.

    The left of such an assert is a text that is made there or in a line above, or its right is a text that the check itself writes
    elsewhere.
    """
    made = {name for node in ast.walk(function) for name in _made_texts(node)}
    for node in ast.walk(function):
        if isinstance(node, ast.Assert) and isinstance(node.test, ast.Compare):
            left, right = node.test.left, node.test.comparators[0]
            own = _texts(right) and any(_texts(right) & _texts(line) for line in _besides(function, node))
            if _formats(left) or (isinstance(left, ast.Name) and left.id in made) or own:
                yield f"{node.lineno}: {ast.unparse(node.test)}"


def _made_texts(node: ast.AST) -> Iterator[str]:
    """The variables to which a line assigns a text that it puts together."""
    if isinstance(node, ast.Assign) and isinstance(_plain(node.value), ast.JoinedStr):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _plain(value: ast.expr) -> ast.expr:
    """The last part of a value: the text in `error or f"…"`, in `a if b else f"…"`, in `f"…".strip()`."""
    if isinstance(value, ast.BoolOp):
        return _plain(value.values[-1])
    if isinstance(value, ast.IfExp):
        return _plain(value.orelse)
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        return _plain(value.func.value)
    return value


def _formats(node: ast.AST) -> bool:
    return any(isinstance(each, ast.JoinedStr) for each in ast.walk(node))


def _texts(node: ast.AST) -> set[str]:
    return {each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)} - {
        ""
    }


def _besides(function: ast.FunctionDef, tested: ast.Assert) -> Iterator[ast.AST]:
    """The left of an assert, and the assigned values of its function."""
    assert isinstance(tested.test, ast.Compare)
    yield tested.test.left
    yield from (node.value for node in ast.walk(function) if isinstance(node, (ast.Assign, ast.AugAssign)))


def dropped(tree: ast.AST) -> Iterator[str]:
    """The lines that ask for something and drop it. `need` is the way to say that it must be there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            value = node.value
            called = value.func if isinstance(value, ast.Call) else None
            text = isinstance(value, ast.Constant) and isinstance(value.value, str)
            asks = isinstance(called, ast.Attribute) and called.attr in ASKS
            if asks or not (called or text or isinstance(value, (ast.Yield, ast.YieldFrom))):
                yield f"{node.lineno}: {ast.unparse(node)}"
        if isinstance(node, ast.Assign) and all(isinstance(each, ast.Name) and each.id == "_" for each in node.targets):
            yield f"{node.lineno}: {ast.unparse(node)}"


def certain(tree: ast.AST) -> Iterator[str]:
    """The asserts that only a missing fact could fail: a count is never below 0."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and isinstance(node.test, ast.Compare):
            operator, right = node.test.ops[0], node.test.comparators[0]
            if isinstance(operator, ast.GtE) and isinstance(right, ast.Constant) and right.value == 0:
                yield f"{node.lineno}: {ast.unparse(node.test)}"


def functions(text: str) -> Iterator[ast.FunctionDef]:
    yield from (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("path", CHECKS, ids=lambda path: path.stem)
def test_a_check_compares_what_was_seen_and_not_its_own_words(path: Path) -> None:
    assert [line for function in functions(path.read_text()) for line in worded(function)] == []


@pytest.mark.parametrize("path", [*CHECKS, *SUBJECTS], ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_nothing_is_asked_for_and_dropped(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert [*dropped(tree), *certain(tree)] == []


@pytest.mark.parametrize(
    "line",
    [
        'assert f"zone {zone.vm.state}" == "zone running"',
        'assert [f"{first} missing" for first in gaps] == []',
        'assert (trouble or "answers") == "answers"',
        'seen = "known" if key in known else "not known"; assert seen == "known"',
        'said = answer.error or f"HTTP {answer.status}"; assert said == "HTTP 200"',
        'said = f"HTTP {answer.status} {message}".strip(); assert said == "HTTP 200"',
    ],
)
def test_words_of_its_own_are_seen(line: str) -> None:
    assert [found for function in functions(f"def test(): {line}") for found in worded(function)] != []


@pytest.mark.parametrize(
    "line",
    [
        'assert settings.get("url") == f"ldaps://{remote}"',
        'state = next((each.state for each in services), "absent"); assert state == "online"',
        'keys = ("A", "B"); assert {key: values[key] for key in keys} == {}',
    ],
)
def test_a_value_is_no_word_of_its_own(line: str) -> None:
    assert [found for function in functions(f"def test(): {line}") for found in worded(function)] == []


@pytest.mark.parametrize("line", ["zone.vm", "_ = zone.vm", "datacenter.ssh.get()", "assert ufds.latest >= 0"])
def test_what_is_dropped_is_seen(line: str) -> None:
    tree = ast.parse(line)
    assert [*dropped(tree), *certain(tree)] != []
