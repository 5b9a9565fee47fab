"""Chapter: Routes and firewalls."""

from tests.proofs.cases.case import MASTER_UFDS, case

MANTA = ("--manta",)
CASES = (
    case("napi-route-missing@my-dc-3", "napi-has-the-routes[my-dc-3]"),
    case("napi-route-missing@my-dc-3", "napi-has-the-routes[my-dc-3]", lab=MANTA),
    case("route-vmadm-only@my-dc-1.adminui0", "napi-has-the-routes[my-dc-1]"),
    case("route-one-way@my-dc-2.moray0", "routes-go-both-ways[my-dc-2.moray0]"),
    case("route-one-way@my-dc-2.ufds0", "routes-go-both-ways[my-dc-2.ufds0]"),
    case("route-missing@my-dc-3.binder0", "routes-go-both-ways[my-dc-3.binder0]"),
    case("firewall-rule-missing@my-dc-2.ufds0", "firewall-lets-peers-in[my-dc-2.ufds0]"),
    case("firewall-rule-missing@my-dc-3.binder0", "firewall-lets-peers-in[my-dc-3.binder0]"),
    case("firewall-rule-missing@my-dc-2.imgapi0", "firewall-lets-peers-in[my-dc-2.imgapi0]", lab=MANTA),
    case("firewall-off@my-dc-1.ufds0", "ufds-is-not-open[my-dc-1]"),
    case("firewall-open@my-dc-2.ufds0", "ufds-is-not-open[my-dc-2]"),
    case("route-by-hand@my-dc-3.imgapi0", "routes-are-durable[my-dc-3.imgapi0]"),
    case(
        "routes-typed@my-dc-3",
        *(f"routes-are-durable[my-dc-3.{alias}]" for alias in ("adminui0", "cloudapi0", "ufds0")),
    ),
    case("headnode-route-missing@my-dc-3", f"headnode-reaches-master-ufds[my-dc-3.global--{MASTER_UFDS}]"),
    case("gateway-wrong@my-dc-3", "no-path-loses-packets[my-dc-3]"),
    case("path-drops-large@my-dc-3", "no-path-loses-packets[my-dc-3]", mended=True),
    case("path-loses@my-dc-1", "no-path-loses-packets[my-dc-1]", mended=True, chance=True),
    case("network-overlaps@my-dc-3", "networks-do-not-overlap[coupling]", mended=True, lab=MANTA),
    case("route-missing@my-dc-3.imgapi0", "triton-zones-have-manta-routes[my-dc-3.imgapi0]", lab=MANTA),
    case(
        "route-missing@my-dc-3.electric-moray0",
        "electric-moray-reaches-ring-imgapi[my-dc-3.electric-moray-b2b6f91b--my-dc-2.imgapi.80]",
        lab=MANTA,
    ),
)
