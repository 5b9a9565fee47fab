"""Templates that are kept compiled: never another source's, and never a reason to fail."""

from __future__ import annotations

import sys
from pathlib import Path

import jinja2
import pytest

from reports.pages.compiled import CompiledTemplates


def page(folder: Path, made_by: bytes = b"one") -> str:
    loader = jinja2.FileSystemLoader(folder)
    environment = jinja2.Environment(loader=loader, autoescape=True, bytecode_cache=CompiledTemplates(folder, made_by))
    return environment.get_template("page.html").render(name="<x>")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (tmp_path / "page.html").write_text("one {{ name }}")
    return tmp_path


def kept(folder: Path) -> list[Path]:
    return sorted((folder / "__pycache__").glob("*"))


def test_what_was_compiled_is_taken_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert page(folder) == "one &lt;x&gt;"
    assert len(kept(folder)) == 1
    monkeypatch.setattr(jinja2.Environment, "compile", None)
    assert page(folder) == "one &lt;x&gt;"


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_what_is_damaged_or_of_another_source_is_compiled_anew(folder: Path, content: bytes | None) -> None:
    page(folder)
    (path,) = kept(folder)
    if content is None:
        (folder / "page.html").write_text("two {{ name }}")
    else:
        path.write_bytes(path.read_bytes()[: len(content) * 3] + content)
    assert page(folder) == ("one" if content is not None else "two") + " &lt;x&gt;"


def test_what_was_compiled_in_another_way_is_another_file(folder: Path) -> None:
    page(folder)
    page(folder, b"other")
    assert len(kept(folder)) == 2


def test_where_nothing_can_be_written_nothing_is_kept(folder: Path) -> None:
    (folder / "__pycache__").write_text("a file in the way")
    assert page(folder) == "one &lt;x&gt;"


def test_where_python_keeps_nothing_neither_do_we(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    page(folder)
    assert kept(folder) == []
