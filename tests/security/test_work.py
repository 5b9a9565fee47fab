"""Design, rule 2: how much work an answer may cause."""

from __future__ import annotations

import time
from typing import Any

import pytest

from evidence.collect import files, parse, render
from evidence.redact import Vault


def timed(limit: float) -> Any:
    class Timed:
        def __enter__(self) -> None:
            self.started = time.monotonic()

        def __exit__(self, *_: object) -> None:
            assert time.monotonic() - self.started < limit

    return Timed()


def test_no_pattern_takes_for_ever() -> None:
    vault = Vault(b"k" * 32)
    with timed(2):
        for line in ("a" + " " * 1_000_000, "a " * 500_000, "a" * 1_000_000):
            with pytest.raises(parse.UnreadableError):
                parse.svcs(line)
        assert vault.line("a" * 1_000_000 + " password: x") == "(secret)"
        for line in ("a" * 1_000_000, "'a" * 500_000, "a" + " " * 1_000_000, '"a" ' * 200_000):
            vault.line(line)


@pytest.mark.parametrize(
    ("template", "metadata"),
    [
        ("{{#a}}{{{b}}}{{/a}}", {"a": [1] * 50_000, "b": "x" * 100_000}),
        ("{{#a}}" + "x" * 1_000_000 + "{{/a}}", {"a": [1] * 50_000}),
        ("{{#a}}" * 100 + "x" + "{{/a}}" * 100, {"a": [1, 2, 3]}),
        ("{{{a}}}" * 1000, {"a": list(range(100_000))}),
        ("{{{a}}}" * 100_000, {"a": "x" * 1000}),
    ],
)
def test_no_template_fills_the_memory(template: str, metadata: dict[str, Any]) -> None:
    with timed(3), pytest.raises(render.RenderError, match="repeats itself"):
        render.render(template, metadata, {})


def test_differences_of_hostile_files_end() -> None:
    lines = ["\n".join(str((index * step) % 44) for index in range(20_000)) for step in (1, 7)]
    with timed(3):
        assert len(files.differences(lines[0], lines[1], Vault(b"k" * 32))) == files.MOST_DIFFERENCES
