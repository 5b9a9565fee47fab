"""A run of the suite that is kept in a folder, with the wrong region in my-dc-1, and a datacenter that is so."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from apply import command
from evidence.store import save
from evidence.subjects.claims import judged
from evidence.subjects.triton import BINDER, CONFIG_AGENT
from fixtures.check import CHECKS
from fixtures.quiet import results
from remediate.actions.sapi import SapiMetadata
from reports.command import plan_of
from reports.conclude import conclude
from reports.findings import encode, findings_of
from tests.apply.pretended import Pretended
from tests.judging import check_functions
from tests.recording import recorded

REGION = """\
master: my-dc-2
{apply}datacenters:
  my-dc-1: {{headnode: root@10.1.2.2, region: my-dc}}
  my-dc-2: {{headnode: root@10.2.2.2, region: my-dc, ufds_address: 10.2.2.29}}
  my-dc-3: {{headnode: root@10.3.2.2, region: my-dc}}
expect: {{patience: 0s}}
"""
SICK, WELL = "region-name-at-my-dc-1", "healthy"


def kept(runs: Path, name: str, of: str, *, allowed: bool = True) -> Path:
    """The folder of a run, as the suite leaves it."""
    check_functions()
    inventory = runs.parent / "region.yaml"
    if runs.name == "runs":
        inventory.write_text(REGION.format(apply="apply: true\n" if allowed else ""))
    evidence = recorded(of)
    evidence = replace(evidence, inventory=replace(evidence.inventory, path=str(inventory)))
    world = judged(evidence.inventory, evidence)
    folder = runs / name
    folder.mkdir(parents=True)
    save(evidence, folder / "evidence.json")
    found = findings_of(conclude(results(world), CHECKS, world), name)
    (folder / "findings.json").write_bytes(encode(found))
    return folder


class Scene:
    """Runs below `root`, and the datacenter of which they tell."""

    def __init__(self, root: Path) -> None:
        self.root, self.runs = root, root / "runs"
        self.door = Pretended(root / "dc")

    @classmethod
    def made(cls, root: Path, *, allowed: bool = True) -> Scene:
        """A copy of one that is made once: judging takes its time."""
        shutil.copytree(_template(allowed), root, symlinks=True, dirs_exist_ok=True)
        return cls(root)

    @property
    def healed(self) -> bool:
        state = self.door.state
        started = {name: state["smf"][name]["started"] for name in (CONFIG_AGENT, BINDER)}
        right = next(iter(state["sapi"].values()))["region_name"] == "my-dc" == state["file"]["region_name"]
        return right and started[BINDER] > started[CONFIG_AGENT] > 1

    @property
    def changes(self) -> list[str]:
        """What was changed, in short."""
        return [line.rpartition("/")[2] if "svc:" in line else line for line in self.door.written]

    @property
    def locked(self) -> bool:
        return (self.root / "dc/var/run/az-checks.lock").exists()

    def judged_again(self) -> Path:
        """A new run, of what the datacenter is now."""
        number = len(list(self.runs.glob("2*")))
        new = self.runs / f"20260101T00000{number}Z"
        shutil.copytree(self.root / "others" / ("well" if self.healed else "sick"), new)
        (self.runs / "latest").unlink()
        (self.runs / "latest").symlink_to(new.name)
        return new

    def apply(self, monkeypatch: pytest.MonkeyPatch, *words: str, ask: Any = None) -> int:
        """az-checks apply, with --yes where nobody is asked."""
        monkeypatch.setenv("AZ_FINGERPRINT_KEY_FILE", str(self.root / "key"))
        monkeypatch.setattr(command._Apply, "_judge", lambda *_: self.judged_again())
        yes = [] if ask is not None else ["--yes"]
        return command.main([*words, *yes, "--runs", str(self.runs)], door=self.door, ask=ask)


@functools.cache
def _template(allowed: bool) -> Path:
    root = Path(tempfile.mkdtemp(prefix="az-scene-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    folder = kept(root / "runs", "20260101T000000Z", SICK, allowed=allowed)
    (folder.parent / "latest").symlink_to(folder.name)
    kept(root / "others", "well", WELL)
    kept(root / "others", "sick", SICK)
    action = plan_of(folder).entries[0].steps[0].step.actions[0]
    assert isinstance(action, SapiMetadata)
    smf = {fmri: {"state": "online", "started": 1} for fmri in (CONFIG_AGENT, BINDER)}
    old = dict(action.before)
    Pretended.made(root / "dc", {"sapi": {action.uuid: old}, "smf": smf, "file": dict(old)})
    return root
