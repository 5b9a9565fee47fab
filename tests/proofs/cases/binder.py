"""Chapter: Binder and DNS."""

from tests.proofs.cases.case import SEVERAL, case

CASES = (
    case("binder-unlisted@my-dc-3.binder1", "binder-is-listed-as-resolver[my-dc-2]", lab=SEVERAL),
    case("binder-unlisted@my-dc-3.binder0", "datacenters-are-registered[my-dc]"),
    case("resolver-lost@my-dc-1", "directory-entries-agree[my-dc-1]"),
    case("binder-without-resolvers@my-dc-1.binder0", "binder-has-read-its-resolvers[my-dc-1.binder0]"),
    case(
        "binder-old-resolvers@my-dc-1.binder0",
        "binder-answers-other-datacenters[my-dc-1.binder0--my-dc-3.binder.53]",
    ),
    case("binder-without-resolvers@my-dc-1.binder1", "binder-has-read-its-resolvers[my-dc-1.binder1]", lab=SEVERAL),
    case("service-garbage@my-dc-3.binder1", "binder-answers-own-names[my-dc-3.binder1]", lab=SEVERAL),
    case("binder-region@my-dc-1.binder0", "binder-region-agrees[my-dc-1.binder0]"),
    case("binder-datacenter@my-dc-1.binder0", "binder-names-its-own-datacenter[my-dc-1.binder0]"),
    case("binder-not-restarted@my-dc-1.binder0", "binder-runs-its-config[my-dc-1.binder0]"),
    case("zookeeper-lost@my-dc-3.binder0", "binder-answers-own-names[my-dc-3.binder0]"),
    case("service-slow@my-dc-3.binder0", "binder-answers-own-names[my-dc-3.binder0]"),
    case("service-garbage@my-dc-3.binder0", "binder-answers-own-names[my-dc-3.binder0]"),
)
