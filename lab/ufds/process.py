"""`python -m lab.ufds.process`: every UFDS and every replicator of a lab, in one operating-system process.

It reads JSON objects from stdin, one per line, answers on stdout, and ends when stdin ends.
Request: {"id": N, "op": …}; answer: {"id": N, "ok": VALUE} or {"id": N, "error": TEXT, "code": LDAP CODE or null}.
Requests are carried out in the order in which they come. `name` is a datacenter. `listener` (default: name)
distinguishes several LDAPS servers before one directory. `ns` is a network namespace (absent or null: that of the process).

  seed {plan}                 makes the directories of a lab.plan.Plan (as dataclasses.asdict gives it)  → names
  load {name, master, ldif, hidden?, latest?}
                              makes one directory from LDIF text; hidden: {dn: {attribute: values}}      → entries
  serve {name, listener?, ns?, host?, port?, cert, key, root_dn, root_password, is_master?}              → port
                              is_master: ufds_is_master of its config; unset leaves it as the seed has it
  stop {listener}             closes a listener and its connections; the directory keeps its entries
  mode {listener, mode, delay?}   how a listener answers: normal, hang (accepts, never answers), slow (after `delay`
                              seconds), garbage, cut (ends searches half-way), endless
  password {listener, root_password}   another root password: the one that the others know is answered with 49
  edit {name, edit, dn, attributes?, changes?, subtree?, silent?}
                              edit: add {attributes}, modify {changes: [[add|replace|delete, attribute, values]]},
                              delete {subtree?}.  With silent, past rules and changelog; a silent add or modify puts
                              `attributes` as the whole entry                                            → dns
  query {name, base, scope?, filter?, hidden?, limit?}   scope base, one, sub                   → [[dn, attributes]]
  counters {name}                                                                → {latest, count, entries}
  checkpoint {name, url?}     a replica's checkpoint                                                     → number
  gap {name, count}           the next change of the changelog skips `count` numbers
  gap {name, first, last}     removes these changes from the changelog                                   → how many
  replicate {name, ns?, config, hosts?, addresses?, log?, pace?, version?}
                              config: replicator.json's content; hosts: {name: address} for names in its urls;
                              addresses: [[host, port, host, port]] mapped when there is no ns; log: file to append
                              to; pace: factor of every pause (1 = real)
  stop-replicator {name}      as a signal would; no event follows
  status {}                   → {directories, listeners: {listener: mode}, replicators}
  dump {name}                 → LDIF of everything, hidden attributes included

Events have no id: {"event": "log", "name", "level", "message"} for what a replicator logs from INFO up, and
{"event": "replicator-exited", "name", "status"} when one ends by itself.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

from lab.plan.datacenters import Datacenter, Plan
from lab.ufds import ldif, seed
from lab.ufds.errors import LdapError
from lab.ufds.host import Host

LONGEST_LINE = 256 * 1024 * 1024  # a seed's LDIF may be long


def plan_from(document: Mapping[str, Any]) -> Plan:
    """The reverse of dataclasses.asdict for a Plan."""
    datacenters = tuple(
        Datacenter(**{**each, "instances": tuple((role, count) for role, count in each.get("instances", ()))})
        for each in document["datacenters"]
    )
    pace = document.get("ufds_pace", 0)
    return Plan(datacenters, document.get("accounts", 0), pace, dict(document.get("extra", {})))


async def carry_out(host: Host, op: str, given: dict[str, Any]) -> Any:
    """Do what one request says; returns the answer."""
    name = given.get("name", "")
    listener = given.get("listener") or name
    match op:
        case "seed":
            plan = plan_from(given["plan"])
            host.directories.update(seed.directories(plan))
            host.pace = plan.ufds_pace
            return list(host.directories)
        case "load":
            host.directories[name] = ldif.load(
                given["ldif"], given.get("hidden", {}), is_master=given["master"], latest=given.get("latest")
            )
            return len(host.directories[name].store)
        case "serve":
            return await host.serve(
                name, listener, given.get("ns"), given.get("host", "0.0.0.0"), given.get("port", 636),
                given["cert"], given["key"], given["root_dn"], given["root_password"], given.get("is_master"),
            )  # fmt: skip
        case "stop":
            return await host.stop(listener)
        case "mode":
            return host.listening(listener).server.set_mode(given["mode"], given.get("delay", 5.0))
        case "password":
            host.listening(listener).server.service.root_password = given["root_password"]
            return None
        case "edit":
            return host.edit(name, given["edit"], given["dn"], given, silent=bool(given.get("silent")))
        case "query":
            return host.query(
                name, given["base"], given.get("scope", "sub"), given.get("filter", "(objectclass=*)"),
                hidden=bool(given.get("hidden")), limit=given.get("limit", 2147483647),
            )  # fmt: skip
        case "counters":
            return host.counters(name)
        case "checkpoint":
            return host.checkpoint(name, given.get("url"))
        case "gap":
            return host.gap(name, count=given.get("count"), first=given.get("first"), last=given.get("last"))
        case "drag":
            return host.drag(name, float(given["seconds"]))
        case "backdate":
            return host.backdate(name, given["after"], float(given["seconds"]))
        case "replicate":
            addresses = {(a, b): (c, d) for a, b, c, d in given.get("addresses", ())}
            return host.replicate(
                name, given.get("ns"), given["config"], given.get("hosts", {}), addresses, given.get("log"),
                given.get("pace", 1.0), given.get("version", 20),
            )  # fmt: skip
        case "stop-replicator":
            return await host.stop_replicator(name)
        case "status":
            modes = {key: each.server.mode for key, each in host.listeners.items()}
            return {"directories": list(host.directories), "listeners": modes, "replicators": list(host.replicators)}
        case "dump":
            return host.dump(name)
    raise ValueError(f"op {op} is not known")


async def answer(host: Host, line: bytes) -> dict[str, Any]:
    """The answer to one line."""
    number: object = None
    try:
        request = json.loads(line)
        number = request.get("id")
        return {"id": number, "ok": await carry_out(host, request["op"], request)}
    except LdapError as error:
        return {"id": number, "error": f"{error.name}: {error.message}", "code": error.code}
    except (ValueError, KeyError, TypeError, OSError) as error:
        return {"id": number, "error": f"{type(error).__name__}: {error}", "code": None}


async def run() -> None:
    """Serves stdin until it ends."""
    # A stray print must not be taken for an answer.
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)

    def emit(document: dict[str, Any]) -> None:
        data = json.dumps(document).encode() + b"\n"
        while data:
            data = data[out.write(data) or 0 :]

    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    host = Host(emit)
    while line := await reader.readline():
        emit(await answer(host, line))
    await host.close()


def main() -> None:
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns about half-closed TLS on the operator's terminal
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the lab ends by closing stdin
    try:
        asyncio.run(run())
    except BrokenPipeError:
        pass  # nobody is left to answer to


if __name__ == "__main__":
    main()
