"""A pretended head node for the commands of remedies: bash with stubs of Triton's tools, whose UFDS and SAPI are files.

Any tool can be made to fail as real ones do: no answer, half an answer, an error with exit status 0.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

LDAP = """
import os, sys
here = os.environ["PRETEND"]
verb, *words = sys.argv[1:]
mode = open(here + "/ldap.mode").read()
if mode == "dead":
    sys.exit("ldap_sasl_bind(SIMPLE): Can't contact LDAP server (-1)")
blocks = [b for b in open(here + "/ufds.ldif").read().split("\\n\\n") if b.strip()]
entries = {b.splitlines()[0].partition(": ")[2]: b for b in blocks}
if verb == "search":
    base = words[words.index("-b") + 1]
    found = {dn: b for dn, b in entries.items() if dn == base or dn.endswith(", " + base)}
    if mode == "empty":
        sys.exit(0)
    if not found:
        print("No such object (32)", file=sys.stderr)
        sys.exit(32)
    names = words[words.index("(objectclass=*)") + 1:]
    listed = list(found.values())
    for block in listed[: 1 if mode == "cut" else None]:
        lines = block.splitlines()
        print("\\n".join(lines[:1] + [x for x in lines[1:] if not names or x.split(":")[0] in names]) + "\\n")
    sys.exit(255 if mode == "cut" else 0)
if verb == "delete":
    (dn,) = words
    open(here + "/deleted", "a").write(dn + "\\n")
    if any(other.endswith(", " + dn) for other in entries):
        sys.exit(66)
    entries.pop(dn)
    open(here + "/ufds.ldif", "w").write("".join(b.strip() + "\\n\\n" for b in entries.values()))
"""
SAPI = """
import json, os, sys
here = os.environ["PRETEND"]
path = sys.argv[2] if sys.argv[1] == "--no-headers" else sys.argv[1]
mode = json.load(open(here + "/sapi.mode"))
objects = json.load(open(here + "/sapi.json"))
kind, _, rest = path[1:].partition("?") if "?" in path else path[1:].partition("/")
if kind in mode:
    text, code = mode[kind]
    sys.stdout.write(text)
    sys.exit(code)
if "DELETE" in sys.argv:
    objects[kind] = [o for o in objects[kind] if o["uuid"] != rest]
    json.dump(objects, open(here + "/sapi.json", "w"))
elif "?" in path:
    key, _, value = rest.partition("=")
    print(json.dumps([o for o in objects[kind] if o.get(key) == value], indent=2))
else:
    print(json.dumps(next(o for o in objects[kind] if o["uuid"] == rest), indent=2))
"""
JSON = """
import json, sys
words = sys.argv[1:]
text = open(words[words.index("-f") + 1]).read() if "-f" in words else sys.stdin.read()
try:
    value = json.loads(text)
except ValueError:
    sys.exit("json: error: input is not JSON")
if words[:1] == ["-a"]:
    print("".join(f"{o.get(words[1], '')}\\n" for o in value), end="")
elif words and words[0] != "-f":
    print(value.get(words[0], ""))
"""
DATE = "#!/usr/bin/env bash\nnumber=$(( $(< $PRETEND/clock) + $(< $PRETEND/tick) )); echo $number >| $PRETEND/clock\n"
DATE += "printf '20260101T%06dZ\\n' $number\n"


class HeadNode:
    """Its files lie below `root`. Commands for /var/az-copies and /var/tmp (or /root, once) run there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.copies = root / "var/az-copies"
        for folder in ("bin", "var/tmp", "var/sdcadm", "root", "tmp"):
            (root / folder).mkdir(parents=True)
        for name, text in (("sdc-ldap", LDAP), ("sdc-sapi", SAPI), ("json", JSON)):
            self._program(name, f"#!{sys.executable} -IS\n{text}")
        self._program("date", DATE)
        self._program("nawk", '#!/usr/bin/env bash\nexec awk "$@"\n')
        for name, text in (("ldap.mode", ""), ("sapi.mode", "{}"), ("clock", "0"), ("tick", "1"), ("deleted", "")):
            (root / name).write_text(text)

    def _program(self, name: str, text: str) -> None:
        (self.root / "bin" / name).write_text(text)
        (self.root / "bin" / name).chmod(0o755)

    def has(self, *blocks: str) -> None:
        """Set what its UFDS holds."""
        (self.root / "ufds.ldif").write_text("".join(f"{block}\n\n" for block in blocks))

    def answers(self, **modes: tuple[str, int]) -> None:
        """Set what SAPI answers instead of a list, and with which exit status."""
        (self.root / "sapi.mode").write_text(json.dumps(modes))

    def ldap(self, mode: str) -> None:
        """Set the state of its UFDS: dead, empty, cut (half an answer), or well again."""
        (self.root / "ldap.mode").write_text(mode)

    def type(self, command: str) -> subprocess.CompletedProcess[str]:
        """Type a printed command."""
        command = re.sub(r"(?<=[ =(])/(?=(var|root|tmp)/)", f"{self.root}/", command)
        path = f"{self.root}/bin:/usr/bin:/bin"
        return subprocess.run(
            ["bash"],
            input=command,
            text=True,
            capture_output=True,
            check=False,
            env={"PRETEND": str(self.root), "PATH": path},
        )

    def dns(self, file: Path | None = None) -> list[str]:
        """The DNs in a file, or in its UFDS."""
        lines = (file or self.root / "ufds.ldif").read_text().splitlines()
        return [line.removeprefix("dn: ") for line in lines if line.startswith("dn: ")]

    def kept(self, pattern: str = "*Z*") -> dict[str, bytes]:
        """The copies, by name, wherever they are."""
        folders = [folder for folder in (self.copies, self.root / "root") if folder.is_dir()]
        found = [file for folder in folders for file in folder.glob(pattern) if file.suffix != ".part"]
        return {file.name: file.read_bytes() for file in sorted(found)}
