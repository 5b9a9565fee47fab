"""The lab is as strict as a real head node: its tools' options, config.sh that evaluates, json 5.1.1, sdc-useradm.

All of it runs in one living lab.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from lab.machine.roots import PROGRAMS, STRICT
from tests.lab.operator import Operator, living

REFUSED = [
    # options that GNU's tools take and illumos's do not (illumos-gate:usr/src/cmd)
    ("date -d now", 1, "date: illegal option -- d"),
    ("date --utc", 1, "date: illegal option -- -"),
    ("grep -E x /etc/passwd", 2, "grep: illegal option -- E"),
    ("grep -o root /etc/passwd", 2, "grep: illegal option -- o"),
    ("echo x | xargs -r echo", 1, "xargs: illegal option -- r"),
    ("sort -V /etc/passwd", 2, "sort: illegal option -- V"),
    ("ls --color /", 2, "ls: illegal option -- -"),
    ("sed -z s/a/b/ /etc/passwd", 1, "sed: illegal option -- z"),
    ("sed -e", 1, "sed: option requires an argument -- e"),
    ("sed -I s/a/b/ /etc/passwd", 127, "sed: the lab does not imitate -I"),
    ("sed -nzi s/a/b/ /etc/passwd", 1, "sed: illegal option -- z"),
    ("tail -s 1 /etc/passwd", 1, "tail: illegal option -- s"),
    ("cut --complement -c1 /etc/passwd", 1, "cut: illegal option -- -"),
    ("env -u X true", 1, "env: illegal option -- u"),
    ("cp -u /etc/passwd /tmp/p", 1, "cp: illegal option -- u"),
    ("rm -v /etc/nosuch", 1, "rm: illegal option -- v"),
    ("awk -W version", 1, "awk: illegal option -- W"),
    ("find /etc -printf x", 1, "find: bad option -printf"),
    ("ps --forest", 1, "ps: illegal option -- -"),
    ("grep root -c /etc/passwd", 2, "/etc/passwd:root:x:0:0:Super-User:/root:/usr/bin/bash"),  # -c is a file there
]
TAKEN = [
    ("grep -c root /etc/passwd", "1"),
    ("printf -- '-x\\n' | grep -- -x", "-x"),
    ("printf 'a|b\\n' | egrep '^(a|c)'", "a|b"),
    ("printf 'a.b\\n' | fgrep .", "a.b"),
    ("printf '1\\n2\\n' | tail -1", "2"),
    ("printf '1\\n2\\n' | tail +2", "2"),
    ("printf '1\\n2\\n' | head -n 1", "1"),
    ("cp /etc/passwd /tmp/q; sed -i.bak s/root/toor/ /tmp/q; grep -c toor /tmp/q /tmp/q.bak", "/tmp/q:1\n/tmp/q.bak:0"),
    ("cp /etc/passwd /tmp/q; sed -i s/root/toor/ /tmp/q; grep -c toor /tmp/q", "1"),
    ("cp /etc/passwd /tmp/q; sed -ni -e s/root/toor/p /tmp/q; grep -c toor /tmp/q", "1"),
    ("nawk -F: '{print $7}' /etc/passwd", "/usr/bin/bash"),
    ("awk -v n=2 'BEGIN {print n}'", "2"),
    ("echo a-b | tr - _", "a_b"),
    ("env -i A=1 /usr/bin/bash -c 'echo $A'", "1"),
    ("printf 'b\\na\\n' | sort -u -k 1,1 | xargs -n 1 echo", "a\nb"),
    ("find /etc -name passwd -exec basename {} \\;", "passwd"),
    ("ls -E /etc/passwd | tr -s ' ' | cut -d ' ' -f 9", "/etc/passwd"),
    ("cat /nosuch 2>&1", "cat: /nosuch: No such file or directory"),
]
JSON = [
    # input, arguments, output, and exit status (github.com/trentm/json at 5.1.1)
    ('{"a": {"b": 1}}', "-a a", '{\n  "b": 1\n}\n', 0),
    ('{"a": ""}', "a", "", 0),
    ('{"a": ""}', "-a a", "\n", 0),
    ('{"a.b": 1}', "a.b", "", 0),
    ('{"a.b": 1}', "'[\"a.b\"]'", "1\n", 0),
    ('{"a": "x", "b": "y"}', "-j a", '"x"\n', 0),
    ('{"a": "x", "b": 1}', "-j a b", '{\n  "a": "x",\n  "b": 1\n}\n', 0),
    ('[{"a": "x"}]', "-ja a", '[\n  {\n    "a": "x"\n  }\n]\n', 0),
    ('[{"a": 1}, {"a": 2}]', "1.a", "2\n", 0),
    ('{"a": 1}\n{"a": 2}', "a", '{"a": 1}\n{"a": 2}\n', 1),  # not JSON: passed on
    ('{"a": 1}\n{"a": 2}', "-ga a", "1\n2\n", 0),
    ("no json", "a", "no json\n", 1),
    ("no json", "-q a", "no json\n", 1),
    ("", "a", "", 0),
    ('{"a": 1, "b": 2}', "-k", '[\n  "a",\n  "b"\n]\n', 0),
    ('{"a": [1, 2]}', "-o json-0", '{"a":[1,2]}\n', 0),
    ('{"a": "x"}', "-z a", "", 1),
]
EVALUATED = [
    # a line of /usbkey/config, and what config.sh -json makes of it (and of the next line)
    ("probe=plain", "plain", "next"),
    ("probe=a$x", "a", "next"),
    ('probe=a"b"c', "abc", "next"),
    ("probe='a b'", "a b", "next"),
    ("probe=a b", "", ""),
    ("probe=x # c", "x", ""),
    ('probe=a"b', "", ""),
]


@pytest.fixture(scope="module")
def operator() -> Iterator[Operator]:
    with living("--datacenters", "2") as shell:
        yield shell


def several(operator: Operator, lines: list[str]) -> list[tuple[int, str]]:
    """Type the lines one after the other over one connection; returns (exit status, both streams) of each."""
    script = "\n".join(f"( {line} ) </dev/null 2>&1; printf '\\n-- %s\\n' $?" for line in lines)
    parts = operator.on("my-dc-1", script)[1].split("\n-- ")
    codes = [int(part.partition("\n")[0]) for part in parts[1:]]
    texts = [parts[0], *(part.partition("\n")[2] for part in parts[1:-1])]
    return list(zip(codes, texts, strict=True))


def test_a_tool_refuses_what_illumos_refuses(operator: Operator) -> None:
    for (line, code, text), (found, said) in zip(REFUSED, several(operator, [row[0] for row in REFUSED]), strict=True):
        assert (found, said.splitlines()[-1]) == (code, text), line


def test_a_tool_takes_what_illumos_takes(operator: Operator) -> None:
    for (line, text), (_, said) in zip(TAKEN, several(operator, [row[0] for row in TAKEN]), strict=True):
        assert said.rstrip("\n") == text, line


def test_a_zone_has_the_same_tools(operator: Operator) -> None:
    code, said = operator.on("my-dc-1", "zlogin $(sdc-vmname ufds) 'grep -E x /etc/passwd'")
    assert (code, said) == (2, "grep: illegal option -- E\n")


def test_each_tool_with_options_is_strict() -> None:
    """A program of the host takes no options of GNU's, or is imitated elsewhere."""
    assert not set(STRICT) & set(PROGRAMS)
    assert set(PROGRAMS) == {"bash", "echo", "false", "kill", "openssl", "printf", "pwd", "sh", "sleep", "test", "true"}


