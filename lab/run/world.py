"""One `unshare`d tree for everything: a front outside, and inside the first process, which listens to the lifeline.

One process remains outside and waits. It holds the writing end of a pipe. The first process inside reads the pipe to its end and then
exits, and the kernel ends whatever is left in its process namespace. No process, mount or namespace survives.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence

from lab.machine import roots

LIFELINE = "AZ_LAB_LIFELINE"
NEEDED = {"unshare": "util-linux", "nsenter": "util-linux", "ip": "iproute2", "bash": "bash"}
UNSHARE = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
CANNOT = 2


class CannotRunError(Exception):
    """Why no lab can run on this machine, in one sentence."""


def _flags() -> list[str]:
    """The flags of unshare here. For an ordinary user, a user namespace comes first."""
    for name, package in NEEDED.items():
        if shutil.which(name) is None:
            raise CannotRunError(f"the lab needs the program {name} (Debian package {package})")
    command = UNSHARE if os.geteuid() == 0 else [*UNSHARE, "--user", "--map-root-user"]
    tried = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        why = tried.stderr.strip()
        raise CannotRunError(f"this kernel does not let us make namespaces, which the lab consists of ({why})")
    return command


def enter(arguments: Sequence[str]) -> int:
    """Run `python -m lab ARGUMENTS` again, inside; returns its exit status."""
    # The operator's `python` runs the lab, and it may be in a venv that nobody activated.
    os.environ["PATH"] = f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin:/sbin"
    command = _flags()
    there, here = os.pipe()
    environment = os.environ | {LIFELINE: str(there)}
    process = subprocess.Popen([*command, sys.executable, "-m", "lab", *arguments], env=environment, pass_fds=(there,))
    os.close(there)
    # Ctrl-C belongs to the command that runs inside. A request to end closes the lifeline, and everything follows.
    signal.signal(signal.SIGINT, lambda *_: None)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: os.close(here))
    code = process.wait()
    return code if code >= 0 else 128 - code


def inside(run: Callable[[], int]) -> int:
    """The first process: gives the tree its own /run, runs the daemon in a child, and waits."""
    lifeline = int(os.environ.pop(LIFELINE))
    roots.mount("tmpfs", "/run", "tmpfs", 0, "mode=755")
    pathlib.Path("/run/netns").mkdir()
    roots.RUN.mkdir()
    child = os.fork()
    if child == 0:
        os.close(lifeline)
        return run()
    signal.signal(signal.SIGINT, lambda *_: None)
    threading.Thread(target=_watch, args=(lifeline,), daemon=True).start()
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)


def _watch(lifeline: int) -> None:
    """End everything when the front is gone, which is the end of the pipe."""
    while os.read(lifeline, 1):
        pass
    os._exit(1)
