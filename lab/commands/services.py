"""svcs, svcadm, svcprop.  Formats: facts, "SMF" and "Exact forms"."""

from __future__ import annotations

import asyncio
import getopt
import time

from lab.commands.call import NOT_IMITATED, Call, UsageError, command
from lab.machine.machines import GLOBAL, Machine
from lab.machine.smf import Service
from lab.plan.roles import REPLICATOR

WIDTHS = {"state": 14, "stime": 8, "fmri": 0}
VERBS = ("enable", "disable", "restart", "refresh", "clear")


def _machine(call: Call, uuid: str | None) -> Machine:
    if uuid is None:
        return call.machine
    found = call.server if uuid == GLOBAL and call.in_global_zone else call.zone(uuid)
    if found is None:
        raise UsageError(f'{call.name}: invalid zone name or ID "{uuid}"', 1)
    return found


def _stime(service: Service) -> str:
    then = time.localtime(service.stime)
    if time.time() - service.stime < 24 * 3600:
        return f"{then.tm_hour:2}:{then.tm_min:02}:{then.tm_sec:02}"
    return time.strftime("%b_%d", then)


def _column(service: Service, name: str) -> str:
    match name:
        case "state":
            return service.shown_state
        case "stime":
            return _stime(service)
        case "fmri":
            return service.fmri
        case "svc":
            return service.name
        case "inst":
            return service.fmri.rpartition(":")[2]
    raise UsageError(f"svcs: Unknown column '{name}'.", 2)


def explanation(service: Service, machine: Machine) -> str:
    """What `svcs -x` says about an enabled service that does not run; empty if it runs or was disabled."""
    if service.state in ("online", "disabled") and not service.changing:
        return ""
    lines = [service.fmri]
    if machine.zone.role != "global":
        lines.append(f"  Zone: {machine.zone.uuid}")
    failed = service.state == "maintenance"
    reason = "Start method failed repeatedly, last exited with status 1." if failed else "Unknown."
    lines += [
        f" State: {service.state} since {time.strftime('%a %b %e %H:%M:%S %Y', time.localtime(service.stime))}",
        f"Reason: {reason}",
        "Impact: This service is not running.",
    ]
    return "\n".join(lines) + "\n\n"


@command("svcs")
async def svcs(call: Call) -> int:
    try:
        options, patterns = getopt.gnu_getopt(call.arguments, "Havxo:z:")
    except getopt.GetoptError as error:
        raise UsageError(f"svcs: the lab does not imitate this: {error}", NOT_IMITATED) from None
    given = dict(options)
    header, everything, zone = "-H" not in given, "-a" in given, given.get("-z")
    columns = given.get("-o", "state,stime,fmri").split(",")
    if "-x" in given:
        machine = _machine(call, zone)
        wanted = [each for pattern in patterns for each in machine.services.matching(pattern)]
        call.out("".join(explanation(service, machine) for service in wanted or machine.services))
        return 0
    machine = _machine(call, zone)
    found: dict[str, Service] = {}
    code = 0
    for pattern in patterns:
        matching = machine.services.matching(pattern)
        if not matching:
            call.err(f"svcs: Pattern '{pattern}' doesn't match any instances\n")
            code = 1
        found |= {service.fmri: service for service in matching}
    if not patterns:
        found = {each.fmri: each for each in machine.services if everything or each.state != "disabled"}
    rows = [[column.upper() for column in columns]] if header and (found or not patterns) else []
    rows += [[_column(each, column) for column in columns] for each in sorted(found.values(), key=lambda e: e.fmri)]
    for row in rows:
        cells = [f"{cell:<{WIDTHS.get(column, 20)}}" for column, cell in zip(columns, row, strict=True)]
        call.out(" ".join(cells).rstrip() + "\n")
    return code


