"""What comes next where nothing is wrong: the coupling of a candidate, step by step; and before Manta the gates, and which is next.

Nothing here repairs anything, so it is no plan: the suite never types it.  Source: the seed; facts "UFDS", "SAPI" and "Manta".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from evidence.fact import Missing
from evidence.inventory.model import CANDIDATE, PLANNED
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.world import World
from remediate import typed
from remediate.actions.key import AddKey
from remediate.copies import entries_kept, files_kept
from remediate.removal import USERS
from remediate.steps import where
from remediate.stopped import GROUPS
from reports.gates import gates_of
from reports.nextstep import NextStep
from reports.page import BOLD, Page

_A_SECOND = 50  # changes that a replicator applies in a second (facts "Replication")


class Coming(Struct, frozen=True):
    """What comes next as a whole, and of its steps those that are done already; with `one_by_one` only the first is shown whole."""

    title: str
    steps: tuple[NextStep, ...] = ()
    done: tuple[str, ...] = ()
    one_by_one: bool = False


def coming(world: World, passed: frozenset[tuple[str, str]]) -> Coming | None:
    """What comes next; None if nothing does.  `passed` are the checks and subjects that were judged and hold."""
    for candidate in world.datacenters:
        if candidate.state == CANDIDATE and ("candidate-is-not-coupled-yet", candidate.name) in passed:
            title = (
                f"Next: couple {candidate.name} with {world.inventory.master}. sdc-ufds-m2s deletes, and has no undo."
            )
            # One after the other: the checks come in between.
            return Coming(title, tuple(_safely(_coupling(candidate), candidate)))
    if world.inventory.expect.manta == PLANNED and any(check == "one-poseidon" for check, _ in passed):
        gates = tuple(gates_of(world))
        done = tuple(gate.title for gate, holds in gates if holds)
        left = tuple(gate for gate, holds in gates if not holds)
        return Coming(f"Before Manta: {len(done)} of {len(gates)} gates are passed", left, done, one_by_one=True)
    return None


def write(page: Page, world: World, passed: frozenset[tuple[str, str]]) -> None:
    """All that comes next."""
    found = coming(world, passed)
    if found is None:
        return
    page.line()
    page.line(found.title, BOLD)
    for title in found.done:
        page.prose(f"passed: {title}", 3)
    if found.one_by_one and found.steps:
        page.line()
        page.line("The next gate:", BOLD)
    for number, step in enumerate(found.steps[:1] if found.one_by_one else found.steps, 1):
        _write(page, number, step, world)
    for step in found.steps[1:] if found.one_by_one else ():
        page.prose(f"then: {step.title}", 3)


def _write(page: Page, number: int, step: NextStep, world: World) -> None:
    page.line()
    page.prose(step.title, 3, f"{number}.", 3)
    if step.on:
        page.prose(where(step.on, world), 6, "where:", 7)
    if step.run:
        page.line()
        page.command(step.run, 8)
        page.line()
    for text in step.told:
        page.prose(text, 6)


def _safely(steps: Iterator[NextStep], datacenter: Datacenter) -> Iterator[NextStep]:
    """What is not known, or not of its form, ends the list with a sentence."""
    try:
        yield from steps
    except (Missing, typed.NotOfTheFormError) as error:
        yield NextStep(f"What comes then is not shown for {datacenter.name}", told=(f"It cannot be told: {error}.",))


def _coupling(candidate: Datacenter) -> Iterator[NextStep]:
    """Backup, NIC, sdc-ufds-m2s, key, inventory, checks."""
    name, master = typed.name(candidate.name), candidate.master
    here, address = f"{name}.global", typed.reached_at(master.ufds_address)
    yield NextStep(
        "Save what is there",
        here,
        f"{entries_kept(f'users-of-{name}', USERS)} &&\n{entries_kept(f'groups-of-{name}', GROUPS)} &&\n"
        f"{files_kept('/usbkey/config')} &&\n"
        "( set -C; umask 077; sdc-sapi --no-headers '/applications?name=sdc' "
        f"> /var/az-copies/sapi-sdc-of-{name}.$(date -u +%Y%m%dT%H%M%SZ).json )",
        ("UFDS hands out no passwords, so this is no way back: it is to look things up in.",),
    )
    (ufds,) = candidate.zones("ufds")
    nics = ", ".join(f"{nic.ip} on {nic.nic_tag}" for nic in ufds.vm.nics)
    yield NextStep(
        f"Look at the NIC: {ufds.alias} has {nics}",
        told=(
            f"sdc-ufds-m2s wants one whose tag is internal or external, and there is one. From it {address} was reached on port 636.",
        ),
    )
    yield NextStep("Couple", here, "sdc-ufds-m2s", tuple(_what_it_asks(candidate, address)))
    yield _key(candidate)
    yield _inventory(candidate)
    yield NextStep(
        "Judge it",
        told=(
            f"az-checks run --postchange {candidate.world.told.path or 'REGION.yaml'} --wait 5m",
            "It names what sdc-ufds-m2s leaves to you: SAPI's master, the list of datacenters in cloudapi, files with passwords.",
        ),
    )


def _what_it_asks(candidate: Datacenter, address: str) -> Iterator[str]:
    master = candidate.master
    yield "It asks \"Enter 'y' to continue\": y"
    yield f"It asks for the IP address of the primary's (or master's) UFDS: {address}"
    if candidate.m2s_asks_password:
        yield (
            f"It asks for the primary's UFDS root password. On {master.declared.headnode}: grep ufds_ldap_root_pw /usbkey/config"
        )
    else:
        yield "This version asks for no password: both datacenters have the same, which was checked."
    changes = max((zone.directory.latest for zone in master.zones("ufds")), default=0)
    yield (
        f"It waits up to 3 minutes for config-agent, and then until {changes} changes of the master are replicated: about "
        f'{_time(changes / _A_SECOND)}. LDAP errors "Already exists (68)" and "No such object (32)" are normal there.'
    )
    yield (
        "Leave it running. If it stops, do not start it again: run the checks, which say what is lost and what to do first."
    )


def _time(seconds: float) -> str:
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{round(seconds / 60)} minutes"


def _inventory(candidate: Datacenter) -> NextStep:
    file = candidate.world.told.path or "REGION.yaml"
    return NextStep(
        f"Take `state: {CANDIDATE}` out of datacenters.{candidate.name} in {file}",
        told=("As soon as sdc-ufds-m2s said Done: from then on it is judged as a replica.",),
    )


def _key(candidate: Datacenter) -> NextStep:
    """The same step that the check replica-key-is-known-to-master has, which is the next to complain."""
    values: dict[str, Any] = candidate.sdc_metadata.values
    key = values.get("SDC_PUBLIC_KEY")
    title = f"Give admin the key of {candidate.name}, on the master: sdc-ufds-m2s has deleted it"
    why = "Without it sdc-healthcheck says that cloudapi is in error, however well all works."
    if not isinstance(key, str) or not key.strip():
        return NextStep(f"{title}. It is in /root/.ssh/sdc.id_rsa.pub of its sdc zone", told=(why,))
    told = values.get("SDC_KEY_ID")
    add = AddKey(
        "admin",
        f"{candidate.name} sdc key",
        key.strip(),
        typed.fingerprint(str(told).removeprefix("MD5:")) if told else "",
    )
    return NextStep(title, f"{candidate.world.inventory.master}.global", add.command(), (why,))
