"""Chapter: UFDS."""

from tests.proofs.cases.case import case

CASES = (
    case("ufds-hangs@my-dc-1.ufds0", "ufds-answers[my-dc-1.ufds0]"),
    case("ufds-hangs@my-dc-2.ufds0", "ufds-answers[my-dc-2.ufds0]"),
    case("ufds-password@my-dc-1.ufds0", "ufds-answers[my-dc-1.ufds0]"),
    case("second-master@my-dc-3", "one-ufds-master[coupling]"),
    case("no-master@my-dc-2", "one-ufds-master[coupling]"),
    case("remote-ip@my-dc-3", "replica-points-at-master[my-dc-3]"),
    case("service-cut@my-dc-3.ufds0", "ufds-answers[my-dc-3.ufds0]"),
)
