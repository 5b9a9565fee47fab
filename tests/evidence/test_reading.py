"""region.yaml: correct files are read, and wrong ones are refused with file, line, reason and what to do."""

from __future__ import annotations

import pathlib

import pytest

from evidence.inventory.lines import LARGEST, DeclarationError
from evidence.inventory.model import Declared, Endpoint
from evidence.inventory.reading import read_inventory

GOOD = """\
master: my-dc-2
datacenters:
  my-dc-1: {headnode: root@192.0.2.10, region: my-dc}
  my-dc-2: {headnode: headnode-2, region: my-dc, ufds_address: 192.0.2.29}
  my-dc-3: {headnode: headnode-3, region: other, state: candidate}
"""


def written(folder: pathlib.Path, text: str | bytes) -> pathlib.Path:
    path = folder / "region.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_everything_is_read(tmp_path: pathlib.Path) -> None:
    more = """\
dns_domain: srv.example.com
expect: {manta: true, replication_lag: 60s, clock_skew: 1500ms, patience: 2m, ufds_connections: 4}
timeouts: {connect: 2, command: 2.5, run: "90"}
waivers: waivers.yaml
notify_command: mail -s verdict root
keep: 30
"""
    (tmp_path / "waivers.yaml").write_text("")
    read = read_inventory(written(tmp_path, GOOD + more))
    assert read.master == "my-dc-2"
    assert read.datacenters["my-dc-2"] == Declared("my-dc-2", "headnode-2", "my-dc", "master", "192.0.2.29")
    assert [one.state for one in read.datacenters.values()] == ["replica", "master", "candidate"]
    assert read.regions == {"my-dc": ("my-dc-1", "my-dc-2"), "other": ("my-dc-3",)}
    assert (read.expect.manta, read.expect.replication_lag, read.expect.clock_skew) == (True, 60.0, 1.5)
    assert (read.expect.patience, read.expect.ufds_connections) == (120.0, 4)
    assert (read.timeouts.connect, read.timeouts.command, read.timeouts.run) == (2.0, 2.5, 90.0)
    assert (read.dns_domain, read.waivers, read.notify_command) == (
        "srv.example.com",
        "waivers.yaml",
        "mail -s verdict root",
    )
    assert (read.keep, read.path) == (30, str(tmp_path / "region.yaml"))


@pytest.mark.parametrize(
    ("named", "read"),
    [
        ("headnode-3", "headnode-3"),
        ("root@headnode-3", "root@headnode-3"),
        ("root@192.0.2.9:2201", "ssh://root@192.0.2.9:2201"),
        ("headnode-3:22", "ssh://headnode-3:22"),
        ("root@[::1]:2201", "ssh://root@[::1]:2201"),
        ("root@[2001:db8::9]", "root@2001:db8::9"),
        ("2001:db8::9", "2001:db8::9"),
        ("root@fe80::1%eth0", "root@fe80::1%eth0"),
        ("ssh://root@headnode-3:2201", "ssh://root@headnode-3:2201"),
        ("ssh://root@headnode-3/", "root@headnode-3"),
    ],
)
def test_a_headnode_is_named_as_ssh_takes_it(tmp_path: pathlib.Path, named: str, read: str) -> None:
    """A port is allowed only in ssh://…, because printed commands hold the name as it is."""
    text = GOOD.replace("headnode: headnode-3", f'headnode: "{named}"')
    assert read_inventory(written(tmp_path, text)).datacenters["my-dc-3"].headnode == read


@pytest.mark.parametrize(
    "named",
    ["root@-x", "-x", "a b", "h:", "h:0", "h:65536", "h/", "[h]:22", "root@", "ssh://", "a;b", "$(a)", "http://h"],
)
def test_what_is_no_headnode(tmp_path: pathlib.Path, named: str) -> None:
    with pytest.raises(DeclarationError, match="write HOST, USER@HOST or ssh://"):
        read_inventory(written(tmp_path, GOOD.replace("headnode: headnode-3", f'headnode: "{named}"')))


