"""The script that is sent into zones: what it may contain, what it prints, and how that is read."""

from __future__ import annotations

import contextlib
import pathlib
import re
import socket
import subprocess
import threading
import time

import pytest
from dns import message as dns_message

from evidence.collect import smflog, zone
from evidence.collect.zone import Target

NEWER_THAN_BASH_4_3 = {
    "EPOCHSECONDS, EPOCHREALTIME, SRANDOM (5.0)": r"EPOCH(SECONDS|REALTIME)|SRANDOM|BASH_ARGV0",
    "${x@Q} (4.4)": r"\$\{[A-Za-z_]+(\[[^]]*\])?@[A-Za-z]\}",
    "wait -n (4.3, and -p, -f newer)": r"\bwait\s+-",
    "mapfile -d (4.4)": r"\b(mapfile|readarray)\b",
    "local - (4.4)": r"\blocal\s+-(\s|$)",
    "inherit_errexit, localvar_* (4.4)": r"inherit_errexit|localvar_|assoc_expand_once",
    "${x^^} is fine, ${x@U} not (5.1)": r"@[UuLKk]\}",
    "${ command; } (5.3)": r"\$\{\s",
    "$! of a process substitution (4.4)": r"<\(.*\)\s*;?\s*\w*=?\$!",
    "unset variables of an empty array under set -u (4.4)": r"set\s+-\w*u",
}
NOT_ON_ILLUMOS = {
    "timeout": r"(^|[\s;|&(])timeout\s+[-\"$0-9]",
    "ping -c, ping -W": r"\bping\b.*\s-[cW]\b",
    "seq": r"\bseq\s",
    "readlink -f": r"\breadlink\b",
    "stat": r"\bstat\s+-",
    "nc": r"\bnc\s+-",
    "date": r"\bdate\b",
    "/proc": r"/proc/",
    "GNU grep": r"\bgrep\b",
    "GNU head": r"\bhead\b",
    "base64": r"\bbase64\b",
    "ip": r"\bip\s+(route|addr)",
    "ss": r"\bss\s+-",
    "mktemp": r"\bmktemp\b",
    "awk": r"\bawk\b",
    "sed": r"\bsed\b",
}
WRITES = {
    "redirection into a file": r"(?<![<\d&])>>?\s*[\"$/](?!dev/null)",
    "rm, mv, cp, tee": r"\b(rm|mv|cp|tee|touch|mkdir|svcadm)\b",
}
CODE = "\n".join(line for line in zone.SCRIPT.splitlines() if not line.lstrip().startswith("#"))


@pytest.mark.parametrize("construct", [*NEWER_THAN_BASH_4_3, *NOT_ON_ILLUMOS, *WRITES])
def test_nothing_newer_than_the_platform(construct: str) -> None:
    pattern = {**NEWER_THAN_BASH_4_3, **NOT_ON_ILLUMOS, **WRITES}[construct]
    found = re.search(pattern, CODE, re.MULTILINE)
    assert found is None, f"{construct}: {found and found[0]}"


def test_it_is_pure_ascii_and_runs_only_when_it_arrived_whole() -> None:
    assert zone.SCRIPT.isascii()
    assert zone.SCRIPT.rstrip().endswith('main "$@" 2>/dev/null\nexit 0')
    assert subprocess.run(["bash", "-n"], input=zone.SCRIPT, text=True, check=False).returncode == 0


def run(*words: str) -> bytes:
    return subprocess.run(
        ["bash", "-s", "--", *words], input=zone.SCRIPT.encode(), stdout=subprocess.PIPE, timeout=120, check=True
    ).stdout


def test_probes_tell_open_refused_and_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as closed, socket.socket() as full:
        closed.bind(("127.0.0.1", 0))
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))  # the queue is full, so whoever comes next waits
        ports = {"open": listening.getsockname()[1], "refused": closed.getsockname()[1], "timeout": port}
        started = time.monotonic()
        answers = zone.read(run("1", *(f"tcp:127.0.0.1:{number}" for number in ports.values())))
        assert time.monotonic() - started < 30
        for one in waiting:
            one.close()
    assert answers.complete
    for result, number in ports.items():
        assert answers.probes[Target("127.0.0.1", number, "tcp")].result == result


def test_udp_is_asked_with_a_query_until_somebody_answers() -> None:
    """A DNS server answers with the id of the query. The first query may get lost."""
    with contextlib.ExitStack() as stack:
        dns, other, silent, closed = (
            stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(4)
        )
        for one in (dns, other, silent, closed):
            one.bind(("127.0.0.1", 0))
        asked = dns.getsockname()[1], other.getsockname()[1], silent.getsockname()[1], closed.getsockname()[1]
        closed.close()

        def answer() -> None:
            dns.recv(512)
            query, sender = dns.recvfrom(512)
            queries.append(query)
            dns.sendto(query[:2] + b"\x80\x05" + query[4:], sender)
            for _ in range(2):  # bash may lose what comes at the moment when its second is over
                other.sendto(b"hello", other.recvfrom(512)[1])

        queries: list[bytes] = []
        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        probes = zone.read(run("3", *(f"udp:127.0.0.1:{port}" for port in asked))).probes
    found = [probes[Target("127.0.0.1", port, "udp")] for port in asked]
    assert [probe.result for probe in found] == ["open", "error", "timeout", "refused"]
    assert "not a DNS server" in found[1].detail
    assert dns_message.from_wire(queries[0]).question[0].to_text() == "probe.invalid. IN A"


