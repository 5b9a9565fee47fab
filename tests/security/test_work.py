"""Design, rule 2: how much work an answer may cause."""

from __future__ import annotations

import difflib
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from evidence.collect import files, parse, printed, render
from evidence.collect.configuration import written
from evidence.collect.shown import Shown
from evidence.redact import Vault


def steps(work: Callable[[], object]) -> int:
    """The number of Python lines that some work takes: the same on a busy machine as on an idle one."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def seconds(work: Callable[[], object]) -> float:
    """The processor time, the least of seven runs: what others do at the same time does not count."""
    found = []
    for _ in range(7):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)


@pytest.mark.parametrize(
    "shape", ["a" + " " * 20, "a " * 10, "a" * 20, "'a" * 10, '"a" ' * 5, "://a@" * 4, "https://" * 3]
)
def test_no_pattern_takes_for_ever(shape: str) -> None:
    """A line sixteen times as long takes about sixteen times as long, not 256 times. Between the two is room for noise."""
    vault = Vault(b"k" * 32)

    def reads(length: int) -> Callable[[], object]:
        line = (shape * length)[: 20 * length]

        def work() -> None:
            with pytest.raises(parse.UnreadableError):
                printed.svcs(line)
            vault.scrub(line)

        return work

    assert seconds(reads(160_000)) < 64 * max(seconds(reads(10_000)), 0.0005)


@pytest.mark.parametrize(
    "shape",
    [
        "a",
        "a ",
        " ",
        "\\ ",
        "'a'",
        "'",
        '"',
        '"a',
        '"$CONFIG_a"',
        "$CONFIG_a",
        "a=",
        "='",
        "a #",
        "#",
        "\r",
        "$",
        ";",
        '\\"',
    ],
)
def test_no_line_of_the_usbkey_takes_for_ever(shape: str) -> None:
    """Neither what bash makes of it nor whether sed could mend it; a longer line is not read at all."""

    def reads(length: int) -> Callable[[], object]:
        text = f"a={(shape * length)[:length]}\nb=it's\n"
        return lambda: written(text, {"a": "b"})

    assert seconds(reads(64_000)) < 64 * max(seconds(reads(4_000)), 0.0005)
    assert steps(reads(8_000_000)) < 2 * steps(reads(65_537))


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
def test_no_template_fills_the_memory(template: str, metadata: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends as soon as a certain number has been looked up or would be written, however much more there is."""
    looked_up, texts = 0, 0
    get, to_text = render.ContextStack.get, render.to_text

    def counted(stack: Any, name: str) -> Any:
        nonlocal looked_up
        looked_up += 1
        return get(stack, name)

    def measured(value: Any) -> str:
        nonlocal texts
        text = to_text(value)
        texts += len(text)
        return text

    monkeypatch.setattr(render.ContextStack, "get", counted)
    monkeypatch.setattr(render, "to_text", measured)
    with pytest.raises(render.RenderError, match="repeats itself"):
        render.render(template, metadata, {})
    assert looked_up <= render.MOST_LOOKUPS + 1
    assert texts <= 4 * render.LARGEST


def test_differences_of_hostile_files_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file without JSON, only the first lines are compared; of the differences, only the first are made."""
    compared: list[int] = []

    class Matcher(difflib.SequenceMatcher[str]):
        def __init__(self, junk: Any, here: list[str], there: list[str], **options: Any) -> None:
            compared.append(len(here) + len(there))
            super().__init__(junk, here, there, **options)

    monkeypatch.setattr(difflib, "SequenceMatcher", Matcher)
    lines = ["\n".join(str((index * step) % 44) for index in range(20_000)) for step in (1, 7)]
    found = files.differences(lines[0], lines[1], Shown(Vault(b"k" * 32)))
    assert len(found) == files.MOST_DIFFERENCES
    assert compared == [2 * files.MOST_LINES]


@pytest.mark.parametrize("deep", [False, True])
def test_many_differences_cost_as_much_as_those_that_are_kept(deep: bool) -> None:
    def differ(count: int) -> Callable[[], object]:
        value = '{"a": 1}' if deep else "1"
        keys = [f'"key{number:05}": {value}' for number in range(count)]
        text = f"{{{', '.join(keys)}}}"
        return lambda: files.differences(text, "{}", Shown(Vault(b"k" * 32), (), ("port",)))

    assert steps(differ(4000)) < 6 * steps(differ(1000))
