"""Chapter: Servers and their agents."""

from tests.proofs.cases.case import case

CASES = (
    case("net-agent-off@my-dc-3", "net-agent-runs[my-dc-3]"),
    case("server-agent-off@my-dc-1.cn1", "net-agent-runs[my-dc-1]", lab=("--datacenters", "2", "--servers", "2")),
    case("firewaller-dead@my-dc-3", "agents-run[my-dc-3]"),
    case("other-zone-ill@my-dc-3.manta0", "other-instances-are-healthy[my-dc-3]", mended=True),
)
