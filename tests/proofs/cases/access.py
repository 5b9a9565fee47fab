"""Chapter: Access, SMF and the health commands."""

from tests.proofs.cases.case import case

CASES = (
    case("headnode-dark@my-dc-3", "headnode-answers[my-dc-3]", mended=True),
    case("headnode-dark@my-dc-2", "headnode-answers[my-dc-2]", mended=True),
    case("headnode-refuses@my-dc-3", "headnode-answers[my-dc-3]", mended=True),
    case("headnode-key@my-dc-3", "headnode-answers[my-dc-3]", mended=True),
    case("headnode-denies@my-dc-3", "headnode-answers[my-dc-3]", mended=True),
    case("headnode-sysinfo@my-dc-3", "headnode-is-the-right-one[my-dc-3]", mended=True),
    case("headnode-is-another@my-dc-3", "headnode-is-the-right-one[my-dc-3]", mended=True),
    case("headnode-forbids-forwarding@my-dc-3", "headnode-can-be-used[my-dc-3]", mended=True),
    case("headnode-cuts@my-dc-3", "headnode-can-be-used[my-dc-3]", mended=True, chance=True),
    case("headnode-freezes@my-dc-3", "headnode-can-be-used[my-dc-3]", mended=True, chance=True),
    case("zlogin-broken@my-dc-3", "headnode-can-be-used[my-dc-3]", mended=True),
    case("usbkey-quote@my-dc-3", "usbkey-can-be-evaluated[my-dc-3]"),
    case("usbkey-no-json@my-dc-2", "usbkey-can-be-evaluated[my-dc-2]"),
    case("usbkey-crlf@my-dc-3", "usbkey-can-be-evaluated[my-dc-3]"),
    case("service-stopped@my-dc-1.moray0", "services-run[my-dc-1.moray0]"),
    case("service-stopped@my-dc-2.ufds0", "services-run[my-dc-2.ufds0]"),
    case("unhealthy@my-dc-3.napi0", "core-services-are-healthy[my-dc-3.napi0]"),
    case("service-hangs@my-dc-1.napi0", "internal-apis-answer[my-dc-1.napi0]"),
    case("service-hangs@my-dc-3.imgapi0", "internal-apis-answer[my-dc-3.imgapi0]"),
    case("sdcadm-config@my-dc-3", "health-commands-answer[my-dc-3]"),
    case("service-garbage@my-dc-3.napi0", "internal-apis-answer[my-dc-3.napi0]"),
    case("clock-off@my-dc-3", "clocks-agree[my-dc-3]", mended=True),
)
