"""Chapter: Reachability."""

from tests.proofs.cases.case import MASTER_UFDS, case

CASES = (
    case("route-missing@my-dc-3.ufds0", f"ufds-reaches-master-ufds[my-dc-3.ufds0--{MASTER_UFDS}]"),
    case("route-missing@my-dc-3.cloudapi0", f"cloudapi-reaches-master-ufds[my-dc-3.cloudapi0--{MASTER_UFDS}]"),
    case("route-missing@my-dc-3.adminui0", f"adminui-reaches-master-ufds[my-dc-3.adminui0--{MASTER_UFDS}]"),
    case("route-missing@my-dc-3.sapi0", "sapi-reaches-master-moray[my-dc-3.sapi0--my-dc-2.moray.2020]"),
    case("port-dropped@my-dc-3.binder0", "no-path-loses-packets[my-dc-3]", mended=True),
    case(
        "port-dropped@my-dc-1.binder0",
        "binder-reaches-binder[my-dc-2.binder0--my-dc-1.binder0.53]",
        mended=True,
        lab=("--datacenters", "2"),
    ),
)