def test_json_is_that_of_the_platform(operator: Operator) -> None:
    lines = [f"printf '%s' '{given}' | json {words} 2>/dev/null" for given, words, _, _ in JSON]
    for (given, words, text, code), found in zip(JSON, several(operator, lines), strict=True):
        assert found == (code, text), (given, words)


def with_config(line: str, *typed: str) -> str:
    """Type something while /usbkey/config has one more line, and another one after it."""
    return "\n".join(
        [
            "cp -p /usbkey/config /tmp/kept",
            f"cat >> /usbkey/config <<'END'\n{line}\nlast=next\nEND",
            *typed,
            "code=$?; cat /tmp/kept > /usbkey/config; rm -f /tmp/.config.json; exit $code",
        ]
    )


@pytest.mark.parametrize(("line", "value", "last"), EVALUATED, ids=[row[0] for row in EVALUATED])
def test_the_configuration_is_evaluated(operator: Operator, line: str, value: str, last: str) -> None:
    code, said = operator.on("my-dc-1", with_config(line, "bash /lib/sdc/config.sh -json 2>/dev/null"))
    found = json.loads(said)
    assert (code, found["probe"], found["last"]) == (0, value, last)


def test_what_reads_a_broken_configuration_fails_with_it(operator: Operator) -> None:
    """A lone quote leaves every setting empty. A quote within a value makes it invalid JSON."""
    wanted = {
        "sdc-napi /ping": (1, "error: sdc-napi: unable to find a 'sdc' core zone on this node"),
        "sdc-useradm keys admin": (1, "error: sdc-useradm: unable to find a 'sdc' core zone on this node"),
        "sapiadm get x": (1, "sapiadm get: error: connect ECONNREFUSED"),
        "sdc-vmname ufds": (1, "Unable to find UUID for admin."),
    }
    for line, (code, text) in wanted.items():
        found, said = operator.on("my-dc-1", with_config('probe=a"b', line))
        assert (found, said.splitlines()) == (code, [text]) or text in said.splitlines(), (line, found, said)
        assert found == code, line
    assert operator.on("my-dc-1", with_config('probe=a"b', "sdc-ldap search login=admin"))[0] == 2
    no_json = with_config("probe='a\"b'", "sdc-napi /ping")
    code, said = operator.on("my-dc-1", no_json)
    assert (code, "input is not JSON" in said) == (1, True), said
    assert operator.on("my-dc-1", with_config("probe='a\"b'", "sdc-vmname ufds"))[0] == 0  # it reads no JSON
    assert operator.on("my-dc-1", "sdc-napi /ping")[0] == 0


