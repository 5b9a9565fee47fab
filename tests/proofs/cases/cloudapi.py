"""Chapter: cloudapi and adminui."""

from tests.proofs.cases.case import SEVERAL, case

CASES = (
    case("cloudapi-lists-itself@my-dc-3", "cloudapi-lists-every-datacenter[my-dc-3]"),
    case("cloudapi-own-master@my-dc-3", "cloudapi-knows-the-master[my-dc-3.cloudapi0]"),
    case("cloudapi-maintenance@my-dc-3", "cloudapi-is-not-in-maintenance[my-dc-3]"),
    case("cloudapi-closed-outside@my-dc-3", "cloudapi-answers-outside[my-dc-3]", mended=True),
    case("certificate-expired@my-dc-3.cloudapi0", "cloudapi-answers-outside[my-dc-3]", mended=True),
    case("cloudapi-stuck@my-dc-3.cloudapi0", "cloudapi-answers[my-dc-3.cloudapi0]"),
    case("cloudapi-stuck@my-dc-3.cloudapi1", "cloudapi-answers[my-dc-3.cloudapi1]", lab=SEVERAL),
    case("cloudapi-lists-itself@my-dc-1", "cloudapi-lists-every-datacenter[my-dc-1]", lab=SEVERAL),
    case("adminui-hangs@my-dc-3.adminui0", "adminui-answers[my-dc-3.adminui0]"),
    case("service-endless@my-dc-3.adminui0", "adminui-answers[my-dc-3.adminui0]"),
)
