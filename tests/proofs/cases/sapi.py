"""Chapter: SAPI across datacenters."""

from tests.proofs.cases.case import case

CASES = (
    case("service-cut@my-dc-1.sapi0", "sapi-answers[my-dc-1.sapi0]"),
    case("service-hangs@my-dc-1.moray0", "sapi-answers[my-dc-1.sapi0]"),
    case("sapi-storage@my-dc-1.moray0", "sapi-answers[my-dc-1.sapi0]"),
    case("master-moray-missing@my-dc-1", "sapi-points-at-master-moray[my-dc-1]"),
    case("sapi-not-restarted@my-dc-3.sapi0", "sapi-loaded-its-master[my-dc-3.sapi0]"),
    case("sapi-master-stuck@my-dc-3.sapi0", "sapi-reaches-its-master[my-dc-3]"),
    case("sapi-master-elsewhere@my-dc-1", "sapi-master-is-ufds-master[my-dc]"),
    case("service-hangs@my-dc-2.moray0", "sapi-answers[my-dc-2.sapi0]"),
    case("master-moray-on-master@my-dc-2", "sapi-master-points-at-nobody[my-dc-2]"),
    case("sapi-proto@my-dc-3.sapi0", "sapi-is-in-full-mode[my-dc-3]"),
)
