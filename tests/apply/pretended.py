"""A pretended datacenter for az-checks apply: commands are typed into bash, and Triton's tools are stubs over a folder of files.

Everything that changes something leaves a line in `written`, so that a test can count.  It outlives a process that is killed.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from apply.door import Answer

STUB = """
import json, os, sys
here = os.environ["PRETEND"]
tool, words = os.path.basename(sys.argv[0]), sys.argv[1:]
state = json.load(open(here + "/state.json"))
def write(what):
    open(here + "/written", "a").write(what + "\\n")
    state["clock"] += 1
    json.dump(state, open(here + "/state.part", "w"))
    os.replace(here + "/state.part", here + "/state.json")
if tool == "sapiadm":
    held = state["sapi"].get(words[1])
    if held is None:
        print("no such object: " + words[1])
    elif words[0] == "get":
        print(json.dumps({"uuid": words[1], "metadata": held}, indent=4))
    else:
        change = json.load(sys.stdin)
        for key, value in change["metadata"].items():
            if change.get("action") == "delete":
                held.pop(key, None)
            else:
                held[key] = value
        write("sapiadm " + json.dumps(change, sort_keys=True))
elif tool == "svcprop":
    for fmri in words[words.index("-f") + 1:]:
        if fmri in state["smf"]:
            each = state["smf"][fmri]
            print(fmri + "/:properties/restarter/state astring " + each["state"])
            print(fmri + "/:properties/restarter/next_state astring none")
            print(fmri + "/:properties/restarter/start_method_timestamp time " + str(each["started"]))
elif tool == "svcadm":
    verb, fmris = words[2], words[3:]
    for fmri in fmris:
        each = state["smf"][fmri]
        if verb in ("restart", "clear", "enable"):
            each.update(state="online", started=state["clock"])
        else:
            each.update(state="disabled")
        if "config-agent" in fmri:
            state["file"] = dict(next(iter(state["sapi"].values())))
        write("svcadm " + verb + " " + fmri)
elif tool == "json":
    print(state["file"].get(words[0].rpartition(".")[2].replace("regionName", "region_name"), ""))
elif tool == "fuser":
    print(open(sys.argv[1]).read().strip())
"""
TOOLS = ("sapiadm", "svcprop", "svcadm", "json", "fuser")


class Pretended:
    """A door to one head node, whatever its name.  `spoils` may answer in place of a command that changes something."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.spoils: Callable[[str, Callable[[], Answer]], Answer] | None = None
        self.sent: list[str] = []

    @classmethod
    def made(cls, root: Path, state: dict[str, Any]) -> Pretended:
        """A new one."""
        for folder in ("bin", "var/run"):
            (root / folder).mkdir(parents=True)
        for name in TOOLS:
            (root / "bin" / name).write_text(f"#!{sys.executable} -IS\n{STUB}")
            (root / "bin" / name).chmod(0o755)
        (root / "state.json").write_text(json.dumps({"clock": 100, "file": {}, "sapi": {}, "smf": {}} | state))
        return cls(root)

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.root / "state.json").read_text())
        return found

    def somebody_sets(self, change: Callable[[dict[str, Any]], object]) -> None:
        """A colleague's change."""
        state = self.state
        change(state)
        (self.root / "state.json").write_text(json.dumps(state))

    @property
    def written(self) -> list[str]:
        file = self.root / "written"
        return file.read_text().splitlines() if file.exists() else []

    def run(self, datacenter: str, command: str, within: float) -> Answer:
        self.sent.append(command)

        def really() -> Answer:
            return self._run(command)

        changes = re.search(r"sapiadm update|svcadm", command) is not None
        return self.spoils(command, really) if self.spoils is not None and changes else really()

    def _run(self, command: str) -> Answer:
        text = command.replace("/var/run/", f"{self.root}/var/run/")
        text = re.sub(r"< /zones/\S+", "< /dev/null", text)
        environment = {"PRETEND": str(self.root), "PATH": f"{self.root}/bin:/usr/bin:/bin"}
        done = subprocess.run(
            ["bash", "-c", text], env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
        return Answer(done.returncode, done.stdout, done.stderr)
