"""curl, sdc-sapi, sdc-napi, sdc-fwapi, sdc-vmapi and the like. Formats: facts, "Exact forms"."""

from __future__ import annotations

import json

from lab.commands.call import NOT_IMITATED, Call, UsageError, command
from lab.commands.configuration import find_sdc_zone
from lab.servers import http
from lab.servers.curl import CONNECT_TIMEOUT, UNRESOLVED, USAGE, Ask, CurlError, perform


async def parse(call: Call, words: list[str]) -> Ask:
    """Read curl's arguments. Arguments that it does not take cause a message."""
    ask = Ask()
    rest = iter(_apart(words))
    flags = {"-s": "silent", "-S": "show_error", "-i": "include", "-k": "insecure", "-f": "fail",
             "--silent": "silent", "--insecure": "insecure", "--show-error": "show_error",
             "--fail": "fail"}  # fmt: skip
    for word in rest:
        if len(word) > 2 and word[0] == "-" != word[1] and all(f"-{letter}" in flags for letter in word[1:]):
            for letter in word[1:]:
                setattr(ask, flags[f"-{letter}"], True)
        elif word in flags:
            setattr(ask, flags[word], True)
        elif word in ("-m", "--max-time"):
            ask.timeout = float(next(rest, ""))
        elif word == "--connect-timeout":
            ask.connect_timeout = float(next(rest, ""))
        elif word in ("-X", "--request"):
            ask.method = next(rest, "")
        elif word in ("-H", "--header"):
            name, _, value = next(rest, "").partition(":")
            ask.headers[name.strip().lower()] = value.strip()
        elif word in ("-d", "--data", "--data-binary"):
            ask.body += await _data(call, next(rest, ""))
            ask.method = "POST" if ask.method == "GET" else ask.method
        elif word in ("-o", "--output"):
            ask.output = next(rest, "")
        elif word in ("-w", "--write-out"):
            ask.write_out = next(rest, "")
        elif word.startswith("-"):
            raise UsageError(f"{call.name}: the lab does not imitate {word}", NOT_IMITATED)
        else:
            ask.url = word
    return ask


def _apart(words: list[str]) -> list[str]:
    """Split off a short option's value that stands right behind it: -XPUT, -d@FILE."""
    found: list[str] = []
    for word in words:
        joined = len(word) > 2 and word[:2] in ("-X", "-d", "-H", "-m", "-o", "-w")
        found += [word[:2], word[2:]] if joined else [word]
    return found


async def _data(call: Call, text: str) -> bytes:
    if text == "@-":
        return await call.stdin()
    if text.startswith("@"):
        return call.path(text[1:]).read_bytes()
    return text.encode("utf-8", "surrogateescape")


def head(answer: http.Response) -> str:
    """The header block as it came, but with capitals in the names again."""
    lines = [f"HTTP/1.1 {answer.status} {http.REASONS.get(answer.status, 'Unknown')}"]
    lines += [f"{name.title()}: {value}" for name, value in answer.headers.items()]
    return "\r\n".join(lines) + "\r\n\r\n"


@command("curl")
async def curl(call: Call) -> int:
    ask = await parse(call, call.arguments)
    if not ask.url:
        raise UsageError("curl: no URL specified", USAGE)
    try:
        answer = await perform(call.machine, ask)
    except CurlError as error:
        if not ask.silent or ask.show_error:
            call.err(f"curl: ({error.code}) {error.text}\n")
        call.out(ask.write_out.replace("%{http_code}", "000").replace("\\n", "\n"))
        return error.code
    content = (head(answer).encode() if ask.include else b"") + answer.body
    failed = ask.fail and answer.status >= 400
    if ask.output not in (None, "-", "/dev/null"):
        call.path(str(ask.output)).write_bytes(content)
    elif ask.output != "/dev/null" and not failed:
        call.out(content)
    call.out(ask.write_out.replace("%{http_code}", str(answer.status)).replace("\\n", "\n"))
    return 22 if failed else 0


@command("sdc-sapi", "sdc-napi", "sdc-fwapi", "sdc-vmapi", "sdc-imgapi", "sdc-cnapi")
async def wrapper(call: Call) -> int:
    """With --no-headers nothing says that a body is JSON, so curl calls it a form (sdc-sdc:lib/libdc.sh)."""
    words = call.arguments
    headers = words[:1] != ["--no-headers"]
    if not headers and call.name == "sdc-imgapi":
        raise UsageError("curl: (6) Could not resolve host", UNRESOLVED)  # it takes the option for its path
    words = words if headers else words[1:]
    if not words:
        usage = f"{call.name} [--no-headers] PATH [EXTRA-CURL-ARGS]"
        call.out(f"error: no PATH argument given\n\nUsage:\n        {usage}\n\n")
        return 1
    await find_sdc_zone(call)
    ask = await parse(call, words[1:])
    role = call.name.removeprefix("sdc-")
    ask.url = f"http://{role}.{call.site.datacenter.suffix}{words[0]}"
    ask.connect_timeout = CONNECT_TIMEOUT
    usual = {"accept": "application/json", "accept-version": "*"}
    ask.headers = usual | ({"content-type": "application/json"} if headers else {}) | ask.headers
    try:
        answer = await perform(call.machine, ask)
    except CurlError as error:
        return error.code
    call.out((head(answer) if headers else "") + indented(answer.body))
    return 0


def indented(body: bytes) -> str:
    """A body as the tool `json` prints it."""
    if not body.strip():
        return ""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False) + "\n"
    except ValueError:
        return body.decode("utf-8", "replace")
