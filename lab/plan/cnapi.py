"""What CNAPI holds."""

from __future__ import annotations

from lab.plan.datacenters import Datacenter
from lab.plan.files import Json


def server(datacenter: Datacenter) -> Json:
    """The one server of a datacenter, as CNAPI lists it."""
    return {
        "uuid": datacenter.server_uuid, "datacenter": datacenter.name, "hostname": "headnode", "headnode": True,
        "setup": True, "status": "running", "reserved": False, "setting_up": False, "overprovision_ratios": {},
        "comments": "", "traits": {}, "current_platform": "20251120T000000Z", "boot_platform": "20251120T000000Z",
    }  # fmt: skip
