"""The running lab: builds it, plants the wanted faults, runs the operator's command in it, and listens meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import json
import logging
import os
import pathlib
import shlex
import shutil
import signal
import sys
from collections.abc import Sequence

from lab.commands import answering
from lab.faults.registry import NoSymptomError, UnknownFaultError
from lab.machine import namespaces, net, roots
from lab.plan.datacenters import Plan
from lab.run import building, control, greeting
from lab.run.planting import Planter
from lab.state import home
from lab.state.lab import Lab

log = logging.getLogger("lab")
CONTROL_SOCKET = roots.RUN / "control"
FAILED = 3


async def _listen(lab: Lab, planter: Planter) -> list[asyncio.Server]:
    """The sockets for the commands' stubs, and for `python -m lab fault`, heal, settle and state."""
    answering.load()
    stubs = functools.partial(answering.answer, lab)
    controls = functools.partial(_control, lab, planter)
    return [
        await asyncio.start_unix_server(stubs, roots.SHARED / "socket"),
        await asyncio.start_unix_server(controls, CONTROL_SOCKET),
    ]


async def _control(lab: Lab, planter: Planter, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    code, text = 0, ""
    try:
        text = await _asked(lab, planter, json.loads(await reader.readline()))
    except UnknownFaultError as error:
        code, text = 4, f"lab: {error}"
    except (OSError, NoSymptomError) as error:  # a full disk, for one
        code, text = FAILED, f"lab: {error}"
    except Exception as error:  # whoever asked gets the message, and the lab goes on
        log.exception("control")
        code, text = FAILED, f"lab: {error!r}"
    with contextlib.suppress(OSError):
        writer.write(json.dumps({"code": code, "text": text}).encode() + b"\n")
        await writer.drain()
    writer.close()


async def _asked(lab: Lab, planter: Planter, asked: object) -> str:
    match asked:
        case {"op": "fault", "arguments": list(names)}:
            for name in names:
                await planter.plant(name)
        case {"op": "heal", "arguments": list(names)}:
            for name in names:
                await planter.heal(name)
        case {"op": "settle"}:
            await planter.settle()
        case {"op": "state"}:
            return _state(lab)
    return ""


def _state(lab: Lab) -> str:
    return "\n".join(
        f"{machine.zone.id:<22} {service.shown_state:<12} {service.fmri} {service.reason}".rstrip()
        for site in lab.sites.values()
        for machine in site.machines
        for service in machine.services
    )


async def _run(command: Sequence[str]) -> int:
    """Run the operator's command in the operator's namespace; returns its exit status."""
    environment = {key: value for key, value in os.environ.items() if key != "SSH_AUTH_SOCK"} | {
        "HOME": str(home.ROOT / "home"),
        "PATH": f"{home.ROOT / 'bin'}:{os.environ['PATH']}",
        "AZ_INVENTORY": str(home.INVENTORY),
        control.SOCKET: str(CONTROL_SOCKET),
    }
    process = await asyncio.create_subprocess_exec(
        "nsenter", f"--net={namespaces.NETNS}/{net.OPERATOR}", "--", *command, env=environment
    )
    code = await process.wait()
    return code if code >= 0 else 128 - code


async def _live(the_plan: Plan, planted: Sequence[str], command: Sequence[str], *, openssh: bool, forced: str) -> int:
    lab, text = Lab(the_plan, openssh=openssh, forced=forced), ""
    planter = Planter(lab)
    try:
        await building.build(lab)
        _sockets = await _listen(lab, planter)  # held to the end
        await building.start(lab)
        gc.freeze()
        for text in planted:
            await planter.plant(text)
        if planted:
            await planter.settle()
    except namespaces.NetworkError as error:
        print(f"lab: this kernel lacks what the lab's networks need ({error})", file=sys.stderr)
        return 2
    except UnknownFaultError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 4
    except NoSymptomError as error:
        print(f"lab: {text}: {error}", file=sys.stderr)
        return FAILED
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for the command
    if greeting.wanted(command, terminal=sys.stdin.isatty() and sys.stdout.isatty()):
        print(greeting.text(the_plan), flush=True)
    code = await _run(command)
    if lab.ufds.pid is not None:
        os.kill(lab.ufds.pid, signal.SIGKILL)  # otherwise it would complain that nobody listens any more
    return code


def main(
    the_plan: Plan,
    *,
    faults: Sequence[str],
    command: Sequence[str],
    verbose: bool,
    openssh: bool = False,
    forced: str = "",
) -> int:
    """Build, run and end a lab. Called in the child of the first process."""
    logging.basicConfig(level=logging.INFO if verbose else logging.CRITICAL, format="%(name)s: %(message)s")
    if not verbose:
        logging.getLogger("lab").setLevel(logging.ERROR)
    if shutil.which(command[0]) is None and not pathlib.Path(command[0]).exists():
        print(f"lab: no such command: {shlex.join(command)}", file=sys.stderr)
        return 127
    loop = asyncio.new_event_loop()
    signal.signal(signal.SIGINT, lambda *_: os._exit(128 + signal.SIGINT))  # until the command runs
    code = loop.run_until_complete(_live(the_plan, faults, command, openssh=openssh, forced=forced))
    sys.stdout.flush()
    os._exit(code)  # what is still open ends with the namespaces, and an orderly end would only take time
