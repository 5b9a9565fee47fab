"""`python -m lab`: starts a lab with a command in it. Inside a lab, it plants a fault or waits until the lab has settled."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from lab.plan.datacenters import Plan
from lab.plan.making import make_plan
from lab.run import control, world

BAD_OPTION = 4


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(BAD_OPTION, f"lab: {message}; python -m lab --help tells more\n")


def parser_of() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m lab",
        description="A whole coupling of datacenters on this machine, and a COMMAND in its operator's place.",
        epilog="Inside: `python -m lab fault NAME[@SUBJECT]…` puts a fault in, `python -m lab heal NAME[@SUBJECT]` "
        "takes one out that no command of Triton could, `python -m lab settle` waits until every agent "
        "has seen all changes.",
    )
    parser.add_argument("--datacenters", type=int, default=3, metavar="N", help="2 to 20 (3); my-dc-2 is the master")
    parser.add_argument("--uncoupled", action="store_true", help="my-dc-2 alone is coupled; the others are candidates")
    parser.add_argument("--candidate", action="append", default=[], metavar="NAME", help="this one is not coupled yet")
    parser.add_argument("--regions", type=int, default=1, metavar="N", help="they lie in N regions (1) of one coupling")
    parser.add_argument("--instances", default="", metavar="ROLE=N,…", help="several zones of a service: binder=2")
    parser.add_argument(
        "--servers",
        type=int,
        default=1,
        metavar="N",
        help="every datacenter has N servers: the second zone of a service is on cn1",
    )
    parser.add_argument("--accounts", type=int, default=0, metavar="N", help="more accounts in every directory")
    parser.add_argument(
        "--ufds-pace", type=int, default=0, metavar="N", help="each UFDS sends N entries a second, no more"
    )
    parser.add_argument("--manta", action="store_true", help="with Manta: its application, and its zones everywhere")
    parser.add_argument(
        "--openssh", action="store_true", help="this machine's own sshd on the head nodes, as root only"
    )
    parser.add_argument(
        "--forced-command",
        default="",
        metavar="FILE",
        help="the operator's key starts this program on the head nodes, and no other",
    )
    parser.add_argument("--fault", action="append", default=[], metavar="NAME[@SUBJECT]", help="planted before COMMAND")
    parser.add_argument("--list-faults", action="store_true", help="prints what can be planted, and exits")
    parser.add_argument("--verbose", action="store_true", help="the lab's own log on standard error")
    parser.add_argument("--conformance", metavar="FOLDER", help="replays recordings of real servers, and exits")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND …", help="default: bash")
    return parser


def _inside_command(arguments: Sequence[str]) -> int | None:
    """`fault`, `heal`, `settle` and `faults` talk to the running lab."""
    if not arguments or arguments[0] not in control.OPERATIONS:
        return None
    operation, *names = arguments
    if bool(names) != (operation in control.WANT_NAMES):
        wanted = "NAME[@SUBJECT]…" if operation in control.WANT_NAMES else "nothing more"
        print(f"lab: python -m lab {operation} wants {wanted}; --list-faults names the faults", file=sys.stderr)
        return BAD_OPTION
    return control.ask(operation, names)


def main(arguments: Sequence[str]) -> int:
    done = _inside_command(arguments)
    if done is not None:
        return done
    parser = parser_of()
    options = parser.parse_args(arguments)
    if options.accounts < 0:
        parser.error(f"--accounts is {options.accounts}, which is no number of accounts")
    if options.list_faults:
        from lab.faults.registry import listing  # this import loads the whole lab; the front stays small and quick

        print(listing(), end="")
        return 0
    if options.conformance:
        from lab.conformance.__main__ import main as replay  # heavy, and only this option needs it

        return replay([options.conformance])
    if world.LIFELINE in os.environ:
        return world.inside(lambda: _run(options))
    refused = _refused(options)
    if refused is not None:
        print(f"lab: {refused}", file=sys.stderr)
        return BAD_OPTION
    if options.openssh and options.forced_command:
        parser.error("--openssh and --forced-command do not go together")
    if options.openssh:
        from lab.machine import openssh  # see above

        cannot = openssh.refused()
        if cannot is not None:
            print(f"lab: {cannot}", file=sys.stderr)
            return world.CANNOT
    try:
        return world.enter(arguments)
    except world.CannotRunError as error:
        print(f"lab: {error}", file=sys.stderr)
        return world.CANNOT


def _refused(options: argparse.Namespace) -> str | None:
    """Why no such lab can be built."""
    if options.fault:
        from lab.faults.registry import unknown  # see above

        for why in filter(None, map(unknown, options.fault)):
            return why
    try:
        _plan(options)
    except ValueError as error:
        return str(error)
    return None


def _plan(options: argparse.Namespace) -> Plan:
    return make_plan(
        options.datacenters, coupled=not options.uncoupled, accounts=options.accounts,
        regions=options.regions, instances=options.instances, manta=options.manta,
        candidates=options.candidate, servers=options.servers, ufds_pace=options.ufds_pace,
    )  # fmt: skip


def _run(options: argparse.Namespace) -> int:
    from lab.run import daemon  # see above

    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    return daemon.main(
        _plan(options), faults=options.fault, command=command or ["bash"],
        verbose=options.verbose, openssh=options.openssh, forced=options.forced_command,
    )  # fmt: skip


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