def test_endpoints_in_place_of_a_headnode(tmp_path: pathlib.Path) -> None:
    named = 'endpoints: {ufds: "ldaps://[2001:db8::1]", sapi: "http://h:8080/", binder: "dns://10.0.0.1"}'
    read = read_inventory(written(tmp_path, GOOD.replace("headnode: headnode-3", named))).datacenters["my-dc-3"]
    assert read.headnode == ""
    assert read.endpoints == {
        "binder": Endpoint("10.0.0.1", 53),
        "sapi": Endpoint("h", 8080),
        "ufds": Endpoint("2001:db8::1", 636),
    }


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nmaster: my-dc-2\n"
REFUSED = {
    "empty": ("", 1, "is empty"),
    "only a comment": ("# nothing\n", 1, "is empty"),
    "not a mapping": ("- a\n", 1, "not a mapping"),
    "not YAML": ("master: [\nb: }\n", 2, "is not YAML"),
    "tab": ("master: my-dc-2\n\tdatacenters: {}\n", 2, "is not YAML"),
    "control character": ("master: a\nb: \x07\n", 2, "control character"),
    "not UTF-8": (b"master: a\nb: \xff\n", 2, "not UTF-8"),
    "bomb": (BOMB, 1, "anchors"),
    "alias": ("master: x\nb: *a\n", 2, "anchors"),
    "two documents": (GOOD + "---\na: b\n", 6, "second document"),
    "deep": ("master:\n" + "a: [" + "[" * 50 + "]" * 51, 2, "nested too deeply"),
    "too large": ("# " + "x" * LARGEST, 1, "larger than 1 MiB"),
    "python object": ("master: !!python/object/apply:os.system [ls]\n" + GOOD[16:], 1, "is a list"),
    "unknown key": (GOOD + "datacentres: {}\n", 6, "unknown key 'datacentres'"),
    "unknown key below": (GOOD + "expect: {mantra: true}\n", 6, "expect has the unknown key 'mantra'"),
    "merge key": (GOOD + "<<: {a: b}\n", 6, "<<"),
    "duplicate key": (GOOD + "master: my-dc-1\n", 6, "twice (first on line 1)"),
    "duplicate datacenter": (GOOD + "  my-dc-1: {headnode: x, region: my-dc}\n", 6, "twice (first on line 3)"),
    "key that is no text": (GOOD + "  1: {headnode: x, region: my-dc}\n", 6, "in quotes"),
    "key that is yes": (GOOD + "  no: {headnode: x, region: my-dc}\n", 6, "in quotes"),
    "master list": (GOOD.replace("my-dc-2", "[my-dc-1, my-dc-2]", 1), 1, "exactly one UFDS master"),
    "master missing": (GOOD[16:], 1, "lacks `master`"),
    "master not listed": (GOOD.replace("my-dc-2", "my-dc-9", 1), 1, "not listed"),
    "master a candidate": (GOOD.replace("ufds_address: 192.0.2.29", "state: candidate"), 4, "cannot be a candidate"),
    "state master": (GOOD.replace("candidate", "master"), 5, "by the key `master` alone"),
    "state unknown": (GOOD.replace("candidate", "primary"), 5, "replica or candidate"),
    "no datacenters": ("master: a\n", 1, "lacks `datacenters`"),
    "datacenters empty": ("master: a\ndatacenters: {}\n", 2, "is empty"),
    "datacenters null": ("master: a\ndatacenters:\n", 2, "not a mapping"),
    "datacenters a list": ("master: a\ndatacenters: [a, b]\n", 2, "a list, not a mapping"),
    "one head node twice": (GOOD.replace("headnode-3", "headnode-2"), 5, "the same headnode"),
    "one head node twice, as a URL": (GOOD.replace("headnode-3", '"ssh://root@headnode-2"'), 5, "the same headnode"),
    "one head node twice, as another user": (GOOD.replace("headnode-3", "admin@headnode-2"), 5, "the same headnode"),
    "no headnode": (GOOD.replace("headnode: headnode-3, ", ""), 5, "lacks `headnode`"),
    "no region": (GOOD.replace(", region: other", ""), 5, "lacks `region`"),
    "option as headnode": (GOOD.replace("headnode-3", '"-oProxyCommand=x"'), 5, "USER@HOST"),
    "name with a slash": (GOOD.replace("  my-dc-1:", "  my/dc:"), 3, "other characters"),
    "name with a dot": (GOOD.replace("  my-dc-1:", "  my.dc:"), 3, "other characters"),
    "region with a space": (GOOD.replace("region: other", "region: my dc"), 5, "letters, digits"),
    "region a number": (GOOD.replace("region: other", "region: 1"), 5, "in quotes"),
    "address a name": (GOOD.replace("192.0.2.29", "ufds.example.com"), 4, "IP address"),
    "duration": (GOOD + "timeouts: {run: soon}\n", 6, "write a duration"),
    "negative duration": (GOOD + "timeouts: {run: -1s}\n", 6, "write a duration"),
    "no time": (GOOD + "timeouts:\n  connect: 0s\n", 7, "from 0.1s"),
    "infinite": (GOOD + "timeouts: {run: .inf}\n", 6, "write a duration"),
    "boolean": (GOOD + "expect: {manta: 1}\n", 6, "true, false or planned"),
    "number": (GOOD + "keep: many\n", 6, "whole number"),
    "endpoints beside a headnode": (
        GOOD.replace("state: candidate", "endpoints: {ufds: ldaps://x}"),
        5,
        "a headnode and",
    ),
    "endpoints empty": (GOOD.replace("headnode: headnode-3", "endpoints: {}"), 5, "is empty"),
    "endpoint unknown": (GOOD.replace("headnode: headnode-3", "endpoints: {moray: x}"), 5, "unknown key 'moray'"),
    "endpoint of another scheme": (
        GOOD.replace("headnode: headnode-3", 'endpoints: {ufds: "ldap://x"}'),
        5,
        "ldaps://HOST",
    ),
    "endpoint with a path": (GOOD.replace("headnode: headnode-3", 'endpoints: {sapi: "http://x/y"}'), 5, "http://HOST"),
    "endpoint with a user": (
        GOOD.replace("headnode: headnode-3", 'endpoints: {sapi: "http://u:p@x"}'),
        5,
        "http://HOST",
    ),
    "endpoint with no port": (
        GOOD.replace("headnode: headnode-3", 'endpoints: {binder: "dns://x:0"}'),
        5,
        "dns://HOST",
    ),
    "one endpoint twice": (
        GOOD.replace("headnode: headnode-3", 'endpoints: {sapi: "http://x"}').replace(
            "headnode: root@192.0.2.10", 'endpoints: {sapi: "http://x:80/"}'
        ),
        5,
        "the same endpoint",
    ),
    "domain": (GOOD + "dns_domain: example..com\n", 6, "write a DNS name"),
    "quotes of a command": (GOOD + "notify_command: mail -s 'verdict\n", 6, "its quotes do not match"),
    "no command": (GOOD + "notify_command: '\"\"'\n", 6, "write a command and its words"),
    "Manta nowhere": (GOOD + "expect: {manta: []}\n", 6, "is an empty list"),
    "Manta in an unknown datacenter": (GOOD + "expect: {manta: [my-dc-9]}\n", 6, "which is not listed"),
    "Manta in another region": (GOOD + "expect: {manta: [my-dc-2, my-dc-3]}\n", 6, "not in the master's region"),
    "Manta in no datacenter's name": (GOOD + "expect: {manta: [a b]}\n", 6, "only letters"),
    "outside": (GOOD + "expect: {outside: maybe}\n", 6, "write true or false"),
    "text that is none": (GOOD + "waivers: [a]\n", 6, "not text"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_is_refused_with_line_and_advice(tmp_path: pathlib.Path, case: str) -> None:
    text, line, reason = REFUSED[case]
    path = written(tmp_path, text)
    with pytest.raises(DeclarationError) as caught:
        read_inventory(path)
    assert str(caught.value).startswith(f"{path}:{line}: "), str(caught.value)
    assert reason in str(caught.value)
    assert " — " in str(caught.value), "says what to do"


def test_a_file_that_cannot_be_read(tmp_path: pathlib.Path) -> None:
    for path in (tmp_path / "none.yaml", pathlib.Path("a\0b")):
        with pytest.raises(DeclarationError, match="cannot be read"):
            read_inventory(path)


ODD = {
    "a region with a datacenter's name": GOOD.replace("region: my-dc", "region: my-dc-1"),
    "a region called coupling": GOOD.replace("region: other", "region: coupling"),
    "users of one bastion": GOOD.replace("root@192.0.2.10", "dc1@bastion").replace("headnode-3", "dc2@bastion"),
    "a user with a plus": GOOD.replace("root@192.0.2.10", "first.last+ops@h"),
    "a domain with a final dot": GOOD + "dns_domain: srv.example.com.\n",
    "Manta in some": GOOD + "expect: {manta: [my-dc-2]}\n",
}


@pytest.mark.parametrize("case", ODD)
def test_what_is_odd_is_read(tmp_path: pathlib.Path, case: str) -> None:
    read = read_inventory(written(tmp_path, ODD[case]))
    assert sorted(read.datacenters) == ["my-dc-1", "my-dc-2", "my-dc-3"]
    assert read.dns_domain in ("", "srv.example.com")


def test_manta_may_be_in_some_datacenters_and_its_line_is_known(tmp_path: pathlib.Path) -> None:
    read = read_inventory(written(tmp_path, GOOD + "expect:\n  manta: [my-dc-2, my-dc-1]\n  outside: false\n"))
    assert (read.expect.manta, read.expect.outside) == (("my-dc-1", "my-dc-2"), False)
    assert read.place("expect.manta").endswith(":7")
