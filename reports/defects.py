"""Defects of the suite. They are not findings about the region, and no operator can repair them."""

from __future__ import annotations

from reports.conclusion import Conclusion
from reports.page import BOLD, RED, Page

_INDENT = 3
_MOST_LISTED = 8


def write_defects(page: Page, conclusion: Conclusion) -> None:
    """Defects of the suite. They are not findings about the region, and no operator can repair them."""
    if not conclusion.defects:
        return
    page.line(
        "The suite itself broke. This says nothing about the region. Please report it, with the run's folder:",
        BOLD,
        RED,
    )
    for defect in conclusion.defects[:_MOST_LISTED]:
        page.prose(defect, _INDENT, "", 2)
    if len(conclusion.defects) > _MOST_LISTED:
        page.prose(f"and {len(conclusion.defects) - _MOST_LISTED} more: findings.json has them", _INDENT)
    page.line()
