"""What manta-init leaves at the master when it was run on a replica."""

from __future__ import annotations

from evidence.fact import Missing
from evidence.model import SapiObject
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.network.routes import between
from remediate.copies import application_removed
from remediate.lookup import headnode
from remediate.registry import Advised
from remediate.steps import DESTROYS, Step


def made_elsewhere(master: Datacenter, uuid: str) -> list[SapiObject]:
    """The applications manta that an account owns at the master, if manta-init was not run there.

    There it would have made the account an owner of the networks as well; run on a replica whose SAPI asks the master, it makes only
    the application there (sdc-manta:cmd/manta-init.js).
    """
    try:
        networks = [net for net in master.networks.values() if between(net)]
        owned = [each for each in master.manta_applications if each.owner_uuid == uuid]
    except Missing:
        return []
    return [] if not networks or any(uuid in net.owner_uuids for net in networks) else owned


def without_application(datacenter: Datacenter, master: Datacenter, each: SapiObject) -> Advised:
    yield Step(
        on=headnode(master),
        run=application_removed(each.uuid),
        risk=DESTROYS,
        why=f"manta-init was run in {datacenter.name}: the application is its account's, and no network of {master.name} is. It goes only "
        "if no zone of it is deployed. If it stays, leave the account alone as well: objects belong to it",
        undo_note="SAPI's objects are in the copies below /var/az-copies",
        applied_by_suite=False,
    )
