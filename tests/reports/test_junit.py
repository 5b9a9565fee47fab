"""junit.xml as build servers read it: its form, and that what they show of a failure says all there is to do."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from evidence.subjects.spec import FINDINGS, WARNING
from reports.conclusion import Conclusion, Ending
from reports.findings import findings_of
from reports.junit import junit
from reports.pages.summary import summary_of
from tests.recording import RECORDED
from tests.reports import junit_schema, pages, scenes

HOME = Path("/var/lib/az/20261127T030000Z")


def told(conclusion: Conclusion, ending: Ending | None = None) -> bytes:
    return junit(conclusion, summary_of(conclusion, findings_of(conclusion, HOME.name), "ab" * 32), HOME, ending)


def parsed(conclusion: Conclusion, ending: Ending | None = None) -> ElementTree.Element:
    return ElementTree.fromstring(told(conclusion, ending))


def cases(root: ElementTree.Element) -> dict[str, ElementTree.Element]:
    return {case.attrib["name"]: case for case in root.iter("testcase")}


@pytest.mark.parametrize("name", sorted(path.stem for path in RECORDED.glob("*.json"))[::5])
def test_its_form_is_what_jenkins_wants(name: str) -> None:
    root = parsed(pages.concluded(name))
    assert list(junit_schema.wrong(root)) == []


@pytest.mark.parametrize("scene", [scenes.demo, scenes.hostile, scenes.partial, pages.hostile])
def test_so_it_is_with_waivers_and_ill_will(scene: object) -> None:
    root = parsed(scene())  # type: ignore[operator]
    assert list(junit_schema.wrong(root)) == []


def test_the_counts_are_those_of_the_cases() -> None:
    root = parsed(scenes.demo())
    for element in (root, *root):
        rows = list(element.iter("testcase"))
        for tag, count in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            if count in element.attrib:
                assert element.attrib[count] == str(sum(row.find(tag) is not None for row in rows)), (element.tag, tag)
        assert element.attrib["tests"] == str(len(rows))
    assert root.attrib["tests"] == "16"


def test_the_text_of_a_failure_says_what_is_wrong_and_what_to_do() -> None:
    """GitLab shows nothing but this text."""
    concluded = pages.concluded("route-missing-at-my-dc-3.cloudapi0")
    (cause,) = concluded.verdict.causes
    failure = cases(parsed(concluded))[str(cause.name)].find("failure")
    assert failure is not None
    text = failure.text or ""
    wrong = (
        "cloudapi0 cannot reach the UFDS of my-dc-2: tcp/636: timeout to 10.2.2.29 by local route default via 10.3.2.1"
    )
    assert failure.attrib["message"] == f"my-dc-3: {wrong} (cause 1)"
    lines = text.splitlines()
    assert lines[0] == f"wrong:      {wrong}"
    assert "expected:   tcp/636: open" in lines
    assert f"observed:   {cause.finding.observed}" in lines
    assert any(line.startswith("remedy:     step 1 on root@10.3.2.2 (my-dc-3), risk: safe.") for line in lines)
    (entry,) = concluded.plan.entries
    assert [
        f"    {line}" for step in entry.steps for line in step.step.run.splitlines() if f"    {line}" not in lines
    ] == []
    assert any(line.startswith("explain:") and line.endswith(f" explain 1 --run {HOME}") for line in lines)


def test_a_finding_that_follows_names_its_cause_and_what_is_wrong_there() -> None:
    concluded = pages.concluded("route-missing-at-my-dc-3.cloudapi0")
    failure = cases(parsed(concluded))["cloudapi-answers[my-dc-3.cloudapi0]"].find("failure")
    assert failure is not None
    assert failure.attrib["message"].endswith(" (follows from cause 1)")
    assert "\nfollows:    cause 1, cloudapi-reaches-master-ufds[my-dc-3." in (failure.text or "")
    assert "cannot reach the UFDS of my-dc-2" in (failure.text or "")


@pytest.mark.parametrize("name", ["headnode-dark-at-my-dc-3", "region-name-at-my-dc-1", "changelog-gap-at-my-dc-2"])
def test_every_finding_has_a_message_and_a_way_on(name: str) -> None:
    concluded = pages.concluded(name)
    found = cases(parsed(concluded))
    for row in concluded.verdict.results:
        if row.result.outcome in FINDINGS:
            (child,) = found[str(row.name)]
            assert child.attrib["type"] == row.result.severity
            assert "no other finding" not in child.attrib["message"] + (child.text or "")
            assert "(cause " in child.attrib["message"] or "(follows from cause " in child.attrib["message"]
            assert "\nremedy: " in (child.text or "") or "\nnote: " in (child.text or "")
            assert "\nexplain: " in (child.text or "")


def test_what_is_skipped_says_why_also_where_only_text_is_shown() -> None:
    case = cases(parsed(scenes.demo()))["ufds-answers[my-dc-1.ufds0]"]
    assert case[0].text == case[0].attrib["message"] == "waived: known (ops, until 2026-11-27, OPS-1)"


def test_times_suites_and_properties() -> None:
    concluded = pages.concluded("region-name-at-my-dc-1")
    (cause,) = concluded.verdict.causes
    assert cause.finding.severity != WARNING
    root = parsed(concluded, Ending(seconds={cause.name: 0.25}))
    suites = {suite.attrib["name"]: suite for suite in root}
    names = suites["az-checks.names"]
    assert (names.attrib["time"], names.attrib["file"]) == ("0.250", "checks/names.py")
    assert names.attrib["timestamp"] == concluded.world.evidence.started  # type: ignore[union-attr]
    assert cases(root)[str(cause.name)].attrib["time"] == "0.250"
    properties = {each.attrib["name"]: each.attrib["value"] for each in names.iter("property")}
    assert properties["run"] == HOME.name
    assert properties["coupling"] == "my-dc (3 datacenters, master my-dc-2)"
    assert properties["evidence.sha256"] == "ab" * 32
    assert (Path(__file__).parents[2] / names.attrib["file"]).is_file()


def test_thousands_of_hostile_findings_are_no_matter() -> None:
    root = parsed(pages.hostile(2_000))
    assert root.attrib["tests"] == "2000"
