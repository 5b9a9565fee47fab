"""Writes evidence.json in one piece, the same bytes for the same evidence, and reads it back strictly."""

from __future__ import annotations

import os
import pathlib
import re
import tempfile
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from evidence import first_schema
from evidence.inventory.model import CANDIDATE, MASTER, REPLICA
from evidence.inventory.regular import NotRegularError, read_regular
from evidence.model import SCHEMA, Evidence
from triton_az_checks.errors import OperatorError

LARGEST: Final = 256 << 20
NO_TIME: Final = "2000-01-01T00:00:00Z"
"""The constant that stands for every time in normalised evidence."""

_DATE = re.compile(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} [0-9]{4}\b")
_NO_DATE = "Sat Jan  1 00:00:00 2000"
_AT_ONCE = 0.5
"""Files that were written within so many seconds were written at once."""


class EvidenceError(OperatorError):
    """A file of evidence cannot be used. The message names the file, what is wrong, and what to do."""


def save(evidence: Evidence, path: str | os.PathLike[str]) -> None:
    """Write evidence to `path`, readable by its owner and group. Nobody ever sees half a file.

    The operator's notify_command is not written: it may hold a token, and nobody who judges this evidence shall start it.
    """
    target = pathlib.Path(path)
    evidence = replace(evidence, inventory=replace(evidence.inventory, notify_command=""))
    text = msgspec.json.format(msgspec.json.encode(evidence, order="sorted"), indent=1) + b"\n"
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), 0o640)
        pathlib.Path(aside).replace(target)
    except BaseException:
        pathlib.Path(aside).unlink(missing_ok=True)
        raise


def place_of(named: str, runs: pathlib.Path) -> pathlib.Path:
    """Where the evidence is that somebody named: the folder of a run that is kept in `runs`, or else a file."""
    run = runs / named
    return run if named and run.is_dir() else pathlib.Path(named)


def directory_beside(path: pathlib.Path, name: str) -> pathlib.Path:
    """Where it is kept what the directory of a datacenter held, beside a file of evidence."""
    return path.with_name(f"{path.name}.{name}.directory")


def load(path: str | os.PathLike[str]) -> Evidence:
    """Return the evidence in `path`: a file, or the folder of a run. Raises only EvidenceError."""
    source = pathlib.Path(path)
    if source.is_dir():
        source = source / "evidence.json"
    try:
        data = read_regular(source, LARGEST + 1)
    except NotRegularError as error:
        raise EvidenceError(f"{source}: is {error} — name an evidence.json, or the folder of a run") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        reason = f"cannot be read ({why}) — name an evidence.json, or the folder of a run"
        raise EvidenceError(f"{source}: {reason}") from None
    if len(data) > LARGEST:
        raise EvidenceError(f"{source}: is larger than any evidence — name an evidence.json, or the folder of a run")
    try:
        schema = msgspec.json.decode(data, type=_Schema).schema
        if schema not in (1, SCHEMA):
            reason = f"has schema {schema}, this version reads schema {SCHEMA} and 1 — judge it with the version that collected it"
            raise EvidenceError(f"{source}: {reason}")
        evidence = first_schema.read(data) if schema == 1 else msgspec.json.decode(data, type=Evidence)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = f"is not evidence ({' '.join(str(error).split())}) — collect it anew, or name another file"
        raise EvidenceError(f"{source}: {reason}") from None
    wrong = _contradiction(evidence)
    if wrong:
        raise EvidenceError(
            f"{source}: is not evidence of one coupling ({wrong}) — collect it anew, or name another file"
        )
    return evidence


def _contradiction(evidence: Evidence) -> str:
    """Where the inventory in the evidence contradicts itself, or what was collected. No inventory file could be read like that."""
    declared = evidence.inventory.datacenters
    masters = sorted(name for name, one in declared.items() if one.state == MASTER)
    if masters != [evidence.inventory.master]:
        return f"its master is {evidence.inventory.master!r}, and the datacenters declared as master are: {masters}"
    for name, one in sorted(declared.items()):
        if one.name != name:
            return f"a datacenter is declared as {name!r} and called {one.name!r}"
        if one.state not in (MASTER, REPLICA, CANDIDATE):
            return f"the state of {name} is {one.state!r}"
    held = sorted(evidence.datacenters)
    if evidence.parts and held != sorted(name for part in evidence.parts for name in part.datacenters):
        return "it holds other datacenters than its parts"
    if not declared.keys() >= {*held} or (not evidence.parts and declared.keys() != {*held}):
        return "it holds other datacenters than it declares"
    return ""


class _Schema(msgspec.Struct, frozen=True):
    schema: int


def normalised(evidence: Evidence) -> Evidence:
    """The same evidence without anything that differs between two recordings of one state.

    Of the moments when files were written and services began, only their order stays. Times (of facts, of the run, in messages) and
    the place of the inventory become constants. Durations become whole seconds, and short ones vanish (binder's REFUSED after 3 s
    stays). A clock that is off keeps tens of seconds. A change that waits for a replica waits not at all, or for an hour.
    Certificates are made at random, and so is an installation's key.  Whether a directory was read in full, or by what changed since,
    is no state.
    """
    tidy = _without_times(msgspec.to_builtins(evidence))
    tidy["inventory"]["path"] = "region.yaml"
    tidy["key_mark"] = ""
    return msgspec.convert(tidy, type=Evidence)


def _without_times(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_without_times(item) for item in value]
    if isinstance(value, str):
        return _DATE.sub(_NO_DATE, value)
    if not isinstance(value, dict):
        return value
    found = {key: _without_times(item) for key, item in value.items()}
    if "asked" in found and found.get("at"):
        found["at"] = NO_TIME
    if "services" in found and "files" in found:
        _in_order(found)
    if "started" in found and "finished" in found:
        found["started"] = found["finished"] = NO_TIME
    if found.keys() == {"least", "most"}:
        right = found["least"] <= 0 <= found["most"]
        middle = 0.0 if right else round((found["least"] + found["most"]) / 20) * 10.0
        found |= {"least": middle - 1, "most": middle + 1}
    if "waiting" in found and "before" in found:
        found["waiting"] = 3600.0 if found["waiting"] >= 60 else 0.0
    if isinstance(found.get("ms"), int) and ("rcode" in found or "status" in found):
        found["ms"] = round(found["ms"] / 1000) * 1000 if found["ms"] >= 1500 else 0
    if "compared" in found and "full_at" in found:
        found |= {"full_at": "", "reread": 0, "anew": ""}
    if "certificate" in found:
        found |= {"certificate": ""} | ({"expired": NO_TIME[:10]} if found.get("expired") else {})
    return found


def _in_order(zone: dict[str, Any]) -> None:
    """The moments of one zone: 1 is when its oldest files were written, 3 when the next were; 0, 2 … lie before, between and after."""
    files = [file for file in (zone["files"].get("value") or {}).values() if file.get("written") is not None]
    moments: list[float] = []
    for moment in sorted(file["written"] for file in files):
        if not moments or moment - moments[-1] > _AT_ONCE:
            moments.append(moment)
    for service in zone["services"].get("value") or ():
        if service.get("began") is not None:
            service["began"] = 2.0 * sum(moment <= service["began"] for moment in moments)
    for file in files:
        file["written"] = 2.0 * sum(moment <= file["written"] for moment in moments) - 1
