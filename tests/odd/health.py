"""Odd answers of Triton's health commands, of clocks, and from where the suite runs."""

from __future__ import annotations

from tests.odd.draft import Draft
from tests.odd.registry import odd


@odd
def rows_that_do_not_say_healthy(draft: Draft) -> bool:
    """Rows of check-health have no `healthy` and no errors.

    Source: facts "Exact forms" (`healthy` may be absent).
    """
    for name in draft.names:
        for row in draft.rows(name):
            if draft.random.random() < 0.3:
                row["healthy"] = None
    return True


@odd
def rows_that_nobody_knows(draft: Draft) -> bool:
    """check-health has rows of further zones, agents and kinds.

    Source: facts "Exact forms" (types vm, agent, global, triton, service).
    """
    for name in draft.names:
        draft.rows(name).extend(
            [
                {"instance": draft.uuid(), "healthy": True, "kind": "vm", "name": "docker0", "server": "headnode"},
                {
                    "instance": draft.uuid(),
                    "healthy": None,
                    "kind": "agent",
                    "name": "hagfish-watcher",
                    "server": "headnode",
                },
                {"instance": draft.uuid(), "healthy": True, "kind": "other", "name": "x", "server": ""},
            ]
        )
    return True


@odd
def lines_that_nobody_knows(draft: Draft) -> bool:
    """sdc-healthcheck has lines of further roles and agents.

    Source: facts "Exact forms" (agents; perhaps provisioner, heartbeat).
    """
    for name in draft.names:
        draft.datacenter(name)["healthcheck"]["value"] += [
            {"role": "global", "state": "running", "status": "online", "agent": "heartbeat"},
            {"role": "global", "state": "running", "status": "offline", "agent": "provisioner"},
            {"role": "manatee", "state": "running", "status": "online", "agent": ""},
            {"role": "docker", "state": "running", "status": "online", "agent": ""},
        ]
    return True


@odd
def head_node_of_another_name(draft: Draft) -> bool:
    """The head node's hostname is not headnode.

    Source: facts "Exact forms" (rows have the hostname of their server).
    """
    for number, name in enumerate(draft.names):
        for row in draft.rows(name):
            row["server"] = f"HA8D{number}X" if row["server"] == "headnode" else row["server"]
    return True


@odd
def clocks_a_little_apart(draft: Draft) -> bool:
    """Clocks are a second or two apart.

    Source: region.example.yaml (expect.clock_skew: 5s).
    """
    for name in draft.names:
        if draft.datacenter(name)["clock"] is not None:
            off = draft.random.choice((-1.5, 0.0, 1.5))
            draft.datacenter(name)["clock"]["value"] = {"least": off - 0.5, "most": off + 0.5}
    return True


@odd
def asked_from_a_management_network(draft: Draft) -> bool:
    """No customer's address answers to the machine that asks.

    Source: README ("It also asks each public URL … from the machine where it runs").
    """
    error = draft.random.choice(("no answer within 5 s", "cannot be resolved", "no route to it"))
    if not draft.replicas or draft.random.random() < 0.2:  # of one datacenter alone nobody could tell it from an outage
        draft.inventory["expect"]["outside"] = False
    for name in draft.names:
        outside = draft.datacenter(name)["outside"]
        if outside is not None and outside.get("value"):
            url = outside["value"]["body"]["url"]
            outside["value"] = {"status": 0, "body": {"url": url}, "error": error, "ms": 5000}
    return True


@odd
def slow_answers(draft: Draft) -> bool:
    """Services take their time, and still answer in time.

    Source: facts "Exact forms" (sdc-healthcheck), "How a real binder answers" (3 s).
    """
    for _, _, zone in draft.every_zone():
        if zone.get("ping") and zone["ping"].get("value"):
            zone["ping"]["value"]["ms"] = 4000
        for answer in ((zone.get("names") or {}).get("value") or {}).values():
            answer["ms"] = draft.random.choice((20, 900, 2400))
    return True


@odd
def other_versions(draft: Draft) -> bool:
    """Platforms, schemas and images are older, or newer.

    Source: facts "Replication" (schema versions), "Where things run" (TRITON-2266).
    """
    version = draft.random.choice((17, 21, 25))
    for name, _, ufds in draft.every_zone("ufds"):
        draft.datacenter(name)["ssh"]["value"] = draft.random.choice(("SSH-2.0-Sun_SSH_1.5", "SSH-2.0-OpenSSH_9.9"))
        ufds["directory"]["value"]["version"] = version
        for file in ufds["files"]["value"].values():
            if "moray.version" in file["settings"]:
                file["settings"]["moray.version"] = version + draft.random.choice((0, 1))
    return True


@odd
def services_restarted_lately(draft: Draft) -> bool:
    """Services have begun long after their files were written.

    Source: facts "Rendered config files".
    """
    for _, _, zone in draft.every_zone():
        for service in zone["services"].get("value") or ():
            service["began"] = 90000.5 if service.get("began") else service.get("began")
    return True
