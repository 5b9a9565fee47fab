"""Chapter: firewalls.  They let in the zones that must come in.  They let nobody else into UFDS."""

from evidence.fact import need
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.network.firewall import anybody
from evidence.subjects.network.paths import shut_out
from evidence.subjects.zone import Zone
from fixtures.check import BOTH, CRITICAL, WARNING, After, check

UFDS = 636


@check(BOTH, CRITICAL, after=[After("internal-apis-answer", at="fwapi")])
def test_firewall_lets_peers_in(target: Zone) -> None:
    """If a zone's firewall is on, its rules let in the zones of other datacenters that must reach it.

    Triton's own rules let TCP and UDP in only from the local admin network, and ICMP from anywhere.  So ping succeeds, but packets
    to the port are dropped.  Source: facts, hazard 8; sdc-fwapi:docs/index.md.
    """
    found, unknown = shut_out(target)
    dropped = {source: f"{address} to {', '.join(ports)}" for source, (_, address, ports) in found.items()}
    assert dropped == {}, "zones that no rule lets in"
    if unknown is not None:
        raise unknown


@check(BOTH, WARNING, after=[After("internal-apis-answer", at="fwapi")])
def test_ufds_is_not_open(datacenter: Datacenter) -> None:
    """A ufds zone with a NIC outside the admin network has its firewall on, and no rule lets everybody reach 636.

    Every account of the coupling is behind that port, and one password opens it.  Source: seed (coupling goes over the
    external interface); the linked-data-centers guide ("secure the link").
    """
    for ufds in datacenter.zones("ufds"):
        outside = [nic.ip for nic in ufds.vm.nics if nic.nic_tag != "admin"]
        if not outside:
            continue
        assert ufds.vm.firewall_enabled is True, f"firewall of {ufds}, which has {', '.join(outside)}"
        open_to_all = tuple(each.rule for each in anybody(ufds.known_rules, ufds.vm, "tcp", UFDS))
        assert open_to_all == (), f"rules that let everybody reach {ufds}"
        need(ufds.rules)  # one that could not be read may be the open door
