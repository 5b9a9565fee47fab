"""Differences that nobody would see are shown: blanks at the ends, carriage returns, types, capitals."""

from __future__ import annotations

import pytest

from fixtures.shown import show, show_both


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("my-dc", "my-dc"),
        ("a b", "a b"),
        ("", "(empty)"),
        (None, "(not set)"),
        (True, "true"),
        (2020, "2020"),
        ("my-dc ", '"my-dc " (a blank at the end)'),
        ("  my-dc", '"  my-dc" (2 blanks at the beginning)'),
        ("my-dc\r\n", '"my-dc\\r\\n" (a carriage return and a line feed at the end)'),
        (" \t", '" \\t" (nothing but a blank and a tab)'),
        ("my-dc\xa0", '"my-dc\xa0" (a no-break space at the end)'),
        ("my\u200b-dc", '"my\u200b-dc" (a zero width space in it)'),
        ({"b": "2020 ", "a": None}, 'a: (not set), b: "2020 " (a blank at the end)'),
        (["x", "y\t"], 'x, "y\\t" (a tab at the end)'),
        (frozenset(), "(none)"),
    ],
)
def test_a_value_is_shown_with_what_is_invisible(value: object, shown: str) -> None:
    assert show(value) == shown


@pytest.mark.parametrize(
    ("expected", "observed", "shown"),
    [
        ("my-dc", "my-dc-old", ("my-dc", "my-dc-old")),
        (2020, "2020", ("2020 (a number, no text)", "2020 (text)")),
        (True, "true", ("true (true or false, no text)", "true (text)")),
        ({"a": 1, "p": 2020}, {"a": 1, "p": "2020"}, ("a: 1, p: 2020 (a number, no text)", "a: 1, p: 2020 (text)")),
        ("a b", "a  b", ('"a b"', '"a  b" (other blanks)')),
        ("a b", "a\xa0b", ('"a b"', '"a\xa0b" (other blanks)')),
        ("my-dc", "My-DC", ("my-dc", "My-DC (other capitals)")),
        ("my-dc", "my-dc ", ("my-dc", '"my-dc " (a blank at the end)')),
    ],
)
def test_two_values_that_differ_never_look_alike(expected: object, observed: object, shown: tuple[str, str]) -> None:
    assert show_both(expected, observed) == shown
