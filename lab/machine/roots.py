"""The file trees of head nodes and zones: our own on a tmpfs, with the host's libraries and programs below /.lab.

One directory SHARED holds read-only bind mounts of the host's parts (libraries, programs, the Python that runs the stub, /dev, /proc). It
is bound into every tree as /.lab. The rest of a tree is symbolic links into it, and files of its own. A zone's tree is below its head
node's, at /zones/UUID/root, as in Triton. PATH is an allow-list of what SmartOS has: no `timeout`, no `seq`, no GNU `ping -c`. Its tools
refuse the options that illumos's refuse (`strict`).
"""

from __future__ import annotations

import ctypes
import os
import pathlib
import shutil
import sys
from collections.abc import Iterable
from typing import Any

from lab.plan import files
from lab.plan.datacenters import Datacenter, Zone

RUN = pathlib.Path("/run/lab")
SCRIPTS = files.HERE / "programs"
"""Triton's commands that are shell scripts, and files of SmartOS's. They are scripts here too, so they can be stopped anywhere."""
SHARED = RUN / "shared"
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC = 1, 32, 4096, 16384
# The flags of statvfs that a user namespace must not clear when it remounts: nosuid, nodev, noexec.
LOCKED = os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC
SSH_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
"""The PATH of a command over SSH, which reads no profile: facts, "The way in"."""
ZLOGIN_PATH = "/usr/sbin:/usr/bin"
LOGIN_PATH = "/usr/bin:/usr/sbin:/smartdc/bin:/opt/smartdc/bin:/opt/local/bin:/opt/local/sbin:/opt/smartdc/agents/bin"
"""The PATH of a login: smartos-live:overlay/generic/root/.profile."""
_COMMANDS = files.read_json("commands.json")
PROGRAMS: list[str] = _COMMANDS["of_the_host"]
STRICT: dict[str, dict[str, Any]] = files.read_json("tools.json")
"""The options of illumos's tools, from illumos-gate:usr/src/cmd (2021). `lacking`: what only illumos's own can do."""
IN_EVERY_ZONE: dict[str, list[str]] = _COMMANDS["in_every_zone"]
IN_ZONES_OF: dict[str, dict[str, list[str]]] = _COMMANDS["in_zones_of"]
ON_HEADNODES: dict[str, list[str]] = _COMMANDS["on_headnodes"]
ON_COMPUTE_NODES: dict[str, list[str]] = _COMMANDS["on_compute_nodes"]
_libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: str, kind: str | None, flags: int = 0, options: str | None = None) -> None:
    """mount(2)."""
    given = [None if text is None else text.encode() for text in (source, target, kind, options)]
    if _libc.mount(given[0], given[1], given[2], ctypes.c_ulong(flags), given[3]) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"mount {source} on {target}: {os.strerror(code)}")


def _bind(source: str, target: pathlib.Path, *, writable: bool = False) -> None:
    target.mkdir(parents=True, exist_ok=True)
    mount(source, str(target), None, MS_BIND | MS_REC)
    if not writable:
        locked = os.statvfs(target).f_flag & LOCKED
        mount("none", str(target), None, MS_REMOUNT | MS_BIND | MS_RDONLY | locked)


def python_inside() -> tuple[str | None, str]:
    """The prefix to bind as /.lab/python (None if it is /usr), and the interpreter's path within a tree.

    `sys._base_executable` and base_prefix name the real interpreter, not a venv's link or a version manager's shim.
    """
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if os.path.realpath(sys.base_prefix) == "/usr":
        return None, f"/.lab/bin/{name}"
    return sys.base_prefix, f"/.lab/python/bin/{name}"


