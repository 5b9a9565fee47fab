"""Chapter: Replication."""

from tests.proofs.cases.case import case

UNCOUPLED = ("--uncoupled",)
CASES = (
    case("replication-password@my-dc-1", "master-password-is-known[my-dc-1]"),
    case("replicator-stopped@my-dc-1", "replicator-runs[my-dc-1]"),
    case("account-collides@my-dc-3", "replicator-runs[my-dc-3]"),
    case("checkpoint-twice@my-dc-1", "replicator-has-one-checkpoint[my-dc-1]"),
    case("parent-missing@my-dc-3", "replicator-moves[my-dc-3]"),
    case("changelog-gap@my-dc-2", "replicator-moves[my-dc-1]", "replicator-moves[my-dc-3]"),
    case("schema-newer@my-dc-2", "replicator-moves[my-dc-1]", "replicator-moves[my-dc-3]", mended=True),
    case("replicator-slow@my-dc-1", "replicator-is-caught-up[my-dc-1]", mended=True),
    case("operators-missing@my-dc-1", "admin-and-operators-are-there[my-dc-1]"),
    case("datacenter-unregistered@my-dc-3", "datacenters-are-registered[my-dc]"),
    case("datacenter-given-up@my-dc-2", "registrations-are-known[coupling]", mended=True),
    case("resolver-of-nobody@my-dc-3", "registrations-are-known[coupling]"),
    case("sdc-key-missing@my-dc-3", "replica-key-is-known-to-master[my-dc-3]"),
    case("probes-missing@my-dc-1", "amon-probes-are-back[my-dc-1]"),
    case("checkpoint-beyond@my-dc-3", "replicator-is-caught-up[my-dc-3]"),
    case("admin-no-operator@my-dc-2", "master-has-admin-and-operators[my-dc-2]"),
    case("admin-disabled@my-dc-2", "admin-is-enabled[my-dc-2]"),
    case("sdc-key-missing@my-dc-2", "master-has-admin-and-operators[my-dc-2]"),
    case("poseidon-no-operator@my-dc-2", "poseidon-is-operator[my-dc-2]"),
    case("account-added@my-dc-1", "directory-entries-agree[my-dc-1]"),
    case("account-removed@my-dc-1", "directory-entries-agree[my-dc-1]"),
    case("accounts-skipped@my-dc-1", "directory-entries-agree[my-dc-1]"),
    case("account-password@my-dc-3", "directory-entries-agree[my-dc-3]", mended=True),
    case("account-changed@my-dc-1", "directory-entries-agree[my-dc-1]"),
    case(
        "changelog-gap@my-dc-2",
        "master-changelog-has-no-gap[my-dc-1]",
        "master-changelog-has-no-gap[my-dc-3]",
        mended=True,
        lab=UNCOUPLED,
    ),
    case(
        "schema-newer@my-dc-2",
        "ufds-schema-is-not-older[my-dc-1]",
        "ufds-schema-is-not-older[my-dc-3]",
        mended=True,
        lab=UNCOUPLED,
    ),
)
"""Two replicas that stand still before one gap, or one schema, are two causes, because each needs its own help.

The same holds for two candidates.
"""
