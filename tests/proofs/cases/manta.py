"""Chapter: Manta."""

from tests.proofs.cases.case import Case, case

WEBAPI_1, WEBAPI_3 = "my-dc-1.webapi-e21821e2", "my-dc-3.webapi-c47fb666"
"""Zones of the lab's Manta. An alias with dots cannot be part of an id, so the uuid's beginning is."""


def in_manta(fault: str, *causes: str, mended: bool = False) -> Case:
    return case(fault, *causes, mended=mended, lab=("--manta",))


CASES = (
    case("second-poseidon@my-dc-3", "one-poseidon[coupling]"),
    in_manta("datacenter-undeclared@my-dc-3", "registrations-are-known[coupling]", mended=True),
    in_manta("manta-in-two@my-dc-3", "manta-spans-an-odd-number[my-dc]", mended=True),
    in_manta("second-manta-application@my-dc-3", "one-manta-application[my-dc]"),
    in_manta("networks-of-another-poseidon@my-dc-3", "manta-networks-belong-to-poseidon[my-dc-3]"),
    in_manta("manta-shards-unset@my-dc-2", "manta-shards-are-assigned[my-dc]"),
    in_manta("manta-shard-twice@my-dc-2", "manta-shards-are-assigned[my-dc]"),
    in_manta("manta-storage-of-nobody@my-dc-2", "manta-shards-are-served[my-dc]"),
    in_manta("electric-moray-own-shards@my-dc-1.electric-moray0", "manta-settings-are-not-overridden[my-dc]"),
    in_manta("poseidon-disabled@my-dc-2", "poseidon-is-operator[my-dc-2]"),
    in_manta("poseidon-without-key@my-dc-2", "poseidon-is-operator[my-dc-2]"),
    in_manta("hash-ring-unsaved@my-dc-2", "manta-hash-ring-is-stored[my-dc]"),
    in_manta("hash-ring-image-lost@my-dc-2", "manta-hash-ring-is-stored[my-dc]", mended=True),
    in_manta("muskie-one-dc@my-dc-2", "muskie-multi-dc-is-set[my-dc]"),
    in_manta("muskie-one-dc-instance@my-dc-1.webapi0", f"muskie-is-rendered-multi-dc[{WEBAPI_1}]"),
    in_manta("muskie-not-restarted@my-dc-1.webapi0", f"muskie-was-restarted[{WEBAPI_1}]"),
    in_manta("muskie-stuck@my-dc-3.webapi0", f"muskie-answers[{WEBAPI_3}]"),
    in_manta("service-stopped@my-dc-1.webapi0", f"services-run[{WEBAPI_1}]"),
    in_manta("sapi-master-stuck@my-dc-3.sapi0", "sapi-reaches-its-master[my-dc-3]"),
    in_manta("service-hangs@my-dc-2.moray0", "sapi-answers[my-dc-2.sapi0]"),
    in_manta("headnode-dark@my-dc-3", "headnode-answers[my-dc-3]", mended=True),
    in_manta("headnode-dark@my-dc-2", "headnode-answers[my-dc-2]", mended=True),
)
