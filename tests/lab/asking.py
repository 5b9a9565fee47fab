"""Runs inside a lab and asks like an operator: over ssh, curl, dig, openssl and LDAP, never with the suite's code.

`python -m tests.lab.asking TABLE` asks every question of a table three times: before its faults are planted, after that until each symptom
shows, and until the symptom is gone if the lab can heal the fault. It prints the results as JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import ssl
import sys
import time

import asyncssh

from lab.plan.names import ROOT_DN, ROOT_PASSWORD
from lab.ufds import messages
from tests.lab.symptoms import TABLES, Symptom
from tests.login import in_login

AT_ONCE = 6
PATIENCE = 60.0
ENOUGH = 1_000_000  # an answer with more bytes than this counts as endless
RUNNING = asyncio.Semaphore(AT_ONCE)


async def ask(symptom: Symptom) -> str:
    """The answer: everything that was printed, and a last line `exit CODE after SECONDS`."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(symptom.within):
            if symptom.where == "ldap":
                code, text = await ldap(symptom.asks)
            elif symptom.where == "outside":
                code, text = await https(symptom.asks)
            elif symptom.where == "operator":
                code, text = await here(symptom.asks)
            else:
                code, text = await typed_there(symptom.where, symptom.asks)
    except TimeoutError:
        code, text = "none", ""
    except (OSError, asyncssh.Error) as error:
        code, text = "error", f"{type(error).__name__}: {error}"
    return f"{text}\nexit {code} after {time.monotonic() - began:.1f}"


async def typed_there(datacenters: str, command: str) -> tuple[str, str]:
    code, said = "", []
    for datacenter in datacenters.split():
        async with asyncssh.connect(datacenter, connect_timeout=20) as link:
            done = await link.run(in_login(command), stdin=asyncssh.DEVNULL, errors="replace")
        code = str(done.exit_status)
        said.append(f"{done.stdout!s}{done.stderr!s}")
    return code, "\n----\n".join(said)


async def here(command: str) -> tuple[str, str]:
    process = await asyncio.create_subprocess_shell(command, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    return str(process.returncode), said.decode()


async def ldap(address: str) -> tuple[str, str]:
    """Bind as root and read everything. Returns "0" if all came, else "1", with `bound CODE` and the number of bytes."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(address, 636, ssl=context)
    try:
        writer.write(messages.envelope(1, messages.bind_request(ROOT_DN, ROOT_PASSWORD)))
        head = await reader.readexactly(2)
        if head[0] != 0x30:
            return "1", f"no LDAP: {head!r}"
        said = f"bound {(await reader.readexactly(head[1]))[-5]}\n"
        writer.write(messages.envelope(2, messages.search_request("o=smartdc", 2, messages.presence("objectclass"))))
        count, tail = 0, b""
        while count < ENOUGH:
            part = await reader.read(65536)
            count, tail = count + len(part), (tail + part)[-64:]
            if not part:
                return "1", f"{said}cut after {count} bytes"
            if messages.result(2, 0x65)[2:] in tail:
                return "0", f"{said}all of it, {count} bytes"
        return "1", f"{said}no end after {count} bytes"
    except asyncio.IncompleteReadError:
        return "1", "cut before an answer"
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def https(address: str) -> tuple[str, str]:
    """Ask cloudapi's health URL at an address, from the operator's place."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(address, 443, ssl=context)
    try:
        writer.write(b"GET /--ping HTTP/1.1\r\nHost: cloudapi\r\nConnection: close\r\n\r\n")
        return "0", (await reader.read(ENOUGH)).decode(errors="replace")
    finally:
        writer.transport.abort()


async def shows(symptom: Symptom) -> tuple[bool, str]:
    async with RUNNING:
        answer = await ask(symptom)
    return re.search(symptom.shows, answer, re.DOTALL) is not None, answer


async def becomes(symptom: Symptom, wanted: bool) -> tuple[bool, str]:
    """Ask until the symptom is there (or gone)."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found, answer = await shows(symptom)
        if found is wanted or time.monotonic() > deadline:
            return found, answer
        await asyncio.sleep(0.1)


async def lab(*words: str) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "lab", *words)
    if await process.wait() != 0:
        raise SystemExit(f"lab {' '.join(words)}")


async def main(name: str) -> None:
    found: dict[str, dict[str, tuple[bool, str]]] = {}
    for wave in TABLES[name]:
        for symptom, before in zip(wave, await asyncio.gather(*map(shows, wave)), strict=True):
            found[symptom.fault] = {"before": before}
        await lab("fault", *(symptom.fault for symptom in wave))
        planted = await asyncio.gather(*(becomes(symptom, True) for symptom in wave))
        for symptom, after in zip(wave, planted, strict=True):
            found[symptom.fault]["after"] = after
        heals = [symptom for symptom in wave if symptom.heals]
        if heals:
            await lab("heal", *(symptom.fault for symptom in heals))
        for symptom, healed in zip(heals, await asyncio.gather(*(becomes(each, False) for each in heals)), strict=True):
            found[symptom.fault]["healed"] = healed
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
