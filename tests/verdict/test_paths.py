"""Which shared fault is named for connections that fail: on the healthy recording, with the probes of some links changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from evidence.model import Evidence, Probe
from evidence.subjects.claims import judged
from evidence.subjects.network.tomography import Fault, Segment, owner, shared
from tests.judging import verdict_on
from tests.recording import recorded

Edit = Callable[[str, Probe], tuple[Probe, ...]]


def changed(edit: Edit) -> Evidence:
    """The healthy region, with each probe of each link as `edit` makes it of the link's id and the probe."""
    seen = recorded("healthy")
    datacenters = {}
    for name, held in seen.datacenters.items():
        links = {
            link: replace(fact, value=tuple(new for probe in fact.value or () for new in edit(link, probe)))
            for link, fact in held.links.items()
        }
        datacenters[name] = replace(held, links=links)
    return replace(seen, datacenters=datacenters)


def silent(*parts: str, port: str = "") -> Edit:
    """Nothing comes back on the links whose id has all these parts, on one port or on all."""

    def edit(link: str, probe: Probe) -> tuple[Probe, ...]:
        wanted = all(part in link for part in parts) and port in ("", f"{probe.protocol}/{probe.port}")
        return (replace(probe, result="timeout", route=f"{probe.host} via gateway") if wanted else probe,)

    return edit


def of_either(*edits: Edit) -> Edit:
    def edit(link: str, probe: Probe) -> tuple[Probe, ...]:
        return next((new for each in edits if (new := each(link, probe)) != (probe,)), (probe,))

    return edit


def named(edit: Edit) -> list[tuple[Segment, tuple[str, ...]]]:
    evidence = changed(edit)
    world = judged(evidence.inventory, evidence)
    return [(fault.elements[0].part, fault.elements[0].where) for fault in shared(world)]


def causes(edit: Edit) -> list[str]:
    return [str(cause.name) for cause in verdict_on(changed(edit)).causes]


BETWEEN = of_either(silent("my-dc-1.", "--my-dc-3."), silent("my-dc-3.", "--my-dc-1."))
AROUND_3 = of_either(silent("my-dc-3.", "--"), silent("--my-dc-3."))


@pytest.mark.parametrize(
    ("edit", "parts"),
    [
        (silent("nowhere"), []),
        (silent("my-dc-3.cloudapi0--"), []),
        (silent("my-dc-3.", "--my-dc-2.ufds"), [(Segment.PORT, ("my-dc-3", "my-dc-2"))]),
        (silent("--my-dc-2.ufds"), [(Segment.ZONE, ("my-dc-2",))]),
        (silent("--my-dc-3.binder0", port="tcp/53"), [(Segment.ENDPOINT, ("my-dc-3",))]),
        (BETWEEN, [(Segment.BETWEEN, ("my-dc-1", "my-dc-3"))]),
        (AROUND_3, [(Segment.DATACENTER, ("my-dc-3",))]),
    ],
)
def test_the_fewest_elements_are_named(edit: Edit, parts: list[tuple[Segment, tuple[str, ...]]]) -> None:
    assert named(edit) == parts


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (BETWEEN, ["no-path-loses-packets[my-dc-1]"]),
        (AROUND_3, ["no-path-loses-packets[my-dc-3]"]),
        (silent("--my-dc-2.ufds"), ["no-path-loses-packets[my-dc-2]"]),
        (silent("my-dc-3.cloudapi0--"), ["cloudapi-reaches-master-ufds[my-dc-3.cloudapi0--my-dc-2.ufds.636]"]),
    ],
)
def test_one_fault_of_a_path_is_one_cause(edit: Edit, expected: list[str]) -> None:
    assert causes(edit) == expected


def stalls(link: str, probe: Probe) -> tuple[Probe, ...]:
    wanted = link.startswith("my-dc-3.") and "--my-dc-2.ufds" in link
    return (replace(probe, result="stalled") if wanted else probe,)


def large(link: str, probe: Probe) -> tuple[Probe, ...]:
    """Large packets come back everywhere but between my-dc-2 and my-dc-3."""
    if "binder0--" not in link:
        return stalls(link, probe)
    lost = {"my-dc-2", "my-dc-3"} == {link.split(".")[0], link.partition("--")[2].split(".")[0]}
    return (replace(probe, result="lost" if lost else "open") if probe.protocol == "size" else probe,)


def test_a_handshake_that_stalls_is_a_fault_of_large_packets() -> None:
    evidence = changed(large)
    world = judged(evidence.inventory, evidence)
    [fault] = shared(world)
    assert (fault.fault, fault.elements[0].part, owner(world, fault).name) == (Fault.LARGE, Segment.BETWEEN, "my-dc-3")
    assert causes(large) == ["no-path-loses-packets[my-dc-3]"]


def test_a_service_that_hangs_is_no_fault_of_the_network() -> None:
    """If the master's UFDS sends its certificate to nobody, nothing says that packets are lost."""

    def hangs(link: str, probe: Probe) -> tuple[Probe, ...]:
        return (replace(probe, result="stalled") if "--my-dc-2.ufds" in link else probe,)

    assert named(hangs) == []


def test_a_measurement_that_could_not_be_made_says_nothing() -> None:
    def unknown(link: str, probe: Probe) -> tuple[Probe, ...]:
        return (probe, replace(probe, protocol="loss", result="unknown")) if "binder0--" in link else (probe,)

    assert causes(unknown) == []
