"""The recorded scenarios of the replicator, played again on loopback: what moves, what stands still, what is logged.

Compared with replication.json: at the last sample before each event (and at the end) the master's latest number, the checkpoint and whether
the process lives; and the messages of the whole scenario, without numbers and dumps. Seconds are not compared; `pace` shortens them.
"""

from __future__ import annotations

import asyncio
import json
import pathlib
import re
import tempfile
from collections.abc import Callable
from typing import Any

from lab.machine import tls
from lab.plan import sshkeys
from lab.ufds import seed
from lab.ufds.directory import Directory
from lab.ufds.host import Event, Host

MASTER, REPLICA = "master", "replica"
URL, ADDRESS = "ldaps://127.0.1.29", "127.0.1.29"
LOCAL = "127.0.0.2"
USERS = "ou=users, o=smartdc"
POSEIDON = f"uuid={seed.POSEIDON_UUID}, {USERS}"
LOCAL_POSEIDON = f"uuid=99999999-0000-4000-8000-000000000001, {USERS}"
ELENA = f"uuid=10000000-0000-4000-8000-000000000005, {USERS}"
DARIO = f"uuid=10000000-0000-4000-8000-000000000004, {USERS}"
PATIENCE = 5.0  # seconds
QUIET = ("Initializing checkpoint", "Entry added", "Local match", "No local match", "Replicated entry", "Drained")


class Stage:
    """A master and a replica with the recorded content, and the replicator between them."""

    def __init__(self, directories: dict[str, Directory], pace: float, folder: pathlib.Path) -> None:
        self.events: list[Event] = []
        self.host = Host(self.events.append, dict(directories))
        self.pace = pace
        self.folder = folder
        self.log_file = folder / "replicator.log"
        self.ports: dict[str, int] = {}
        self.master = directories[MASTER]
        self.replica = directories[REPLICA]
        self.exits: list[str] = []
        self._certificate = tls.make_certificate(folder)

    async def serve(self, name: str) -> None:
        certificate, key = map(str, self._certificate)
        port = self.ports.get(name, 0)
        self.ports[name] = await self.host.serve(
            name, name, None, "127.0.0.1", port, certificate, key, "cn=root", "secret"
        )

    def replicate(self, password: str = "secret") -> None:
        def remote(url: str, secret: str) -> dict[str, Any]:
            return {"url": url, "bindDN": "cn=root", "bindCredentials": secret}

        config = {
            "checkpointDn": "cn=replicator, datacenter=my-dc-2, o=smartdc",
            "localUfds": remote(f"ldaps://{LOCAL}", "secret"),
            "remotes": [{**remote(URL, password), "queries": list(seed.queries("my-region"))}],
        }
        addresses = {
            (ADDRESS, 636): ("127.0.0.1", self.ports[MASTER]),
            (LOCAL, 636): ("127.0.0.1", self.ports[REPLICA]),
        }
        self.host.replicate(REPLICA, None, config, {}, addresses, str(self.log_file), self.pace, 20)

    async def stop_replicator(self) -> None:
        await self.host.stop_replicator(REPLICA)
        self.exits.append("(process exited with status 143)")

    async def restart(self) -> None:
        if REPLICA in self.host.replicators:
            await self.stop_replicator()
        self.replicate()

    def set_checkpoint(self, number: int) -> None:
        (name,) = [key for key, row in self.replica.store.rows.items() if "url" in row.attributes]
        self.host.edit(REPLICA, "modify", name, {"changes": [["replace", "changenumber", [str(number)]]]}, silent=False)

    def modify(self, count: int) -> None:
        for number in range(count):
            self.master.modify(DARIO, [("replace", "company", [f"Company {number}"])])

    def add_key(self, directory: Directory, owner: str) -> str:
        account = owner.partition(",")[0].removeprefix("uuid=")
        name, attributes = seed.key_of(account, "extra", sshkeys.made_up(owner, "extra"))
        self.host.edit(_name(self, directory), "add", name, {"attributes": attributes}, silent=False)
        return name

    def add_person(self, directory: Directory, name: str, login: str, email: str) -> None:
        uuid = name.partition(",")[0].removeprefix("uuid=")
        attributes = {"objectclass": ["sdcperson"], "login": [login], "uuid": [uuid], "email": [email],
                      "userpassword": ["passw0rd1"]}  # fmt: skip
        self.host.edit(_name(self, directory), "add", name, {"attributes": attributes}, silent=False)

    def sample(self) -> dict[str, Any]:
        """The state, in the form of the recordings' samples."""
        return {
            "master_latest": self.master.log.latest if MASTER in self.host.listeners else None,
            "replica_checkpoint": self.host.checkpoint(REPLICA, URL),
            "replicator": "up" if REPLICA in self.host.replicators else "down",
        }

    def messages(self) -> list[str]:
        lines = self.log_file.read_text("utf-8").splitlines() if self.log_file.exists() else []
        said = [_worded(json.loads(line)) for line in lines]
        said += [f"(process exited with status {each['status']})" for each in self.events if "status" in each]
        return said + self.exits


