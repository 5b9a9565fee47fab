"""Chapter: the inventory.  Does the operator's declaration match the datacenters?"""

from evidence.subjects.datacenter import of_each
from evidence.subjects.world import Coupling
from fixtures.check import BOTH, CRITICAL, WARNING, check
from fixtures.outcomes import Finding


@check(BOTH, CRITICAL, after=["sapi-answers"])
def test_inventory_agrees(coupling: Coupling) -> None:
    """The datacenters do not all contradict the inventory about master, states, regions, domain or the master's address.

    If they agree with each other and contradict the file, the file is wrong.  A remedy that followed the file would break a coupling that
    works.  Everything else is judged by what the datacenters agree on.  No step is given until the file is right.  Source: facts "UFDS"
    (what stands where after sdc-ufds-m2s).
    """
    mistakes = coupling.world.mistakes
    _, unknown = of_each(coupling.datacenters, lambda dc: dc.sdc_metadata)
    if mistakes:
        told = coupling.world.told
        raise Finding(
            expected="the inventory says what the datacenters agree on: " + "; ".join(each.why for each in mistakes),
            observed="; ".join(f"{told.place(each.key)}: {each.said}" for each in mistakes),
            culprits={name for each in mistakes for name in each.concerns},
            severity=WARNING if all(each.minor for each in mistakes) else CRITICAL,
        )
    if unknown is not None:
        raise unknown
