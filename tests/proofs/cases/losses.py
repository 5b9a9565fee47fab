"""Chapter: What a coupling takes away."""

from tests.proofs.cases.case import case
from tests.proofs.cases.coupling import ONE

CASES = (
    case("nowhere-to-save@my-dc-3", "candidate-can-save-what-is-deleted[my-dc-3]", lab=ONE, mended=True),
    case("no-room-to-save@my-dc-3", "candidate-can-save-what-is-deleted[my-dc-3]", lab=ONE, mended=True),
    case("admin-has-sub-users@my-dc-3", "candidate-admin-has-nothing-to-lose[my-dc-3]", lab=ONE, mended=True),
    case("usbkey-copy-old@my-dc-3", "candidate-usbkey-copy-is-current[my-dc-3]", lab=ONE),
    case("admin-has-a-key@my-dc-3", "candidate-admin-has-nothing-to-lose[my-dc-3]", lab=ONE),
)