def _name(stage: Stage, directory: Directory) -> str:
    return MASTER if directory is stage.master else REPLICA


LEVELS = {20: "DEBUG", 30: "INFO", 40: "WARN", 50: "ERROR", 60: "FATAL"}


def _worded(record: dict[str, Any]) -> str:
    """A log record in the recordings' words."""
    text = f"{LEVELS[record['level']]} {record['msg']}"
    error = record.get("err")
    return f"{text} | err: {error['name']}: {error['message']}" if error else text


def _plain(message: str) -> str:
    """The message without what differs from run to run."""
    message = re.sub(r"^INFO (ufds: client \[0\] connection attempt failed)", r"INFO \1", message)
    message = re.sub(r" \{.*\}(?= \||$)", "", message)
    return re.sub(r"(changenumber|set to|fingerprint=\S+) ?[\d.]*", r"\1", re.sub(r"fingerprint=\S+ ", "", message))


Step = Callable[[Stage], Any]
Differences = Callable[[], list[str]]


def _catch_up_add(stage: Stage) -> None:
    for number in range(20):
        name = f"uuid=80000000-0000-4000-8000-{number:012d}, {USERS}"
        stage.add_person(stage.master, name, f"extra{number}", f"extra{number}@example.com")


def _local_poseidon(stage: Stage) -> None:
    stage.add_person(stage.replica, LOCAL_POSEIDON, "poseidon", "poseidon@example.com")
    stage.add_key(stage.replica, LOCAL_POSEIDON)


def _master_poseidon(stage: Stage) -> None:
    stage.add_person(stage.master, POSEIDON, "poseidon", "poseidon@example.com")
    stage.add_key(stage.master, POSEIDON)


def _delete_local_poseidon(stage: Stage) -> None:
    stage.host.edit(REPLICA, "delete", LOCAL_POSEIDON, {"subtree": True}, silent=False)


def _add_elena_again(stage: Stage) -> None:
    stage.replica.put_silently(ELENA, dict(stage.master.read(ELENA)))


async def _past_the_gap(stage: Stage) -> None:
    await stage.stop_replicator()
    stage.set_checkpoint(116)


async def _stop_master(stage: Stage) -> None:
    await stage.host.stop(MASTER)


async def _right_password(stage: Stage) -> None:
    await stage.stop_replicator()
    stage.replicate()


def _without_poseidon(stage: Stage) -> None:
    """Remove poseidon everywhere: three changes on the master, which the replica has had."""
    stage.host.edit(MASTER, "delete", POSEIDON, {"subtree": True}, silent=False)
    stage.master.modify("cn=operators, ou=groups, o=smartdc", [("delete", "uniquemember", [POSEIDON])])
    stage.replica.remove_silently(POSEIDON, subtree=True)
    stage.set_checkpoint(stage.master.log.latest + 1)


def _with_gap(count: int) -> Step:
    def make(stage: Stage) -> None:
        stage.master.log.burn(count)
        stage.modify(2)

    return make


