"""What is built into the text of a command has passed a type or a quote: seen in the syntax of the modules that build commands."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILDERS = ("shell", "ssh", "ldif", "copies", "napi")
"""The modules of remediate whose functions return text that is typed. With them come the methods `command` and `read` of each action."""
ASIDE = ("_is", "_read", "read_entry", "read_network", "_update", "_lookup")
"""Functions of the actions that these two call."""
MAKES = {"quote", "compact", "len", "ceil", "max", "min", "str.upper"}
"""Functions whose result is one word, or nothing that a shell reads otherwise."""
GIVEN = {
    ("napi.py", "_change", "field"): "a name that this module gives",
    ("ldif.py", "_typed", "verb"): "a word that this module gives",
    ("ldif.py", "modified", "operation"): "in a line that is quoted",
    ("ldif.py", "touched", "scope"): "base or sub, by its type",
    ("ldif.py", "_by_itself", "found"): "a command that this module has built",
    ("ldif.py", "line", "value"): "a line of LDIF, which is quoted",
    ("ldif.py", "line", "name"): "typed one line above",
    ("shell.py", "zone_service", "verb"): "a word of the callers' own source",
    ("shell.py", "usbkey_set", "key"): "the keys have passed typed.setting",
    (
        "shell.py",
        "usbkey_set",
        "shlex.quote(typed.usbkey(key, value))",
    ): "typed and quoted for the shell at boot, and quoted again",
    ("shell.py", "_bytes", "byte"): "a number",
    ("copies.py", "named", "subject"): "is shown to people",
    ("copies.py", "_fullest", "kind"): "an attribute's name that its caller has typed",
    ("smf.py", "command", "self.verb"): "a word of the action's own type",
    ("vm.py", "_lookup", "field"): "a name that this module gives",
    ("shell.py", "_late", "path"): "quoted as a whole",
}
"""Holes that need a word: module, function, what stands in them, and why that is no door."""


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    for name in BUILDERS:
        path = ROOT / "remediate" / f"{name}.py"
        yield from ((path.name, node) for node in ast.walk(_tree(path)) if isinstance(node, ast.FunctionDef))
    for path in sorted((ROOT / "remediate" / "actions").glob("*.py")):
        nodes = (node for node in ast.walk(_tree(path)) if isinstance(node, ast.FunctionDef))
        yield from ((path.name, node) for node in nodes if node.name in ("command", "read", *ASIDE))


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def builders() -> set[str]:
    """The functions that are looked at: what one of them returns may stand in another's text."""
    return {function.name for _, function in functions()}


def holes(function: ast.FunctionDef) -> Iterator[ast.expr]:
    """What is put into the function's texts, except into what it raises or documents."""
    raised = {id(node) for each in ast.walk(function) if isinstance(each, ast.Raise) for node in ast.walk(each)}
    for node in ast.walk(function):
        if isinstance(node, ast.FormattedValue) and id(node) not in raised:
            yield node.value


def is_safe(value: ast.expr, known: dict[str, list[ast.expr]], made: set[str]) -> bool:
    match value:
        case ast.Constant():
            return True
        case ast.Name(id=name) if name.isupper():
            return True
        case ast.Name(id=name):
            return name in known and all(is_safe(each, known, made) for each in known[name])
        case ast.Call(func=ast.Attribute(value=ast.Name(id="typed"))):
            return True
        case ast.Call(func=ast.Name(id=name)) if name in MAKES or name in made:
            return True
        case ast.Call(func=ast.Name(id="map"), args=[passed, *_]):
            return ast.unparse(passed) == "quote" or ast.unparse(passed).startswith("typed.")
        case ast.Call(func=ast.Attribute(attr="join"), args=[parts]):
            return is_safe(parts, known, made)
        case ast.Call(func=ast.Attribute(value=inner, attr="rpartition" | "removeprefix" | "replace" | "decode")):
            return is_safe(inner, known, made)
        case ast.Call(func=ast.Attribute(value=ast.Name(id="base64"))):
            return True
        case ast.GeneratorExp(elt=each) | ast.ListComp(elt=each):
            return is_safe(each, known, made)
        case ast.Subscript(value=inner):
            return is_safe(inner, known, made)
        case ast.IfExp(body=one, orelse=other):
            return is_safe(one, known, made) and is_safe(other, known, made)
        case ast.BinOp(left=one, right=other):
            return is_safe(one, known, made) and is_safe(other, known, made)
        case ast.JoinedStr(values=parts):
            return all(is_safe(part.value, known, made) for part in parts if isinstance(part, ast.FormattedValue))
        case ast.Tuple(elts=each_of) | ast.List(elts=each_of):
            return all(is_safe(each, known, made) for each in each_of)
    return False


def assigned(function: ast.FunctionDef) -> dict[str, list[ast.expr]]:
    """What each local name is given."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                match target, node.value:
                    case ast.Name(id=name), value:
                        found.setdefault(name, []).append(value)
                    case ast.Tuple(elts=names), ast.Tuple(elts=values):
                        for each, value in zip(names, values, strict=True):
                            found.setdefault(ast.unparse(each), []).append(value)
    return found


def untyped() -> set[tuple[str, str, str]]:
    made = builders()
    return {
        (module, function.name, ast.unparse(value))
        for module, function in functions()
        for value in holes(function)
        if not is_safe(value, assigned(function), made)
    }


def test_nothing_untyped_enters_a_command() -> None:
    assert untyped() - set(GIVEN) == set()


def test_each_excuse_is_needed() -> None:
    assert set(GIVEN) - untyped() == set()


def test_a_hole_would_be_seen() -> None:
    """The test above would notice what once was there: the names of attributes of a replica's entries, as they came."""
    source = 'def touched(dn, attribute):\n    return f"sdc-ldap search -b {quote(typed.dn(dn))} {attribute}"'
    function = ast.parse(source).body[0]
    assert isinstance(function, ast.FunctionDef)
    assert [ast.unparse(each) for each in holes(function) if not is_safe(each, {}, set())] == ["attribute"]
