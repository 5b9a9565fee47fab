"""What each fault of the lab must be found as, and how it is put right.  The lab itself knows nothing of this."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """A fault of the lab (NAME@SUBJECT) and the causes, CHECK[SUBJECT], that the suite must name for it: these and no others.

    `mended` is for faults outside Triton (a dark head node), where no command typed into a head node can help: the lab then
    takes the fault away.
    """

    fault: str
    causes: tuple[str, ...]
    mended: bool = False

    @property
    def name(self) -> str:
        return self.fault.replace("@", "-at-")


def _case(fault: str, *causes: str, mended: bool = False) -> Case:
    return Case(fault, tuple(sorted(causes)), mended)


MASTER_UFDS = "my-dc-2.ufds.636"

CASES = (
    _case("headnode-dark@my-dc-3", "headnode-answers[my-dc-3]", mended=True),
    _case("headnode-dark@my-dc-2", "headnode-answers[my-dc-2]", mended=True),
    _case("headnode-refuses@my-dc-3", "headnode-answers[my-dc-3]", mended=True),
    _case("headnode-key@my-dc-3", "headnode-answers[my-dc-3]", mended=True),
    _case("headnode-denies@my-dc-3", "headnode-answers[my-dc-3]", mended=True),
    _case("headnode-sysinfo@my-dc-3", "headnode-is-the-right-one[my-dc-3]", mended=True),
    _case("headnode-is-another@my-dc-3", "headnode-is-the-right-one[my-dc-3]", mended=True),
    _case("service-stopped@my-dc-1.moray0", "services-run[my-dc-1.moray0]"),
    _case("service-stopped@my-dc-2.ufds0", "services-run[my-dc-2.ufds0]"),
    _case("region-name@my-dc-1", "region-name-agrees[my-dc-1]"),
    _case("dns-domain@my-dc-1", "dns-domain-agrees[my-dc-1]"),
    _case("file-edited@my-dc-3.cloudapi0", "rendered-config-is-current[my-dc-3.cloudapi0]"),
    _case("file-edited@my-dc-1.binder0", "rendered-config-is-current[my-dc-1.binder0]"),
    _case("route-missing@my-dc-3.ufds0", f"ufds-reaches-master-ufds[my-dc-3.ufds0--{MASTER_UFDS}]"),
    _case("route-missing@my-dc-3.cloudapi0", f"cloudapi-reaches-master-ufds[my-dc-3.cloudapi0--{MASTER_UFDS}]"),
    _case("route-missing@my-dc-3.adminui0", f"adminui-reaches-master-ufds[my-dc-3.adminui0--{MASTER_UFDS}]"),
    _case("route-missing@my-dc-3.sapi0", "sapi-reaches-master-moray[my-dc-3.sapi0--my-dc-2.moray.2020]"),
    _case(
        "route-missing@my-dc-3.binder0",
        "binder-reaches-binder[my-dc-1.binder0--my-dc-3.binder0.53]",
        "binder-reaches-binder[my-dc-2.binder0--my-dc-3.binder0.53]",
        "binder-reaches-binder[my-dc-3.binder0--my-dc-1.binder0.53]",
        "binder-reaches-binder[my-dc-3.binder0--my-dc-2.binder0.53]",
    ),
    _case("binder-region@my-dc-1.binder0", "binder-region-agrees[my-dc-1.binder0]"),
    _case("binder-datacenter@my-dc-1.binder0", "binder-names-its-own-datacenter[my-dc-1.binder0]"),
    _case("zookeeper-lost@my-dc-3.binder0", "binder-answers-own-names[my-dc-3.binder0]"),
    _case("ufds-hangs@my-dc-1.ufds0", "ufds-answers[my-dc-1.ufds0]"),
    _case("ufds-password@my-dc-1.ufds0", "ufds-answers[my-dc-1.ufds0]"),
    _case("second-master@my-dc-3", "one-ufds-master[coupling]"),
    _case("no-master@my-dc-2", "one-ufds-master[coupling]"),
    _case("remote-ip@my-dc-3", "replica-points-at-master[my-dc-3]"),
    _case("second-poseidon@my-dc-3", "one-poseidon[coupling]"),
    _case("cloudapi-stuck@my-dc-3.cloudapi0", "cloudapi-answers[my-dc-3.cloudapi0]"),
    _case("adminui-hangs@my-dc-3.adminui0", "adminui-answers[my-dc-3.adminui0]"),
    _case("unhealthy@my-dc-3.napi0", "core-services-are-healthy[my-dc-3.napi0]"),
    _case("sapi-storage@my-dc-1.moray0", "sapi-answers[my-dc-1.sapi0]"),
    _case("master-moray-missing@my-dc-1", "sapi-points-at-master-moray[my-dc-1]"),
    _case("master-moray-on-master@my-dc-2", "sapi-master-points-at-nobody[my-dc-2]"),
)
"""One row for each check at least; several where a check can fail for different reasons."""
