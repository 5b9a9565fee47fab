"""Regions that look unlike the lab's, and are healthy: nothing is found in them."""

from __future__ import annotations

import pytest

from tests.odd.drawing import Drawn, drawn, findings, reduced

SAMPLE, ALL = 40, 200


def _judge(region: Drawn) -> None:
    found = findings(region.evidence()[0])
    assert not found, (
        f"{region.base} with seed {region.seed}, because of {', '.join(reduced(region))}: {'; '.join(found)}"
    )


@pytest.mark.parametrize("region", drawn(ALL)[:SAMPLE], ids=lambda region: str(region.seed))
def test_nothing_is_found(region: Drawn) -> None:
    _judge(region)


@pytest.mark.proof
@pytest.mark.parametrize("region", drawn(ALL)[SAMPLE:], ids=lambda region: str(region.seed))
def test_nothing_is_found_in_all_the_others(region: Drawn) -> None:
    _judge(region)
