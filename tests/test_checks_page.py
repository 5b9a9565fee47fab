"""docs/checks.md says what the checks say, with an anchor for each."""

from __future__ import annotations

import os
import re

from evidence.subjects.spec import page_of
from fixtures.check import CHECKS
from tests.judging import check_functions
from tools.checks_page import PAGE, page


def test_the_page_is_current() -> None:
    """AZ_GOLDEN=write writes it anew."""
    if os.environ.get("AZ_GOLDEN") == "write":
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_check_has_its_anchor_and_no_link_leads_nowhere() -> None:
    check_functions()
    text = page()
    anchors = set(re.findall(r"^### (\S+)$", text, re.MULTILINE))
    assert anchors == set(CHECKS)
    assert {link.partition("#")[2] for link in map(page_of, CHECKS)} == anchors
    assert set(re.findall(r"\]\(#([^)]*)\)", text)) <= anchors
