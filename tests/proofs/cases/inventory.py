"""Chapter: The inventory. The coupling is healthy each time, but region.yaml is wrong. No command helps, so the lab mends it."""

from tests.proofs.cases.case import case

ONE = ("--candidate=my-dc-3",)
WRONG = "inventory-agrees[coupling]"

CASES = (
    case("inventory-candidate@my-dc-3", WRONG, mended=True),
    case("inventory-replica@my-dc-3", WRONG, mended=True, lab=ONE),
    case("inventory-master@my-dc-1", WRONG, mended=True),
    case("inventory-region@my-dc-1", WRONG, mended=True),
    case("inventory-address@my-dc-2", WRONG, mended=True),
    case("inventory-domain@my-dc-2", WRONG, mended=True),
)
