"""netstat and route as illumos has them.  Formats: facts, "Routes"."""

from __future__ import annotations

import ipaddress
import pathlib

from lab.commands.call import NOT_IMITATED, Call, UsageError, command
from lab.machine import namespaces
from lab.machine.machines import Machine


def _table(machine: Machine) -> list[tuple[ipaddress.IPv4Network, str | None, str]]:
    found = []
    for to, (gateway, interface) in namespaces.routes(machine.namespace).items():
        found.append((ipaddress.IPv4Network("0.0.0.0/0" if to == "default" else to), gateway, interface))
    return sorted(found, key=lambda route: (route[0].prefixlen != 0, int(route[0].network_address)))


_HEADER = {
    False: "  Destination           Gateway           Flags  Ref     Use     Interface \n"
    "-------------------- -------------------- ----- ----- ---------- --------- \n",
    True: "  Destination             Mask           Gateway          Device  MTU  Ref Flg  Out  In/Fwd \n"
    "-------------------- --------------- -------------------- ------ ----- --- --- ----- ------ \n",
}


@command("netstat")
async def netstat(call: Call) -> int:
    """A route by a gateway has no device. With -v the masks are printed, too."""
    wanted = "".join(word.lstrip("-") for word in call.arguments)
    if "r" not in wanted or set(wanted) - set("rnvfinet"):
        raise UsageError("netstat: the lab imitates `netstat -rn [-v] [-f inet]` only", NOT_IMITATED)
    verbose = "v" in wanted
    addresses = {nic.interface: nic.ip for nic in call.machine.zone.nics}
    call.out(f"\n{'IRE' if verbose else 'Routing'} Table: IPv4\n{_HEADER[verbose]}")
    rows = []
    for network, gateway, interface in _table(call.machine):
        to = "default" if network.prefixlen == 0 else str(network.network_address)
        flags = "U" + "G" * (gateway is not None) + "H" * (network.prefixlen == 32)
        via, device = gateway or addresses.get(interface, "-"), "" if gateway else interface
        rows.append((to, str(network.netmask), via, flags, device))
    rows.append(("127.0.0.1", "255.255.255.255", "127.0.0.1", "UH", "lo0"))
    for to, mask, via, flags, device in rows:
        if verbose:
            call.out(f"{to:<20} {mask:<15} {via:<20} {device:<6} {1500:>5} {2:>3} {flags:<4}{0:>6} {0:>6} \n")
        else:
            call.out(f"{to:<20} {via:<20} {flags:<5} {2:>5} {0:>10} {device:<9} \n")
    return 0


@command("route")
async def route(call: Call) -> int:
    words: list[str] = []
    persistent, machine = False, call.machine
    rest = iter(call.arguments)
    for word in rest:
        if word == "-p":
            persistent = True
        elif word == "-z":
            found = call.zone(next(rest, ""))
            if found is None:
                raise UsageError("route: no such zone", 1)
            machine = found
        elif word == "-netmask" and words:
            words[-1] += f"/{next(rest, '')}"
        elif word not in ("-n", "-net", "-host", "-inet"):
            words.append(word)
    match words:
        case ["get", host]:
            return _get(call, machine, host)
        case ["add" | "delete" as verb, target, gateway]:
            return _change(call, machine, verb, target, gateway, persistent)
        case ["-p", "show"] | ["show"]:
            kept = (
                _persistent(machine).read_text(encoding="utf-8").splitlines() if _persistent(machine).exists() else []
            )
            call.out(
                "".join(f"persistent: route add {line}\n" for line in kept) or "No persistent routes are defined\n"
            )
            return 0
    imitated = "route [-n] [-z ZONE] [-p] add|delete NET/LEN|HOST GATEWAY, get HOST, and -p show"
    raise UsageError(f"route: the lab imitates {imitated}", NOT_IMITATED)


def _get(call: Call, machine: Machine, host: str) -> int:
    try:
        address = ipaddress.IPv4Address("0.0.0.0" if host == "default" else host)
    except ValueError:
        raise UsageError(f"{host}: bad value", 1) from None
    found = [entry for entry in _table(machine) if address in entry[0]]
    if not found:
        raise UsageError("route: writing to routing socket: No such process", 1)
    network, gateway, interface = max(found, key=lambda entry: entry[0].prefixlen)
    default = network.prefixlen == 0
    flags = "UP" + ",GATEWAY" * (gateway is not None) + ",HOST" * (network.prefixlen == 32) + ",DONE,STATIC"
    call.out(f"   route to: {host}\n")
    call.out(f"destination: {'default' if default else network.network_address}\n")
    call.out(f"       mask: {'default' if default else network.netmask}\n")
    if gateway:
        call.out(f"    gateway: {gateway}\n")
    call.out(f"  interface: {interface}\n      flags: <{flags}>\n")
    call.out(" recvpipe  sendpipe  ssthresh    rtt,ms rttvar,ms  hopcount      mtu     expire \n")
    call.out("       0         0         0         0         0         0      1500         0 \n")
    return 0


def _persistent(machine: Machine) -> pathlib.Path:
    return machine.root / "etc/inet/static_routes"


def _change(call: Call, machine: Machine, verb: str, target: str, gateway: str, persistent: bool) -> int:
    try:
        network = ipaddress.IPv4Network("0.0.0.0/0" if target == "default" else target, strict=False)
        to = "default" if network.prefixlen == 0 else str(network)
        via = str(ipaddress.IPv4Address(gateway))
    except ValueError:
        raise UsageError(f"{target}: bad value", 1) from None
    kind = "host" if network.prefixlen == 32 else "net"
    shown = f"{kind} {target}: gateway {via}"
    present = to in namespaces.routes(machine.namespace)
    if verb == "delete":
        if not present:
            raise UsageError(f"delete {shown}: not in table", 1)
        namespaces.set_routes(machine.namespace, {}, [to])
        call.out(f"delete {shown}\n")
    elif present:
        raise UsageError(f"add {shown}: entry exists", 1)
    else:
        try:
            namespaces.set_routes(machine.namespace, {to: via})
        except namespaces.NetworkError:
            raise UsageError(f"add {shown}: Network is unreachable", 1) from None
        call.out(f"add {shown}\n")
    if persistent:
        file = _persistent(machine)
        kept = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        kept = [line for line in kept if line != f"{target} {via}"]
        file.write_text("".join(f"{line}\n" for line in kept + [f"{target} {via}"] * (verb == "add")), encoding="utf-8")
        call.out(f"{verb} persistent {shown}\n")
    return 0
