"""What comes next where nothing is wrong: the coupling of a candidate, step by step; and before Manta the gates, and which is next.

Nothing here repairs anything, so it is no plan: the suite never types it.  Source: the seed; facts "UFDS", "SAPI" and "Manta".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
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
from reports.page import BOLD, Page

_A_SECOND = 50  # changes that a replicator applies in a second (facts "Replication")


class NextStep(Struct, frozen=True):
    """One thing to do: where, what to type (nothing: something to know, or to do by other means), and what there is to know."""

    title: str
    on: str = ""
    run: str = ""
    told: tuple[str, ...] = ()


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
        gates = tuple(_gates(world))
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


def _gates(world: World) -> Iterator[tuple[NextStep, bool]]:
    """Each with whether it is passed.  What is not known is not passed."""
    master = world.master
    region = [dc for dc in world.datacenters if dc.declared.region == master.declared.region]
    on, inside = f"{master.name}.global", "In its manta zone (sdc-login manta). "
    metadata = _application(master)
    others = ", ".join(dc.name for dc in region if dc != master)
    yield (
        NextStep(
            "every datacenter of the region is coupled, and they are an odd number",
            told=(f"The inventory has {len(region)}: {', '.join(dc.name for dc in region)}.",),
        ),
        len(region) % 2 == 1 and all(dc.state != CANDIDATE for dc in region),
    )
    yield (
        NextStep(
            "routes: each datacenter has a network manta, and NAPI routes its zones to the others'",
            told=(
                "Make the networks in each datacenter (manta-net.sh, in networking/ of manta-deployment), and add the "
                "routes to its networks admin and manta: the zones sapi, "
                "moray, binder, imgapi, cnapi and vmapi are asked by Manta's zones of other datacenters. With `manta: true` "
                "the check triton-zones-have-manta-routes prints each of them.",
            ),
        ),
        all(_has_manta_network(dc) for dc in region),
    )
    yield (
        NextStep(
            f"SAPI: every other datacenter names the master's moray, and {master.name} none",
            told=("The checks sapi-points-at-master-moray and sapi-master-points-at-nobody say so.",),
        ),
        True,
    )  # else there would be a finding
    yield (
        NextStep(
            f"manta-init in {master.name}, where SAPI's master is, and nowhere else before it has ended",
            on,
            "manta-init -s SIZE -e MAIL",
            (
                f"{inside}In a datacenter that has not got the account poseidon from the master yet, it makes a "
                "second one, which stops replication "
                "for all (SIZE: coal, lab or production).",
            ),
        ),
        bool(metadata),
    )
    yield (
        NextStep(
            f"manta-init in {others}, one after the other",
            told=(
                "In each first: sdc-ldap search login=poseidon dn. Only when it answers: manta-init as before. Never two at once.",
            ),
        ),
        bool(metadata) and all(_knows_poseidon(dc) for dc in region) and _owns_networks(region),
    )
    yield (
        NextStep(
            f"shards, in {master.name}: elsewhere manta-shardadm finds no application, and says so with exit status 0",
            on,
            "manta-shardadm set -i 1.moray -s 1.moray",
            (f"{inside}One shard for all; more if you plan more, and then all of them before the topology.",),
        ),
        bool(metadata.get("INDEX_MORAY_SHARDS")) and bool(metadata.get("STORAGE_MORAY_SHARD")),
    )
    yield (
        NextStep(
            f"topology, in {master.name}, once for the region",
            on,
            "manta-adm create-topology -v 1000000 -p 2020",
            (
                "It makes the hash ring and names its image in SAPI. It is never made again: objects would no longer be found.",
            ),
        ),
        bool(metadata.get("HASH_RING_IMAGE")),
    )
    yield (
        NextStep(
            "MUSKIE_MULTI_DC, at the master, as a JSON boolean",
            on,
            "app=$(sdc-sapi '/applications?name=manta' | json -Ha uuid)\n"
            """echo '{"metadata":{"MUSKIE_MULTI_DC":true}}' | sapiadm update "$app\"""",
            (
                "Before muskie is deployed no restart is needed for it. Afterwards every one: "
                "manta-oneach -s webapi 'svcadm restart \"*muskie*\"'.",
            ),
        ),
        metadata.get("MUSKIE_MULTI_DC") is True,
    )
    yield (
        NextStep(
            f"deployment in each datacenter, {master.name} first",
            told=(
                f"In each manta zone: manta-adm genconfig SIZE > layout.json; manta-adm update layout.json. "
                f"Then `manta: true` in {world.told.path or 'REGION.yaml'}, and az-checks run --postchange: it judges all of it.",
            ),
        ),
        False,
    )


def _application(master: Datacenter) -> dict[str, Any]:
    """Manta's application at the master, as far as it was seen."""
    try:
        found = master.manta_applications
    except Missing:
        return {}
    return {"uuid": found[0].uuid, **found[0].metadata.values} if found else {}


def _has_manta_network(datacenter: Datacenter) -> bool:
    try:
        return any(network.name == "manta" for network in datacenter.networks.values())
    except Missing:
        return False


def _knows_poseidon(datacenter: Datacenter) -> bool:
    with suppress(Missing):
        return all(ufds.poseidons for ufds in datacenter.zones("ufds"))
    return False


def _owns_networks(region: list[Datacenter]) -> bool:
    with suppress(Missing):
        return all(map(_owned, region))
    return False


def _owned(datacenter: Datacenter) -> bool:
    own = {account.uuid for ufds in datacenter.zones("ufds") for account in ufds.poseidons}
    networks = [each for each in datacenter.networks.values() if each.name == "manta"]
    return bool(networks) and all(own & {*each.owner_uuids} for each in networks)
