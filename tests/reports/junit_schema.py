"""What Jenkins' xUnit plugin wants of a JUnit file (its schema, version 10), as a table: elements, their attributes and children."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

COUNTS = ("tests", "failures", "errors")
REQUIRED = {
    "testsuites": (),
    "testsuite": ("name", *COUNTS),
    "testcase": ("name",),
    "property": ("name", "value"),
}
OPTIONAL = {
    "testsuites": ("name", "time", *COUNTS),
    "testsuite": (
        "group",
        "time",
        "skipped",
        "timestamp",
        "hostname",
        "id",
        "package",
        "file",
        "log",
        "url",
        "version",
    ),
    "testcase": ("time", "classname", "group"),
    "failure": ("type", "message"),
    "error": ("type", "message"),
    "skipped": ("type", "message"),
}
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"testsuite", "properties", "testcase", "system-out", "system-err"},
    "testcase": {"skipped", "error", "failure", "system-out", "system-err"},
    "properties": {"property"},
}
WITH_TEXT = {"failure", "error", "skipped", "system-out", "system-err"}
TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]{0,3})?")
"""Seconds of a suite: no more than three digits after the point."""


def wrong(element: ElementTree.Element) -> Iterator[str]:
    """What the schema does not allow in an element and below it."""
    tag, has = element.tag, element.attrib.keys()
    yield from (f"{tag} lacks {name}" for name in REQUIRED.get(tag, ()) if name not in has)
    known = (*REQUIRED.get(tag, ()), *OPTIONAL.get(tag, ()))
    yield from (f"{tag} has {name}" for name in has if name not in known)
    if tag in ("testsuite", "testsuites") and not TIME.fullmatch(element.get("time", "")):
        yield f"{tag} has the time {element.get('time')}"
    if tag not in WITH_TEXT and (element.text or "").strip():
        yield f"{tag} has text"
    for child in element:
        if child.tag not in CHILDREN.get(tag, set()):
            yield f"{tag} has a {child.tag}"
        yield from wrong(child)
