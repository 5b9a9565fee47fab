"""docs/findings.schema.json is what the suite writes: it is made from the classes, and every recorded run keeps to it."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from reports.conclusion import Conclusion
from reports.findings import encode, findings_of
from tests.recording import RECORDED
from tests.reports import pages, scenes
from tools.findings_schema import FIELDS, PAGE, page, schema

NAMES = [
    pytest.param(path.stem, marks=[pytest.mark.proof] * (place % 5 != 0))
    for place, path in enumerate(sorted(RECORDED.glob("*.json")))
]
"""All of them in make proofs; validating is slow, so make test does every fifth."""


@cache
def validator() -> Draft202012Validator:
    """The published schema, that also refuses what it does not name."""
    return Draft202012Validator(schema(closed=True), format_checker=Draft202012Validator.FORMAT_CHECKER)


def written(conclusion: Conclusion) -> Any:
    return json.loads(encode(findings_of(conclusion, pages.RUN)))


def wrong(document: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in validator().iter_errors(document)]


def test_the_page_is_current() -> None:
    """AZ_GOLDEN=write writes it anew."""
    if os.environ.get("AZ_GOLDEN") == "write":
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page()
    Draft202012Validator.check_schema(json.loads(page()))


def test_every_key_of_our_own_is_described() -> None:
    for kind, told in FIELDS.items():
        assert set(told) == {field.name for field in msgspec.structs.fields(kind)}


@pytest.mark.parametrize("name", NAMES)
def test_every_recorded_run_keeps_to_it(name: str) -> None:
    document = written(pages.concluded(name))
    assert wrong(document) == []
    assert document["suite"]
    assert document["started"] <= document["finished"]
    assert document["started"].endswith("Z")


@pytest.mark.parametrize("scene", [scenes.demo, scenes.hostile, scenes.partial, scenes.green, pages.hostile])
def test_so_do_waivers_and_hostile_answers(scene: Callable[[], Conclusion]) -> None:
    assert wrong(written(scene())) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda told: told.pop("suite"), "'suite' is a required property"),
        (lambda told: told.update(schema=2), "1 was expected"),
        (lambda told: told.update(started="yesterday"), "does not match"),
        (lambda told: told["results"][0].update(outcome="bad"), "'bad' is not one of"),
        (lambda told: told["results"][0].update(colour="red"), "'colour' was unexpected"),
        (lambda told: told["counts"].update(bad=1), "'bad' is not one of"),
        (lambda told: told["causes"][0]["steps"][0].update(risk="none"), "'none' is not one of"),
    ],
)
def test_what_is_wrong_is_found(change: Callable[[Any], object], said: str) -> None:
    document = copy.deepcopy(written(pages.concluded("region-name-at-my-dc-1")))
    change(document)
    assert any(said in each for each in wrong(document)), wrong(document)


def test_a_later_version_may_add_keys() -> None:
    document = written(pages.concluded("region-name-at-my-dc-1"))
    document["results"][0]["colour"] = document["colour"] = "red"
    assert list(Draft202012Validator(json.loads(page())).iter_errors(document)) == []
