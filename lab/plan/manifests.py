"""SAPI's manifests, as the repositories of Triton's services have them: sapi_manifests/NAME/{manifest.json, template}.

Key names and the form of the templates: sdc-ufds, binder, sdc-cloudapi, sdc-adminui, sdc-sapi, moray, manta-muskie and electric-moray.
Those of the application sdc itself reach every core zone (sdc-headnode:config/sapi/manifests/applications/sdc). Templates hold only what
somebody reads.
"""

from __future__ import annotations

from dataclasses import dataclass

from lab.plan import files
from lab.plan.files import Json
from lab.plan.roles import MANIFESTS

OF_APPLICATION_SDC = ("sdc_private_key", "sdc_public_key")


@dataclass(frozen=True)
class Manifest:
    name: str
    path: str
    template: str
    post_cmd: str = ""

    def stored(self) -> Json:
        """As SAPI stores it, except for its uuid. It has no post_cmd key if there is no post_cmd."""
        found = {"name": self.name, "path": self.path, "template": self.template, "version": "1.0.0"}
        return found | ({"post_cmd": self.post_cmd} if self.post_cmd else {})


def read(name: str) -> Manifest:
    folder = f"sapi_manifests/{name}"
    return Manifest(**files.read_json(f"{folder}/manifest.json"), template=files.read_text(f"{folder}/template"))


def of_role(role: str) -> tuple[Manifest, ...]:
    """The manifests of a role's service."""
    return tuple(read(name) for name in MANIFESTS.get(role, ()))
