"""Reads whole directories with ldap3 in one answer each, all at once, and compares nothing. `python -m tools.bench.plain READS`.

It prints how many entries there are, and then the dns of some accounts of the first.
"""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncssh
import ldap3

from evidence.collect.ldap import EVERYTHING, SMARTDC, USERS
from tools.bench.reads import Searched, directories, load

ACCOUNTS = 100


async def main(wanted: list[Searched]) -> None:
    with ThreadPoolExecutor(len(wanted)) as threads:
        found = await asyncio.gather(*(_read(each, threads) for each in wanted))
    print(sum(map(len, found)))
    people = [dn for dn in found[0] if dn.endswith(f", {USERS}") and dn.startswith("uuid=") and dn.count(", ") == 2]
    print("\n".join(people[-ACCOUNTS:]))


async def _read(each: Searched, threads: ThreadPoolExecutor) -> list[str]:
    user, _, address = each.host.rpartition("@")
    line = await asyncssh.connect(address, username=user, agent_path=None, gss_host=None)
    try:
        listener = await line.forward_local_port("127.0.0.1", 0, each.address, 636)
        return await asyncio.get_running_loop().run_in_executor(threads, _all, each, listener.get_port())
    finally:
        line.close()


def _all(each: Searched, port: int) -> list[str]:
    server = ldap3.Server("127.0.0.1", port, use_ssl=True, get_info=ldap3.NONE)
    with ldap3.Connection(server, user=each.dn, password=each.password, check_names=False, auto_bind=True) as session:
        session.search(SMARTDC, "(objectclass=*)", attributes=["*"], size_limit=EVERYTHING)
        return [entry["dn"] for entry in session.response or ()]


if __name__ == "__main__":
    asyncio.run(main(directories(load(Path(sys.argv[1])))))
