"""Turns the output of Triton's own health commands (sdcadm check-health, sdc-healthcheck) into the model. Pure, like parse.py."""

from __future__ import annotations

from typing import Any

from evidence.collect.parse import MOST, Rows, UnreadableError, an_object, each, json_list, shown, text_of
from evidence.model import HealthcheckRow, HealthRow
from evidence.redact import cut


def check_health(text: str) -> Rows[tuple[HealthRow, ...]]:
    """Read `sdcadm check-health -j`."""
    rows = each(json_list(text, "check-health's answer"), _health_row)
    return Rows(tuple(sorted(rows.value, key=lambda row: (row.instance, row.errors))), rows.unread)


def _health_row(item: Any) -> HealthRow:
    what = "a row of check-health"
    read = an_object(item, what)
    errors = read.get("health_errors") or []
    if not isinstance(errors, list):
        raise UnreadableError("the health_errors of a row are not a list")
    healthy = read.get("healthy")
    kind, alias, service, server = (text_of(read, key, what, "") for key in ("type", "alias", "service", "hostname"))
    return HealthRow(
        instance=text_of(read, "instance", what, ""),
        healthy=healthy if isinstance(healthy, bool) else None,
        errors=tuple(text_of(an_object(error, "an error"), "message", "an error", "") for error in errors[:100]),
        kind=kind,
        name=alias or service,
        server=server,
    )


NOT_ASKED = "ping-agent is not installed"
"""sdc-healthcheck prints this and ends, instead of the agents' rows (sdc-headnode:tools/bin/sdc-healthcheck check_agents)."""


def healthcheck(text: str) -> Rows[tuple[HealthcheckRow, ...]]:
    """Read `sdc-healthcheck -p`: role:state:agent:status, one per line."""
    lines = [line for line in text.splitlines()[:MOST] if line.strip() not in ("", NOT_ASKED)]
    if not lines:
        raise UnreadableError("the answer is empty")
    rows = each(lines, _healthcheck_row)
    return Rows(tuple(sorted(rows.value, key=lambda row: (row.role, row.state, row.status, row.agent))), rows.unread)


def _healthcheck_row(line: str) -> HealthcheckRow:
    parts = line.strip().split(":")
    if len(parts) != 4:
        raise UnreadableError(f"the line {shown(line)} is not role:state:agent:status")
    role, state, agent, status = map(cut, parts)
    return HealthcheckRow(role, state, status, agent.removeprefix("-"))
