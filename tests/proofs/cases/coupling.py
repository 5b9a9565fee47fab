"""Chapter: Before coupling."""

from tests.proofs.cases.case import case

ONE = ("--candidate=my-dc-3",)
"""my-dc-3 is about to join a working coupling."""
NONE = ("--uncoupled", "--datacenters=2")

CASES = (
    case("checkpoint-left@my-dc-3", "candidate-has-no-checkpoint[my-dc-3]", lab=ONE),
    case("half-coupled@my-dc-3", "candidate-is-not-coupled-yet[my-dc-3]", lab=ONE),
    case("m2s-stopped@my-dc-3", "candidate-is-still-whole[my-dc-3]", lab=ONE, rounds=2),
    case("candidate-accounts@my-dc-3", "candidate-has-no-accounts-to-lose[my-dc-3]", lab=ONE),
    case("candidate-group@my-dc-3", "candidate-has-no-accounts-to-lose[my-dc-3]", lab=ONE),
    case("candidate-sub-users@my-dc-3", "candidate-has-no-accounts-to-lose[my-dc-3]", lab=ONE),
    case("candidate-former-address@my-dc-3", "candidate-collides-with-nothing[my-dc-3]", lab=ONE),
    case("candidate-poseidon@my-dc-3", "one-poseidon[coupling]", lab=ONE),
    case("candidate-collides@my-dc-3", "candidate-collides-with-nothing[my-dc-3]", lab=ONE),
    case("admin-only-ufds@my-dc-3.ufds0", "candidate-ufds-has-a-routable-nic[my-dc-3]", lab=ONE),
    case("config-agent-off@my-dc-3.ufds0", "candidate-config-agent-runs[my-dc-3]", lab=ONE),
    case("usbkey-gone@my-dc-3", "candidate-usbkey-mounts[my-dc-3]", lab=ONE, mended=True),
    case("image-old@my-dc-3.sapi0", "versions-agree[my-dc-3]", lab=ONE),
    case("m2s-takes-no-address@my-dc-3", "candidate-tools-can-couple[my-dc-3]", lab=ONE, mended=True),
    case("reconcile-old@my-dc-3", "candidate-tools-can-couple[my-dc-3]", lab=ONE, mended=True),
    case("m2s-old@my-dc-3", "candidate-knows-the-password[my-dc-3]", lab=ONE, mended=True),
    case("password-fragile@my-dc-2", "candidate-knows-the-password[my-dc-1]", lab=NONE, mended=True),
    case("left-behind@my-dc-1", "no-password-left-behind[my-dc-1]"),
)