def test_sdc_ldap_says_who_it_is(operator: Operator) -> None:
    assert operator.on("my-dc-1", "sdc-ldap whoami") == (0, "dn:cn=root\n")


def test_sapiadm_calls_each_object_by_its_kind(operator: Operator) -> None:
    for kind, query in (
        ("application", "/applications?name=sdc"),
        ("service", "/services?name=sapi"),
        ("instance", "/instances"),
    ):
        line = f"sapiadm get $(sdc-sapi '{query}' | json -Ha uuid | head -1) | json type"
        assert operator.on("my-dc-1", line) == (0, f"{kind}\n"), query


def test_an_account_is_made_found_and_changed(operator: Operator) -> None:
    """sdc-useradm writes to the master, and reads what replication brought."""
    create = "sdc-useradm create login=bob email=bob@example.com userpassword=secret123 'cn=Bob van Dam'"
    code, said = operator.on("my-dc-2", create)
    assert code == 0, said
    uuid = said.split()[1]
    assert said == f'User {uuid} (login "bob") created\n'
    assert operator.on("my-dc-2", create)[0] == 1  # there already
    code, said = operator.on("my-dc-2", "sdc-useradm search bob; sdc-useradm search -H login=nosuch")
    assert [line.split()[:3] for line in said.splitlines()] == [
        ["UUID", "LOGIN", "EMAIL"],
        [uuid, "bob", "bob@example.com"],
    ]
    assert operator.on("my-dc-1", f"sdc-useradm replace-attr {uuid} phone 123")[1].endswith("(bob): phone=123\n")
    operator.lab("settle")
    found = json.loads(operator.on("my-dc-1", "sdc-useradm get bob")[1])
    assert (found["uuid"], found["phone"], found["sn"], found["givenname"]) == (uuid, "123", "Dam", "Bob van")
    assert operator.on("my-dc-1", "sdc-useradm get -l bob")[1].startswith(
        f"dn: uuid={uuid}, ou=users, o=smartdc\nuuid: {uuid}\n"
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("get nobody", "error (ResourceNotFound): nobody does not exist"),
        ("create x", 'error (Usage): invalid field arg "x": must match "<field>=<value>"'),
        ("create memberof=x", 'error (Usage): cannot set "memberof" in user creation'),
        ("search", "error (Usage): no search term(s) given"),
        ("search foo=bar", 'error: unknown filter field: "foo"'),
        ("search 'login<x'", 'error: "<" operator not supported, use "<="'),
    ],
)
def test_what_sdc_useradm_refuses(operator: Operator, line: str, said: str) -> None:
    assert operator.on("my-dc-1", f"sdc-useradm {line}") == (1, f"sdc-useradm {line.split()[0]}: {said}\n")