def make_shared() -> None:
    """Make SHARED: bin, lib, lib64 … and python (the host's, read-only), dev, proc, and the stub."""
    for part in ("bin", "lib", "lib64", "lib32"):
        if pathlib.Path("/usr", part).is_dir():
            _bind(f"/usr/{part}", SHARED / part)
    prefix, interpreter = python_inside()
    if prefix is not None:
        _bind(prefix, SHARED / "python")
    _bind("/dev", SHARED / "dev", writable=True)
    _bind("/proc", SHARED / "proc", writable=True)
    stub = pathlib.Path(__file__).with_name("stub.py").read_text(encoding="utf-8")
    (SHARED / "stub").write_text(f"#!{interpreter} -IS\n{stub}", encoding="utf-8")
    (SHARED / "stub").chmod(0o755)
    (SHARED / "tools").mkdir()
    for name in STRICT:
        found = shutil.which("awk" if name == "nawk" else name, path="/usr/bin:/bin")
        if found:
            (SHARED / "tools" / name).symlink_to(f"/.lab/bin/{pathlib.Path(found).resolve().name}")
    (SHARED / "strict").write_text(f"#!/.lab/bin/bash\n{_tables()}{(SCRIPTS / 'strict').read_text('utf-8')}", "utf-8")
    (SHARED / "strict").chmod(0o755)


def _tables() -> str:
    """The table of options as the script's own lines."""
    lines = [
        f"    {name}) options='{tool['options']}' lacking='{tool.get('lacking', '')}' code={tool.get('code', 1)} ;;\n"
        for name, tool in STRICT.items()
    ]
    return f"case ${{0##*/}} in\n{''.join(lines)}esac\n"


def _link(root: pathlib.Path, path: str, to: str) -> None:
    where = root / path
    if not where.is_symlink():
        where.symlink_to(to)


def _libraries(root: pathlib.Path) -> None:
    """Make /lib as a directory of ours, because /lib/sdc/config.sh is in it."""
    (root / "lib").mkdir()
    source = pathlib.Path("/usr/lib" if pathlib.Path("/lib").is_symlink() else "/lib")
    for entry in source.iterdir():
        if "linux-gnu" in entry.name or ".so" in entry.name:
            _link(root, f"lib/{entry.name}", f"/.lab/lib/{entry.name}")
    _link(root, "usr/lib", "/.lab/lib")
    for part in ("lib64", "lib32"):
        if (SHARED / part).is_dir():
            _link(root, part, f"/.lab/{part}")


def _programs(root: pathlib.Path) -> None:
    for name in STRICT:
        _link(root, f"usr/bin/{name}", "/.lab/strict")
    for name in PROGRAMS:
        found = shutil.which(name, path="/usr/bin:/bin")
        if found:
            _link(root, f"usr/bin/{name}", f"/.lab/bin/{pathlib.Path(found).resolve().name}")
    for name in ("less", "more"):
        shutil.copyfile(SCRIPTS / "less", root / "usr/bin" / name)
        (root / "usr/bin" / name).chmod(0o755)


def _tree(root: pathlib.Path, zone: Zone, binders: tuple[str, ...]) -> None:
    for part in (
        ".lab", "usr/bin", "usr/sbin", "opt/smartdc/bin", "opt/local/bin", "etc/inet", "root", "var/tmp", "var/run",
        "var/svc/log", "tmp", "smartdc", "usr/openldap/bin",
    ):  # fmt: skip
        (root / part).mkdir(parents=True, exist_ok=True)
    mount(str(SHARED), str(root / ".lab"), None, MS_BIND | MS_REC)
    _libraries(root)
    _programs(root)
    for part, target in (("bin", "usr/bin"), ("sbin", "usr/sbin"), ("dev", ".lab/dev"), ("proc", ".lab/proc"),
                         ("smartdc/bin", "/opt/smartdc/bin")):  # fmt: skip
        _link(root, part, target)
    (root / ".lab-zone").write_text(zone.id, encoding="utf-8")
    (root / "etc/passwd").write_text("root:x:0:0:Super-User:/root:/usr/bin/bash\n", encoding="utf-8")
    (root / "etc/group").write_text("root::0:\n", encoding="utf-8")
    servers = "".join(f"nameserver {binder}\n" for binder in binders)
    (root / "etc/resolv.conf").write_text(servers, encoding="utf-8")
    shown = zone.hostname if zone.role == "global" else zone.uuid
    for name in ("etc/nodename", "etc/hostname"):
        (root / name).write_text(shown + "\n", encoding="utf-8")
    hostname = root / "usr/bin/hostname"
    hostname.write_text(f"#!/usr/bin/bash\necho {shown}\n", encoding="utf-8")
    hostname.chmod(0o755)
    for folder, names in IN_EVERY_ZONE.items():
        for name in names:
            _link(root, f"{folder}/{name}", "/.lab/stub")


