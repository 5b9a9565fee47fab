"""Whatever code and documentation cite of the facts, the design and the contract exists."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PART = r'(?:"[^"]{1,80}"|hazards? [0-9]+(?: and [0-9]+)*|rules? [0-9]+(?:(?:,| and) [0-9]+)*)'
CITATION = re.compile(rf"(?<![*.])\b([Ff]acts|[Cc]ontract|[Dd]esign)[,:]? ({PART}(?:(?:, | and ){PART})*)")
QUOTED, HAZARD, RULE = (re.compile(text) for text in (r'"([^"]+)"', r"hazards? ([0-9 and]+)", r"rules? ([0-9, and]+)"))
CITING = ("*.py", "*.sh", "lab/plan/programs/*", "docs/*.md", "README.md", "*.yaml")


def titles(page: str) -> set[str]:
    """The parts of a page that can be cited: headings up to a bracket or colon, and bold words at the beginning of a paragraph."""
    found = re.findall(r"^(?:#+ |\*\*)([^*\n]+)", (DOCS / f"{page}.md").read_text(encoding="utf-8"), re.MULTILINE)
    return {re.split(r" \(|:", title)[0].strip().rstrip(".").replace("`", "") for title in found}


def numbers(page: str, heading: str) -> set[str]:
    """The numbers of the list below a heading."""
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8").partition(f"## {heading}")[2].partition("\n## ")[0]
    return set(re.findall(r"^([0-9]+)\. ", text, re.MULTILINE))


def citations() -> list[tuple[str, str, str]]:
    """Every (file, page, cited part), once each."""
    named = subprocess.run(["git", "ls-files", *CITING], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = set()
    for name in named.splitlines():
        text = re.sub(r"\s*\n[\s#]*", " ", (ROOT / name).read_text(encoding="utf-8"))
        found |= {(name, page.lower(), cited) for page, cited in CITATION.findall(text)}
    return sorted(found)


def lost(page: str, cited: str) -> list[str]:
    """The parts of a citation that do not exist."""
    known = titles(page)
    missing = [title for title in QUOTED.findall(cited) if title.replace("`", "") not in known]
    for kind, heading in ((HAZARD, "Hazards"), (RULE, "Rules")):
        there = numbers(page, heading)
        missing += [one for each in kind.findall(cited) for one in re.findall("[0-9]+", each) if one not in there]
    return missing


def test_every_citation_leads_somewhere() -> None:
    wrong = {f"{name}: {page} {cited}": found for name, page, cited in citations() if (found := lost(page, cited))}
    assert wrong == {}
    assert len(citations()) > 100


@pytest.mark.parametrize(
    ("page", "cited"), [("facts", '"No such heading"'), ("facts", "hazard 99"), ("design", "rule 99")]
)
def test_a_citation_that_leads_nowhere_is_found(page: str, cited: str) -> None:
    assert lost(page, cited)