# For each scenario: the preparation, whether the replicator runs from the start, and what each event does.
SCENARIOS: dict[str, tuple[Step, bool, tuple[Step, ...]]] = {
    "a-catch-up": (lambda _: None, True, (_catch_up_add, lambda stage: stage.modify(5))),
    "b-two-poseidons": (
        _without_poseidon,
        True,
        (_local_poseidon, _master_poseidon, lambda stage: stage.modify(3), Stage.restart, _delete_local_poseidon,
         Stage.restart),
    ),
    "c-parent-missing": (
        lambda stage: stage.replica.remove_silently(ELENA, subtree=True),
        True,
        (lambda stage: stage.add_key(stage.master, ELENA), lambda stage: stage.modify(3), _add_elena_again),
    ),
    "d-gap-over-50": (_with_gap(60), False, (Stage.restart, _past_the_gap, Stage.restart)),
    "d2-gap-under-50": (_with_gap(30), False, (Stage.restart,)),
    "e-master-unreachable": (
        lambda _: None,
        True,
        (_stop_master, lambda stage: stage.serve(MASTER), lambda stage: stage.modify(3)),
    ),
    "f-wrong-remote-password": (
        lambda stage: stage.modify(5),
        False,
        (lambda stage: stage.replicate("wrong"), _right_password),
    ),
}  # fmt: skip


async def play(recorded: dict[str, Any], directories: dict[str, Directory], pace: float) -> list[str]:
    """Play one scenario; returns what differs."""
    prepare, runs, steps = SCENARIOS[recorded["id"]]
    differences: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(directories, pace, pathlib.Path(folder))
        for name in (MASTER, REPLICA):
            await stage.serve(name)
        await _did(prepare(stage))
        if runs:
            stage.replicate()
            await asyncio.sleep(1.5 * pace + 0.3)
            stage.log_file.write_text("")  # the recordings begin when the replicator has caught up
        began = asyncio.get_running_loop().time()
        samples = recorded["samples"]
        for event, step in zip(recorded["events"], steps, strict=True):
            await _until(began + event["t"] * pace)
            found, late = await _settled(_before(stage, samples, event))
            differences += found
            began += late
            await _did(step(stage))
        await _until(began + (samples[-1]["t"] + 0.5) * pace)
        differences += (await _settled(_at_the_end(stage, samples)))[0]
        await stage.host.close()
    return differences


def _before(stage: Stage, samples: list[dict[str, Any]], event: dict[str, Any]) -> Differences:
    want = _last_before(samples, event["t"])
    return lambda: _compared(f"before {event['event']}", want, stage.sample())


def _at_the_end(stage: Stage, samples: list[dict[str, Any]]) -> Differences:
    return lambda: _compared("at the end", samples[-1], stage.sample()) + _different_messages(samples, stage.messages())


async def _settled(differences: Differences) -> tuple[list[str], float]:
    """What still differs when the state had time to come about (a busy machine is late), and how many seconds that took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while (found := differences()) and loop.time() < began + PATIENCE:  # noqa: ASYNC110 - it happens in other tasks
        await asyncio.sleep(0.02)
    return found, loop.time() - began


async def _did(result: Any) -> None:
    if asyncio.iscoroutine(result):
        await result


async def _until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - asyncio.get_running_loop().time()))


def _last_before(samples: list[dict[str, Any]], t: float) -> dict[str, Any] | None:
    earlier = [each for each in samples if each["t"] < t]
    return earlier[-1] if earlier else None


def _compared(when: str, want: dict[str, Any] | None, got: dict[str, Any]) -> list[str]:
    if want is None:
        return []
    return [f"{when}: {key} {value}, recorded {want[key]}" for key, value in got.items() if value != want[key]]


def _different_messages(samples: list[dict[str, Any]], said: list[str]) -> list[str]:
    recorded = {_plain(line) for each in samples for line in each.get("log", ())}
    got = {_plain(line) for line in said if not any(word in line for word in QUIET)}
    return [f"not logged: {line}" for line in sorted(recorded - got)] + [
        f"logged, but not recorded: {line}" for line in sorted(got - recorded)
    ]