def test_files_are_printed_whole_whatever_is_in_them(tmp_path: pathlib.Path) -> None:
    tricky = tmp_path / "a"
    tricky.write_bytes("end\nfile\t/x\t3\nü\x1b[2J$(touch x)\n\n".encode())
    (tmp_path / "empty").touch()
    (tmp_path / "nul").write_bytes(b"before\0after")
    (tmp_path / "endless").write_bytes(b"x" * (3 << 20))
    names = ("a", "empty", "nul", "endless", "none")
    found = zone.read(run("1", *(f"file:{tmp_path}/{name}" for name in names))).files
    assert found[f"{tmp_path}/a"] == tricky.read_text(encoding="utf-8")
    assert found[f"{tmp_path}/empty"] == ""
    assert found[f"{tmp_path}/nul"] == "before"
    assert len(found[f"{tmp_path}/endless"] or "") == 1 << 20
    assert found[f"{tmp_path}/none"] is None


def test_the_image_of_the_zone_may_bring_its_own_manifest(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "sapi_manifests/binder"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text('{"path": "/x/config.json"}')
    (folder / "template").write_text("{{{a}}}")
    wanted = zone.read(run("1", "file:/x/config.json", f"manifests:{tmp_path}")).files
    assert wanted[str(folder / "template")] == "{{{a}}}"
    assert str(folder / "template") not in zone.read(run("1", "file:/y", f"manifests:{tmp_path}")).files


HOSTILE = (
    b"",
    b"\0\xff\n",
    b"probe\n",
    b"probe\ttcp\th\tport\t0\t\n",
    b"file\t/x\t99999999\nshort",
    b"file\t/x\t-1\n",
    b"services\nendless\n",
    b"route\t\t\t\t\t\n",
    b"endservices\t0\n",
    b"services\nendservices\t127\n",
    b"probe\ttcp\th\t1\ttimeout\n" * 9,
    b"x" * 100_000,
)


@pytest.mark.parametrize("output", HOSTILE)
def test_hostile_output_is_survived(output: bytes) -> None:
    answers = zone.read(output)
    assert not answers.complete
    assert answers.services is None


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("main: connect: Connection refused main: line 54: /dev/tcp/1/2: Connection refused", "refused"),
        ("bash: connect: Connection timed out", "timeout"),
        ("bash: connect: No route to host", "noroute"),
        ("bash: connect: Network is unreachable", "noroute"),
        ("bash: connect: Host is unreachable", "noroute"),
        ("bash: x: node name or service name not known", "dns"),
        ("something else", "error"),
    ],
)
def test_the_errors_of_linux_and_illumos_are_told_apart(text: str, result: str) -> None:
    answers = zone.read(f"probe\ttcp\t10.0.0.1\t636\t1\t{text}\n".encode())
    assert answers.probes[Target("10.0.0.1", 636, "tcp")].result == result


@pytest.mark.parametrize(
    ("fields", "route"),
    [
        ("10.2.2.29\t255.255.255.255\t10.3.1.1\tnet0", "10.2.2.29 via 10.3.1.1"),
        ("10.2.1.0\t255.255.255.0\t10.3.1.1\tnet0", "10.2.1.0/24 via 10.3.1.1"),
        ("default\tdefault\t10.3.2.1\tnet1", "default via 10.3.2.1"),
        ("10.3.1.0\t255.255.255.0\t\tnet0", "10.3.1.0/24 on net0"),
        ("\t\t\t", "none"),
    ],
)
def test_the_local_route_is_told_in_short(fields: str, route: str) -> None:
    lines = f"route\t10.2.2.29\t{fields}\nprobe\ttcp\t10.2.2.29\t636\t0\t\n"
    assert zone.read(lines.encode()).probes[Target("10.2.2.29", 636, "tcp")].route == route


@pytest.mark.parametrize(
    "host", ["$(reboot)", "a b", "x;y", "", "-x", "10.0.0.1/../..", "::1", "999.1.1.1", "a" * 300, "x\ny", "`x`"]
)
def test_no_host_gets_into_a_command_that_is_none(host: str) -> None:
    assert not zone.usable(host)
    assert zone.words("cloudapi", [Target(host, 636, "tcp")], 5) == [
        "5",
        "file:/opt/smartdc/cloudapi/etc/cloudapi.cfg",
        "manifests:/opt/smartdc/cloudapi",
        "began:svc:/smartdc/application/cloudapi",
    ]


