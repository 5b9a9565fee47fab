"""sdc-listdatacenters and sdc-cloudapi: they sign with the key of the zone where they are typed, and ask cloudapi.

Source: node-smartdc:bin/sdc-listdatacenters, lib/cli_common.js; node-smartdc-auth; sdc-sdc:bin/sdc-cloudapi, lib/libdc.sh. If sdc-cloudapi
is typed in the global zone, it runs there, and signs with a key that is not there.
"""

from __future__ import annotations

import email.utils
import json
import re
from typing import Any

from lab.commands.call import Call, UsageError, command
from lab.commands.web import head, indented, parse
from lab.machine.machines import Machine
from lab.plan import sdckey
from lab.plan.sshkeys import fingerprint
from lab.servers import signatures
from lab.servers.curl import (
    CONNECT_TIMEOUT,
    FOREVER,
    REFUSED,
    TIMED_OUT,
    TLS_FAILED,
    UNRESOLVED,
    Ask,
    CurlError,
    perform,
)

KEY_ID = re.compile(r"(MD5:)?[0-9a-f]{2}(:[0-9a-f]{2}){15}|[A-Z0-9]+:[-A-Za-z0-9+/=]+", re.IGNORECASE)
OPTIONS = {"-a": "account", "--account": "account", "-k": "key", "--keyId": "key", "-u": "url", "--url": "url"}
PROBLEM = 3
NODE_ERRORS = {REFUSED: "ECONNREFUSED", TIMED_OUT: "ETIMEDOUT", TLS_FAILED: "EPROTO", UNRESOLVED: "ENOTFOUND"}
RETRIES = 3  # restify's client tries again after an answer 500


@command("sdc-listdatacenters")
async def list_datacenters(call: Call) -> int:
    given: dict[str, str] = {}
    rest = iter(call.arguments)
    for word in rest:
        if word not in OPTIONS:
            raise UsageError(f"sdc-listdatacenters: the lab imitates -a, -k and -u, not {word}", 127)
        given[OPTIONS[word]] = next(rest, "")
    if "key" not in given:
        raise UsageError("Either --keyId or (env) SDC_KEY_ID must be specified", 1)
    if not KEY_ID.fullmatch(given["key"]):
        raise UsageError("--keyId or (env) SDC_KEY_ID must be a valid SSH key ID", 1)
    for name in ("account", "url"):
        if name not in given:
            raise UsageError(f"Either --{name} or (env) SDC_{name.upper()} must be specified", 1)
    if not re.match("https?://.+", given["url"]):
        raise UsageError("--url or (env) SDC_URL must be a valid URL", 1)
    code, text = await listing(call.machine, given["account"], given["key"].removeprefix("MD5:"), given["url"])
    if code:
        raise UsageError(f"sdc-listdatacenters: error{text}", PROBLEM)
    call.out(text)
    return 0


async def listing(machine: Machine, account: str, key_id: str, url: str, patience: float = FOREVER) -> tuple[int, str]:
    """ListDatacenters as the command prints it: (0, JSON), or (3, the text after "error").

    It accepts any certificate. The real command needs SDC_TESTING for that, which does not reach the lab.
    """
    try:
        headers = _signed(machine, account, key_id)
    except (OSError, ValueError):
        return PROBLEM, f': SSH key with fingerprint "{key_id}" could not be located in /root/.ssh'
    ask = Ask(url=f"{url.rstrip('/')}/{account}/datacenters", headers=headers, insecure=True, timeout=patience)
    try:
        answer = await perform(machine, ask)
        for _ in range(RETRIES if answer.status == 500 else 0):
            await machine.clock.sleep(1.0)
            answer = await perform(machine, ask)
    except CurlError as error:
        name = NODE_ERRORS.get(error.code, "ECONNRESET")
        return PROBLEM, f" ({name}): {error.text}"
    try:
        body: Any = json.loads(answer.body)
    except ValueError:
        return PROBLEM, f" (InvalidContent): Invalid JSON in response: {answer.body[:80]!r}"
    if answer.status >= 400:
        said = body if isinstance(body, dict) else {}
        return PROBLEM, f" ({said.get('code')}): {said.get('message')}"
    return 0, json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def _signed(machine: Machine, account: str, key_id: str) -> dict[str, str]:
    """Headers of a request. Raises ValueError or OSError if the zone has no such key."""
    public = (machine.root / sdckey.PUBLIC).read_text(encoding="utf-8")
    if fingerprint(public) != key_id:
        raise ValueError("another key")
    private = (machine.root / sdckey.PRIVATE).read_text(encoding="utf-8")
    date = email.utils.formatdate(usegmt=True)
    authorization = signatures.authorization(private, f"/{account}/keys/{key_id}", date)
    return {"date": date, "authorization": authorization, "accept": "application/json", "x-api-version": "~8"}


@command("sdc-cloudapi")
async def wrapper(call: Call) -> int:
    words = call.arguments
    headers = words[:1] != ["--no-headers"]
    words = words if headers else words[1:]
    if not words:
        call.out(
            "error: no PATH argument given\n\nUsage:\n        sdc-cloudapi [--no-headers] PATH [EXTRA-CURL-ARGS]\n\n"
        )
        return 1
    (zone,) = call.site.of_role("sdc")
    config = json.loads((zone.root / "opt/smartdc/sdc/etc/config.json").read_text(encoding="utf-8"))
    date = email.utils.formatdate(usegmt=True)
    key_id = f"/admin/keys/{config['sdc_key_id']}"
    try:
        private = (call.machine.root / sdckey.PRIVATE).read_text(encoding="utf-8")
        authorization = signatures.authorization(private, key_id, date)
    except (OSError, ValueError):
        call.err(f'Can\'t open "/{sdckey.PRIVATE}" for reading, No such file or directory\n')
        authorization = f'Signature keyId="{key_id}",algorithm="rsa-sha256" '
    ask = await parse(call, words[1:])
    ask.url = f"https://{config['cloudapi_domain']}{words[0]}"
    ask.insecure, ask.connect_timeout = True, CONNECT_TIMEOUT
    usual = {"accept": "application/json", "x-api-version": "~7", "authorization": authorization, "date": date}
    ask.headers = usual | ({"content-type": "application/json"} if headers else {}) | ask.headers
    try:
        answer = await perform(call.machine, ask)
    except CurlError as error:
        call.err(f"curl: ({error.code}) {error.text}\n")
        return error.code
    call.out((head(answer) if headers else "") + indented(answer.body))
    return 0