def make_headnode(datacenter: Datacenter, root: pathlib.Path) -> dict[str, pathlib.Path]:
    """Make the tree of a head node, with those of its zones and compute nodes in it. Returns each one's root by alias."""
    _tree(root, datacenter.headnode, datacenter.binders)
    for folder, names in ON_HEADNODES.items():
        for name in names:
            _link(root, f"{folder}/{name}", "/.lab/stub")
    (root / "root/.profile").write_text(f"PATH={LOGIN_PATH}\nPAGER=less\nexport PATH PAGER\n", encoding="ascii")
    for part in ("lib/sdc", "usbkey/scripts", "mnt/usbkey"):
        (root / part).mkdir(parents=True)
    _script(root, "opt/smartdc/bin", "sdc-ufds-m2s")
    _script(root, "usbkey/scripts", "add_external_nic.sh")
    shutil.copyfile(SCRIPTS / "config.sh", root / "lib/sdc/config.sh")
    (
        root / ".netns"
    ).mkdir()  # for zlogin; only the server's own zones, because each is a mount, and there may be hundreds
    found = {zone.alias: _make_compute_node(datacenter, root, zone) for zone in datacenter.compute_nodes}
    servers = (root, *found.values())
    for zone in datacenter.zones:
        found[zone.alias] = make_zone(datacenter, servers[zone.server], zone)
    return found


def _make_compute_node(datacenter: Datacenter, headnode: pathlib.Path, zone: Zone) -> pathlib.Path:
    """Make the tree of a compute node, in that of its head node, whose ssh finds it there."""
    _netns(headnode, zone)
    root = headnode / ".servers" / zone.alias
    root.mkdir(parents=True)
    _tree(root, zone, datacenter.binders)
    (root / ".netns").mkdir()
    for folder, names in ON_COMPUTE_NODES.items():
        for name in names:
            _link(root, f"{folder}/{name}", "/.lab/stub")
    return root


def name_outside(addresses: Iterable[tuple[str, str | None]]) -> None:
    """Put names that the world outside knows into the /etc/hosts of this mount namespace only. Public DNS is not imitated."""
    hosts = pathlib.Path("/etc/hosts")
    if not hosts.is_file():
        return
    lines = "".join(f"{address}\t{name}\n" for name, address in addresses)
    made = RUN / "hosts"
    made.write_text(f"{hosts.read_text(encoding='utf-8', errors='replace').rstrip()}\n{lines}", encoding="utf-8")
    mount(str(made), str(hosts), None, MS_BIND)


def make_zone(datacenter: Datacenter, root: pathlib.Path, zone: Zone) -> pathlib.Path:
    """Make the tree of a zone, in that of its server at `root`. The zone's namespace must be there already."""
    _netns(root, zone)
    made = root / "zones" / zone.uuid / "root"
    made.mkdir(parents=True)
    _tree(made, zone, datacenter.binders)
    for folder, names in IN_ZONES_OF.get(zone.role, {}).items():
        (made / folder).mkdir(parents=True, exist_ok=True)
        for name in names:
            _link(made, f"{folder}/{name}", "/.lab/stub")
    if zone.role == "ufds":
        for name in ("ufds-find-dns", "ufds-reconcile-data"):
            _script(made, "opt/smartdc/ufds/bin", name)
        manifests = made / "opt/smartdc/ufds/smf/manifests"
        manifests.mkdir(parents=True)
        shutil.copyfile(SCRIPTS / "ufds-replicator.xml.in", manifests / "ufds-replicator.xml.in")
    return made


def _netns(root: pathlib.Path, zone: Zone) -> None:
    """Bind the network of a zone into a tree, for whoever enters the zone from there."""
    (root / ".netns" / zone.id).touch()
    mount(f"/run/netns/{zone.id}", str(root / ".netns" / zone.id), None, MS_BIND)


def _script(root: pathlib.Path, folder: str, name: str) -> None:
    (root / folder).mkdir(parents=True, exist_ok=True)
    shutil.copy(SCRIPTS / name, root / folder / name)
