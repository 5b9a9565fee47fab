"""How a check is declared: a meaningless declaration is an error that names file and line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from evidence.subjects.links import LINKS
from evidence.subjects.spec import BOTH, CRITICAL, WARNING, After, Severity
from fixtures.check import CHECKS, CheckDeclarationError, check, validate
from verdict import graph

CHECK = "sapi-answers"


def of_zone(zone: object) -> None:
    """Nothing."""


def of_replica(replica: object, master: object) -> None:
    """Nothing."""


def of_nobody() -> None:
    """Nothing."""


def of_wardens(warden: object) -> None:
    """Nothing."""


def of_a_zone_and_its_warden(zone: object, warden: object) -> None:
    """Nothing."""


def of_link(link: object) -> None:
    """Nothing."""


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (
            [After("ufds-answers", at="peer")],
            "after ufds-answers@peer: peer is no place: write target, master, or a role",
        ),
        (
            [After("services-run", only="no-such-role")],
            "after services-run/no-such-role: there is no role no-such-role",
        ),
        (
            [After("ufds-answers", at="target")],
            "after ufds-answers@target: only a link has a target, and this is about",
        ),
        (["ufds-answers@ufds"], "after ufds-answers@ufds: 'ufds-answers@ufds' is no id"),
        (["services-run/ufds"], "after services-run/ufds: 'services-run/ufds' is no id"),
        (["*"], r"after \*: '\*' is no id"),
        ([7], r"after 7: write the id of a check, or After\(…\)"),
        ("ufds-answers", "after 'ufds-answers': write a list"),
    ],
)
def test_an_after_that_can_mean_nothing_is_refused_at_once(after: Sequence[str | After], said: str) -> None:
    refused(of_zone, said, after=after)


def test_what_is_about_a_whole_datacenter_has_no_role() -> None:
    refused(
        of_replica,
        "after ufds-answers/ufds: only a zone has a role, and this is about replica",
        after=[After("ufds-answers", only="ufds")],
    )


@pytest.mark.parametrize(
    ("test", "said"),
    [
        (of_nobody, "it has no subject"),
        (of_wardens, "no subject is called warden"),
        (of_a_zone_and_its_warden, "a companion of a subject cannot be called warden"),
        (of_link, "evidence.subjects.links has no links for of-link"),
    ],
)
def test_a_check_is_about_what_there_is(test: Callable[..., None], said: str) -> None:
    refused(test, said)


def test_an_id_is_taken_once() -> None:
    def test_sapi_answers(sapi: object) -> None:
        """Nothing."""

    with pytest.raises(CheckDeclarationError, match="two checks are called sapi-answers"):
        check(BOTH, WARNING)(test_sapi_answers)


def test_stage_and_severity_are_no_words_of_ones_own() -> None:
    refused(of_zone, "'nightly' is no stage: write PREFLIGHT, POSTCHANGE, BOTH", stage="nightly")
    refused(of_zone, "'grave' is no severity: write CRITICAL, WARNING", severity="grave")


def refused(
    test: Callable[..., None],
    said: str,
    *,
    stage: object = BOTH,
    severity: object = WARNING,
    after: Sequence[str | After] = (),
) -> None:
    """It is not declared, and the error says why, and where the check stands."""
    place = rf"{Path(__file__).name}:{test.__code__.co_firstlineno}"
    with pytest.raises(CheckDeclarationError, match=f"{place}: {said}"):
        check(stage, severity, after=after)(test)  # type: ignore[arg-type]
    assert test.__name__.replace("_", "-") not in CHECKS


def test_an_after_without_its_check_is_found_when_all_are_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHECKS, CHECK, replace(CHECKS[CHECK], after=(After("no-such-check", at="ufds"),)))
    said = r"checks/sapi\.py:[0-9]+: after no-such-check@ufds: there is no check no-such-check"
    with pytest.raises(CheckDeclarationError, match=said):
        validate()


def test_the_checks_that_others_know_by_name_are_there() -> None:
    named = {*graph.ACCESS, graph.INVENTORY, graph.SERVICES, graph.ADDRESS, *LINKS}
    assert named <= CHECKS.keys()


def test_the_gravest_come_first() -> None:
    assert sorted(Severity, key=lambda each: each.rank) == [CRITICAL, WARNING]
