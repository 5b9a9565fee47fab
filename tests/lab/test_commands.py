"""What commands of Triton say when they are typed like in the seed, wrongly, or with options that the lab does not imitate.

All of it runs in one living lab.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.operator import Operator, living

CLOUDAPI = "$(sdc-vmname cloudapi)"
SAPI = "$(sdc-sapi /services?name=sapi | json -Ha uuid)"
NOT_IMITATED = (
    "sdcadm self-update", "sdcadm check-health --frob", "sdcadm check-config -x", "sdc-healthcheck -h", "manta-adm alarm show",
    "manta-oneach -G -s webapi true", "sdc-useradm create -i", "sdc-useradm keys -n x admin", "sdc-login -s ufds",
    "vmadm create", "vmadm lookup -p", f"vmadm update {CLOUDAPI} alias=x", f"echo '{{\"alias\":1}}' | vmadm update {CLOUDAPI}",
    f"zlogin -z {CLOUDAPI} true", "svcs -y", "svcadm mark maintenance x", "svcadm restart -d x", "svcprop -q x", "svccfg export x",
    "netstat -an", "route monitor", "ping -c 1 10.1.1.1", "nc -k x 1", "dig -b 1 x", "curl --frob x", "sdc-sapi /ping --frob",
    "sapiadm showapp sdc", "sapiadm -v get x", "echo '[]' | sapiadm update x", "json -e 1", "sdc-ldap search -Q x",
    "sdc-usbkey frob", "sdc-backup", "zlogin $(sdc-vmname manta) /opt/smartdc/bin/manta-shardadm frob",
)  # fmt: skip
SAID = [
    # the end of the line, and its exit status
    ("sapiadm get x", 0, "no such object: x\n"),
    ("echo '{}' | sapiadm update x", 0, "no such object: x\n"),
    ("sapiadm update x key", 1, "sapiadm update: error: invalid syntax\n"),
    ("sapiadm update x key=value", 1, "error: missing update type\n"),
    ("sapiadm update x tags.key=value", 1, 'error: invalid type (must be one of "params", "metadata", or "manifests")\n'),
    ("sapiadm update x metadata.a.b=1 2>&1 | cut -c1-55", 0, "error: fields cannot be complex objects\n"),
    ("echo nope | sapiadm update x", 1, "sapiadm update: error: input is invalid JSON\n"),
    ("sapiadm update x metadata.a=1 metadata.b=2 | head -1", 0, "Update a SAPI object.\n"),
    (f"U={SAPI}; sapiadm update $U metadata.k=a=b; sapiadm get $U | json metadata.k", 0, "a\n"),
    (f"U={SAPI}; echo '{{\"metadata\":{{\"k\":\"a=b\"}}}}' > /tmp/u; sapiadm update -f /tmp/u $U; sapiadm get $U | json metadata.k",
     0, "a=b\n"),
    (f"U={SAPI}; sapiadm update $U metadata.k=; sapiadm get $U | json -a metadata.k", 0, "\n"),
    ("sapiadm update x -f /nosuch", 1, "/nosuch: No such file or directory\n"),
    ("vmadm lookup -1 tags.smartdc_role=nosuch", 1, "Requested unique lookup but found 0 results.\n"),
    ("vmadm get nosuch", 1, "No such zone: nosuch\n"),
    (f"echo '{{\"set_routes\":{{\"x\":\"10.1.1.1\"}}}}' | vmadm update {CLOUDAPI}", 1, "Invalid value(s) for: set_routes\n"),
    (f"echo '{{\"set_routes\":[1]}}' | vmadm update {CLOUDAPI}", 1, "Invalid value(s) for: set_routes\n"),
    (f"echo '{{\"remove_routes\":[\"x\"]}}' | vmadm update {CLOUDAPI}", 1, "Invalid value(s) for: remove_routes\n"),
    (f"echo '{{\"set_routes\":{{\"10.9.9.0/24\":\"10.77.1.1\"}}}}' | vmadm update {CLOUDAPI} 2>&1; vmadm get {CLOUDAPI} | grep -c 10.9.9",
     1, "gateway.\n0\n"),
    (f"vmadm update {CLOUDAPI} -f /nosuch", 1, "/nosuch: No such file or directory\n"),
    (f"zlogin {CLOUDAPI} exit 7", 7, ""),
    ("zlogin nosuch true", 1, "zone 'nosuch' unknown\n"),
    (f"echo hi | zlogin -n {CLOUDAPI} cat", 0, ""),
    (f"echo 'cd /opt/smartdc/cloudapi/etc; pwd' | zlogin {CLOUDAPI}", 0, "/opt/smartdc/cloudapi/etc\n"),
    ("sdcadm check-health cloudapi nosuch", 1, "check-health: error: unrecognized service or instance: nosuch\n"),
    ("sdcadm check-health -H cloudapi0 | wc -l | tr -d ' '", 0, "2\n"),
    ("sdcadm check-health -q cloudapi", 0, ""),
    ("sdc-healthcheck | head -1", 0, "ZONE                                 STATE           AGENT               STATUS\n"),
    ("sdc-healthcheck | sed -n 5p", 0, "cloudapi                             running         -                   online\n"),
    ("route -n get default | sed -n 2p", 0, "destination: default\n"),
    (f"zlogin {CLOUDAPI} 'route -p add 10.9.7.0 -netmask 255.255.255.0 10.1.1.1'", 0,
     "add persistent net 10.9.7.0/255.255.255.0: gateway 10.1.1.1\n"),
    (
        "netstat -rnv -f inet | sed -n 3p", 0,
        "  Destination             Mask           Gateway          Device  MTU  Ref Flg  Out  In/Fwd \n",
    ),
    ("netstat -rn | sed -n 3p", 0, "Destination           Gateway           Flags  Ref     Use     Interface \n"),
    ("json -f /nosuch a", 1, "could not read \"/nosuch\": Error: ENOENT, no such file or directory '/nosuch'\n"),
    ("sdc-ldap | head -1", 0, "wrapper around ldap* commands for this datacenter's LDAP\n"),
    ("sdc-ldap frob", 1, "sdc-ldap: error: unknown command 'frob'\n"),
    ("sdc-useradm keys admin | tr -s ' ' | cut -c1-15", 0, "NAME FINGERPRIN\nid_rsa 5c:e9:f9\nmy-dc-1 sdc key\n"),
    (f"sdc-useradm add-key admin /zones/{CLOUDAPI}/root/root/.ssh/sdc.id_rsa.pub", 1, " already exists\n"),
    ("sdc-useradm add-key admin /nosuch.pub", 1, "error (ENOENT): No such file or directory, open '/nosuch.pub'\n"),
    ("sdc-useradm delete-key admin nosuch", 1, "error (ResourceNotFound): nosuch does not exist\n"),
    ("sdc-login c true", 1, "fatal error: Found 2 VMs but stdin is not a TTY\n"),
    ("cd /zones/$(sdc-vmname binder)/root/opt/smartdc/binder/etc; less config.json | sed -n 3p", 0, '"datacenterName": "my-dc-1",\n'),
    ("manta-oneach -s webapi 'svcadm restart \"*muskie*\"'", 1, "manta-oneach: no matching zones found\n"),
    ("sdc-napi /networks/admin -X PUT -d '{\"routes\":{\"x\":\"10.1.1.1\"}}' | json -H message errors.0.message errors.0.invalid.0", 0,
     "Invalid parameters\ninvalid route\nx\n"),
    ("sdc-napi /networks/admin -X PUT -d '{\"routes\":{\"10.9.9.0/24\":1,\"y\":\"10.1.1.1\"}}' | json -H errors.0.message", 0,
     "invalid routes\n"),
    ("timeout 1 true", 127, "timeout: command not found\n"),
]  # fmt: skip


@pytest.fixture(scope="module")
def operator() -> Iterator[Operator]:
    with living("--uncoupled", "--datacenters", "2") as shell:
        yield shell


def test_what_is_not_imitated_says_so(operator: Operator) -> None:
    script = "\n".join(f"( {line} ) 2>&1 </dev/null | tail -1; echo ${{PIPESTATUS[0]}}" for line in NOT_IMITATED)
    said = operator.on("my-dc-1", script)[1].splitlines()
    for line, text, code in zip(NOT_IMITATED, said[::2], said[1::2], strict=True):
        assert (code, "lab" in text) == ("127", True), (line, text, code)


@pytest.mark.parametrize(("line", "code", "said"), SAID, ids=[line for line, _, _ in SAID])
def test_what_is_said(operator: Operator, line: str, code: int, said: str) -> None:
    found = operator.on("my-dc-1", line)
    assert found[0] == code, found
    assert found[1].endswith(said), found


def test_a_login_asks_which_zone_is_meant(operator: Operator) -> None:
    question = "Choose a number [0-1]: "
    code, said = operator.answers("my-dc-1", "sdc-login c zonename", [(question, "9\n"), (question, "1\n")])
    assert code == 0
    assert said.endswith(operator.on("my-dc-1", f"echo {CLOUDAPI}")[1])


def test_who_logs_in_to_cloudapi_has_its_commands(operator: Operator) -> None:
    line = (
        "key=$(json -f /zones/$(sdc-vmname sdc)/root/opt/smartdc/sdc/etc/config.json sdc_key_id); "
        'echo "sdc-listdatacenters --account admin --keyId $key --url https://cloudapi.my-dc-1.srv.example.com" | '
        f"zlogin {CLOUDAPI}"
    )
    assert operator.on("my-dc-1", line) == (0, '{\n  "my-dc-1": "https://cloudapi.my-dc-1.srv.example.com"\n}\n')


def test_a_route_that_no_zone_can_have_leaves_net_agent_alive(operator: Operator) -> None:
    routes = "sdc-napi /networks/admin -X PUT -d '{\"routes\": %s}' | head -1 | tr -d '\\r'; vmadm get %s | json routes | tr -d ' \\n'"
    here, there = '{"10.9.9.0/24":"10.77.1.1","10.9.8.0/24":"10.1.1.1"}', '{"10.9.8.0/24":"10.1.1.1"}'
    assert operator.on("my-dc-1", routes % (here, CLOUDAPI))[1].startswith("HTTP/1.1 200 OK\n")
    operator.lab("settle")
    assert operator.on("my-dc-1", f"vmadm get {CLOUDAPI} | json routes | tr -d ' \\n'") == (0, there)


def test_a_host_route_goes_as_it_came(operator: Operator) -> None:
    change = "echo '{\"%s\": %s}' | vmadm update $(sdc-vmname binder) 2>/dev/null; "
    line = (
        change % ("set_routes", '{"10.9.7.7":"10.1.1.1"}')
        + "zlogin $(sdc-vmname binder) netstat -rn | grep -c 10.9.7.7; "
    )
    line += change % ("remove_routes", '["10.9.7.7"]') + "zlogin $(sdc-vmname binder) netstat -rn | grep -c 10.9.7.7"
    assert operator.on("my-dc-1", f"svcadm disable net-agent; {line}; svcadm enable net-agent")[1].split() == ["1", "0"]


def test_a_full_disk_is_told_in_one_line(operator: Operator) -> None:
    full = "mount -o remount,size=$(( $(df -k --output=used /run | tail -1) ))k /run"
    typed = "python -m lab fault sdcadm-config@my-dc-1; code=$?; mount -o remount,size=50% /run; exit $code"
    code, said = operator.types(f"bash -c '{full}; {typed}'")
    assert (code, said.splitlines()) == (3, ["lab: [Errno 28] No space left on device"])
