"""Chapter: The steps ahead."""

from tests.proofs.cases.case import case
from tests.proofs.cases.coupling import ONE

CASES = (
    case("usbkey-admin@my-dc-3", "candidate-usbkey-names-what-is-deleted[my-dc-3]", lab=ONE),
    case("service-is-master@my-dc-3", "candidate-settings-take-effect[my-dc-3]", lab=ONE),
    case("binders-two@my-dc-3", "candidate-can-be-registered[my-dc-3]", lab=ONE, mended=True),
    case("registered-before@my-dc-3", "candidate-is-not-registered-yet[my-dc-3]", lab=ONE),
    case("own-manta@my-dc-3", "candidate-has-no-manta[my-dc-3]", lab=ONE),
    case("saved-before@my-dc-3", "candidate-has-no-saved-data-left[my-dc-3]", lab=ONE),
    case("sdc-twice@my-dc-3", "one-sdc-application[my-dc-3]"),
)
