"""Chapter: Names and configuration."""

from tests.proofs.cases.case import case

CASES = (
    case("region-name@my-dc-1", "region-name-agrees[my-dc-1]"),
    case("dns-domain@my-dc-1", "dns-domain-agrees[my-dc-1]"),
    case("dns-domain-restarted@my-dc-1", "dns-domain-agrees[my-dc-1]"),
    case("file-edited@my-dc-3.cloudapi0", "rendered-config-is-current[my-dc-3.cloudapi0]"),
    case("file-edited@my-dc-1.binder0", "rendered-config-is-current[my-dc-1.binder0]"),
    case("admin-uuid@my-dc-3", "admin-uuid-agrees[my-dc-3]"),
    case("cloudapi-lists-no-json@my-dc-3", "settings-have-their-form[my-dc-3]"),
    case("identity-of-another@my-dc-3", "datacenter-identity-agrees[my-dc-3]"),
    case("flag-in-capitals@my-dc-3", "settings-have-their-form[my-dc-3]"),
    case("sapi-port@my-dc-3", "rendered-files-are-usable[my-dc-3.sapi0]"),
    case("instance-override@my-dc-3.sapi0", "settings-are-not-overridden[my-dc-3.sapi0]"),
    case("replicator-not-restarted@my-dc-3", "services-have-read-their-files[my-dc-3.ufds0]"),
    case("usbkey-old@my-dc-1", "usbkey-agrees-with-sapi[my-dc-1]"),
)
