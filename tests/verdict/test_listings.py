"""The URLs of the datacenters that a cloudapi lists: whose is whose, where two have one."""

from __future__ import annotations

import pytest

from evidence.model import Listing
from evidence.subjects.listings import wrong_urls
from evidence.subjects.world import World
from tests.remediate import synthetic as s

OWN = {f"my-dc-{number}": f"https://cloudapi.my-dc-{number}.example.com" for number in (1, 2, 3)}
SAME = dict.fromkeys(OWN, "https://cloudapi.example.com")


def listing(*each: dict[str, str]) -> World:
    """What the cloudapis of my-dc-1, my-dc-2 and my-dc-3 list."""
    world = s.healthy()
    for number, listed in enumerate(each, 1):
        world = s.changed_zone(world, f"my-dc-{number}", "cloudapi0", listing=s.fact(Listing(listed)))
    return world


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        (OWN, []),
        (OWN | {"my-dc-3": OWN["my-dc-1"]}, [f"my-dc-3 has {OWN['my-dc-1']}, which is my-dc-1's"]),
        (OWN | {"my-dc-3-old": OWN["my-dc-3"]}, [f"my-dc-3-old has {OWN['my-dc-3']}, which is my-dc-3's"]),
    ],
)
def test_another_datacenters_url_is_its_by_what_most_say(listed: dict[str, str], said: list[str]) -> None:
    world = listing(OWN, OWN, listed)
    assert wrong_urls(world.datacenter("my-dc-3"), listed) == said


def test_where_all_say_the_same_nobody_knows_whose_it_is() -> None:
    """Each that shares is named, with those it shares with."""
    world = listing(SAME, SAME, SAME)
    assert wrong_urls(world.datacenter("my-dc-1"), SAME) == [
        "my-dc-1 has https://cloudapi.example.com, as has my-dc-2 and my-dc-3",
        "my-dc-2 has https://cloudapi.example.com, as has my-dc-1 and my-dc-3",
        "my-dc-3 has https://cloudapi.example.com, as has my-dc-1 and my-dc-2",
    ]
