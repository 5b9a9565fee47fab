"""Runs inside a healthy lab, and writes answers.json anew: what a head node answers to the reading commands of actions.

python -m lab -- python -m tests.remediate.answering
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from lab.plan.making import make_plan
from remediate.actions import Action, does
from remediate.actions.fwapi import FirewallSwitch, MadeRule
from remediate.actions.globalzone import GlobalRoute
from remediate.actions.key import AddKey
from remediate.actions.ldap import LdapAdd, LdapModify, Resend
from remediate.actions.network import NapiRoutes
from remediate.actions.sapi import SapiMetadata
from remediate.actions.smf import Smf
from remediate.actions.usbkey import UsbkeyConfig
from remediate.actions.vm import VmFirewall, VmRoutes
from remediate.actions.wait import Rendered
from tests.login import in_login

NAME = "my-dc-3"
NOBODY = "00000000-0000-4000-8000-000000000000"
ETC = "/opt/smartdc/binder/etc"
OPERATORS = "cn=operators, ou=groups, o=smartdc"
ADMIN = "uuid=930896af-bf8c-48d4-885c-6573a94b1853, ou=users, o=smartdc"


def typed(command: str) -> dict[str, Any]:
    done = subprocess.run(["ssh", NAME, in_login(command)], capture_output=True, text=True, check=False)
    return {"command": command, "exit": done.returncode, "out": done.stdout, "err": done.stderr}


def actions() -> dict[str, Action]:
    """One of each way to read, of what is there and of what is not."""
    here = make_plan().datacenter(NAME)
    zones = {role: here.zone(role).uuid for role in ("binder", "cloudapi", "ufds")}
    service = json.loads(typed("sdc-sapi --no-headers '/services?name=binder'")["out"])[0]["uuid"]
    rule = json.loads(typed("sdc-fwapi --no-headers /rules")["out"])[0]
    return {
        "sapi": SapiMetadata(service, {"x": "1"}),
        "sapi-nobody": SapiMetadata(NOBODY, {"x": "1"}),
        "napi": NapiRoutes(here.network_uuid("admin"), {"10.2.1.0/24": "10.3.1.1"}),
        "napi-nobody": NapiRoutes(NOBODY, {"10.2.1.0/24": "10.3.1.1"}),
        "rule": MadeRule(rule["uuid"], rule["rule"], NOBODY, "said"),
        "rule-nobody": MadeRule(NOBODY, "r", NOBODY, "said"),
        "switch": FirewallSwitch(rule["uuid"], False),
        "vm-routes": VmRoutes(zones["cloudapi"], {"10.2.2.29/32": "10.3.1.1"}),
        "vm-firewall": VmFirewall(zones["ufds"], True),
        "vm-nobody": VmFirewall(NOBODY, True),
        "smf": Smf(zones["ufds"], "restart", ("svc:/smartdc/application/ufds-master:*",)),
        "smf-global": Smf("", "enable", ("svc:/smartdc/agent/net-agent:default",)),
        "smf-nobody": Smf(zones["ufds"], "restart", ("svc:/nobody:default",)),
        "rendered": Rendered(zones["binder"], f"{ETC}/config.json", "recursion.regionName", "my-dc", 5.0),
        "rendered-nothing": Rendered(zones["binder"], f"{ETC}/nothing.json", "a", "my-dc", 5.0),
        "usbkey": UsbkeyConfig({"region_name": "my-dc", "ufds_is_master": "false"}),
        "group": LdapModify(OPERATORS, "add", "uniquemember", (ADMIN,)),
        "entry": LdapAdd("region=my-dc, o=smartdc", {"region": ("my-dc",)}),
        "entry-nobody": LdapAdd("region=nobody, o=smartdc", {"region": ("nobody",)}),
        "latest": Resend("region=my-dc, o=smartdc", "base"),
        "key": AddKey("admin", "n", "ssh-rsa AAAA", "aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99"),
        "route": GlobalRoute("10.2.2.0/24", "10.3.2.1"),
    }


def main() -> int:
    found = {
        name: {"action": msgspec.to_builtins(action), **typed(does(action).read())}
        for name, action in actions().items()
    }
    Path(__file__).with_name("answers.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