LISTED = "-rw-r--r--   1 root     root         746 2026-01-02 03:04:05.500000000 {}/opt/x.json"


@pytest.mark.parametrize(
    ("offset", "seconds"), [("+0000 ", 1767323045.5), ("-0100 ", 1767326645.5), ("", 1767323045.5)]
)
def test_when_a_file_was_written(offset: str, seconds: float) -> None:
    answers = zone.read(f"written\t/opt/x.json\t{LISTED.format(offset)}\n".encode())
    assert answers.written == {"/opt/x.json": seconds}


@pytest.mark.parametrize(
    "line", ["", "nonsense", "x 2026-13-02 03:04:05.1 +0000 y", f"{'9' * 10000} y", "x 0000-01-01 00:00:00 +9999 y"]
)
def test_what_is_no_line_of_ls_is_no_time(line: str) -> None:
    assert zone.read(f"written\t/opt/x.json\t{line}\n".encode()).written == {}


def test_when_a_service_began() -> None:
    text = b"began\tsvc:/a:b\t1795491079.193859000\nbegan\tsvc:/c:d\t-\n"
    text += b"services\nonline 1:00 svc:/a:b\nonline 1:00 svc:/c:d\nendservices\t0\n"
    services = zone.read(text).services
    assert services is not None
    assert {service.fmri: service.began for service in services} == {"svc:/a:b": 1795491079.193859, "svc:/c:d": None}


TABLE = """
IRE Table: IPv4
  Destination             Mask           Gateway          Device  MTU  Ref Flg  Out  In/Fwd
-------------------- --------------- -------------------- ------ ----- --- --- ----- ------
default              0.0.0.0         10.3.2.1                     1500   5 UG       35      0
10.2.1.0             255.255.255.0   10.3.1.1                     1500   2 UG        0      0
10.2.2.29            255.255.255.255 10.3.1.1             net0    1500*  12   1 UGH      0      0
10.3.1.0             255.255.255.0   10.3.1.36            net0    1500   3 U         9      0
127.0.0.1            255.255.255.255 127.0.0.1            lo0     8232   2 UH      106    106
"""


def in_the_kernel(table: str, code: int = 0) -> zone.Answers:
    return zone.read(f"kernel\n{table}endkernel\t{code}\n".encode())


def test_the_routes_by_a_gateway_that_the_kernel_has() -> None:
    """Routes to networks, whose masks only -v shows, and to hosts. Older platforms print more numbers."""
    assert in_the_kernel(TABLE).kernel == (("10.2.1.0/24", "10.3.1.1"), ("10.2.2.29/32", "10.3.1.1"))


@pytest.mark.parametrize(
    ("table", "code", "why"),
    [
        ("", 0, "no table"),
        ("", 127, "exit status 127"),
        (TABLE + "10.2.1.0 255.0.255.0 10.3.1.1 1500 1 UG 0 0\n", 0, "no route"),
        (TABLE + "10.2.1.0 10.3.1.1\n", 0, "no route"),
        (TABLE + "\x1b[2J" * 50 + "\n", 0, "no route"),
    ],
)
def test_a_table_that_cannot_be_read_is_none(table: str, code: int, why: str) -> None:
    answers = in_the_kernel(table, code)
    assert answers.kernel is None
    assert why in answers.kernel_why
    assert "\x1b" not in answers.kernel_why


LOG = """\
[ Nov 27 02:10:11 Executing start method ("/opt/smartdc/x/smf/methods/x"). ]
{"name":"x","msg":"secret hunter2 SecretError","err":{"message":"connect ECONNREFUSED 10.2.2.29:636","name":"Error"}}
SyntaxError: Unexpected token } in JSON at position 7
[ Nov 27 02:10:12 Method "start" exited with status 96. ]
[ Nov 27 02:10:13 Method "start" failed due to signal KILL. ]
[ Nov 27 02:10:14 Restarting too quickly, changing state to maintenance. ]
"""


def test_of_a_log_only_known_words_are_kept() -> None:
    found = smflog.said(LOG)
    assert found == (
        "SecretError", "ECONNREFUSED 10.2.2.29:636", "SyntaxError", "exit status 96", "signal KILL", "it ended too often",
    )  # fmt: skip
    assert "hunter2" not in str(found)


def test_the_end_of_a_log_goes_with_its_service() -> None:
    text = LOG.encode()
    output = (
        b"services\nmaintenance    2:10:14 svc:/a:default\nonline 1:00:00 svc:/b:default\nendservices\t0\n"
        b"log\tsvc:/a:default\t%d\n%s\nend\n" % (len(text), text)
    )
    answers = zone.read(output)
    assert answers.services is not None
    assert [bool(service.said) for service in answers.services] == [True, False]
    assert answers.complete