@command("svcadm")
async def svcadm(call: Call) -> int:
    words = list(call.arguments)
    zone = None
    if words[:1] == ["-z"]:
        zone, words = "".join(words[1:2]), words[2:]
    if not words or words[0] not in VERBS:
        raise UsageError(f"Usage: svcadm [-z zone] {'|'.join(VERBS)} PATTERN… (the lab imitates no more)", NOT_IMITATED)
    verb, *patterns = words
    patterns = [pattern for pattern in patterns if pattern != "-s"]  # every verb here waits until it is done
    if strange := [pattern for pattern in patterns if pattern.startswith("-")]:
        raise UsageError(f"svcadm {verb}: the lab does not imitate {strange[0]}", NOT_IMITATED)
    machine = _machine(call, zone)
    targets: list[Service] = []
    for pattern in patterns:
        found = machine.services.matching(pattern)
        if not found:
            call.err(f"svcadm: Pattern '{pattern}' doesn't match any instances\n")
            return 1
        if len(found) > 1 and not set("*?[") & set(pattern):
            listed = "".join(f"\t{service.fmri}\n" for service in found)
            call.err(f"svcadm: Pattern '{pattern}' matches multiple instances:\n{listed}")
            return 1
        targets += found
    if not targets:
        raise UsageError(f"Usage: svcadm [-z zone] {'|'.join(VERBS)} PATTERN…", 2)
    if verb == "clear":
        wrong = [service for service in targets if service.state != "maintenance"]
        if wrong:
            call.err(f'svcadm: Instance "{wrong[0].fmri}" is not in a maintenance or degraded state.\n')
            return 1
    await asyncio.gather(*(_act(service, verb) for service in targets))
    return 0


async def _act(service: Service, verb: str) -> None:
    match verb:
        case "enable":
            await service.enable()
        case "disable":
            await service.disable()
        case "restart":
            await service.restart()
        case "clear":
            await service.clear()
        case _:
            pass  # Triton's services have no refresh method


@command("svccfg")
async def svccfg(call: Call) -> int:
    """`svccfg import FILE` and `svccfg delete FMRI`: only for ufds-replicator. All other services exist from the zone's setup on."""
    match call.arguments:
        case ["import", name]:
            file = call.path(name)
            if not file.is_file():
                raise UsageError(f'svccfg: couldn\'t open "{name}": No such file or directory', 1)
            if call.machine.zone.role != "ufds" or "ufds-replicator" not in file.read_text(encoding="utf-8"):
                raise UsageError("svccfg: the lab imports the manifest of ufds-replicator only", NOT_IMITATED)
            await call.lab.import_replicator(call.site, call.machine)
            return 0
        case ["delete", pattern]:
            found = [each for each in call.machine.services.matching(pattern) if each.fmri == REPLICATOR]
            if not found:
                raise UsageError(f"svccfg: Pattern '{pattern}' doesn't match any instances or services", 1)
            if found[0].state == "online":
                raise UsageError(f'svccfg: Instance "{found[0].fmri}" is in state online.', 1)
            await found[0].disable()
            call.machine.services.remove(REPLICATOR)
            return 0
    raise UsageError("svccfg: the lab imitates `svccfg import FILE` and `svccfg delete FMRI`", NOT_IMITATED)


def _moment(seconds: float) -> str:
    """SMF's type time: seconds and nanoseconds."""
    return f"{seconds:.6f}000"


def _properties(service: Service) -> dict[str, tuple[str, str]]:
    """Type and value of the properties that the lab's services have."""
    found = {
        "restarter/state": ("astring", service.state),
        "restarter/next_state": ("astring", "none"),
        "restarter/auxiliary_state": ("astring", "method_failed" if service.state == "maintenance" else "none"),
        "restarter/state_timestamp": ("time", _moment(service.stime)),
        "general/enabled": ("boolean", "false" if service.state == "disabled" else "true"),
    }
    if service.started is not None:
        found["restarter/start_method_timestamp"] = ("time", _moment(service.started))
    return found


@command("svcprop")
async def svcprop(call: Call) -> int:
    """`svcprop [-f] [-z ZONE] [-p PROPERTY]… PATTERN…` (illumos-gate:usr/src/cmd/svc/svcprop/svcprop.c)."""
    zone, names, patterns, fmris, code = None, [], [], False, 0
    words = iter(call.arguments)
    for word in words:
        if word == "-f":
            fmris = True
        elif word == "-z":
            zone = next(words, "")
        elif word == "-p":
            names.append(next(words, ""))
        elif word.startswith("-"):
            raise UsageError(f"svcprop: the lab does not imitate {word}", NOT_IMITATED)
        else:
            patterns.append(word)
    machine = _machine(call, zone)
    found: list[Service] = []
    for pattern in patterns:
        matching = machine.services.matching(pattern)
        if not matching:
            raise UsageError(f"svcprop: Pattern '{pattern}' doesn't match any entities", 1)
        found += matching
    fmris = fmris or len(found) > 1
    for service in found:
        values = _properties(service)
        for name in names or values:
            if name not in values:
                call.err(f"svcprop: Couldn't find property `{name}' for instance `{service.fmri}'.\n")
                code = 1
                continue
            kind, value = values[name]
            lead = f"{service.fmri}/:properties/{name} {kind} " if fmris else f"{name} {kind} "
            call.out(f"{lead if fmris or len(names) != 1 else ''}{value}\n")
    return code
