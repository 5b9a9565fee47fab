"""The nights that are kept: thirty with planted changes, what is removed, what a killed run leaves, the site, and the auditor's page."""

from __future__ import annotations

import datetime
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from evidence.inventory.lines import DeclarationError
from evidence.inventory.reading import read_inventory
from evidence.model import Evidence
from evidence.store import load as load_evidence
from reports.extent import Extent
from reports.findings import load
from reports.pages import command, retention
from reports.pages.changes import changes, failing
from reports.pages.drift import drift
from reports.pages.nights import flapping, folders
from reports.pages.nights import nights as told_nights
from reports.pages.summary import load as load_summary
from reports.pages.trend import charts_of
from reports.run import new_run
from reports.screen import since_told
from tests.recording import recorded
from tests.reports import pages

NOW = datetime.datetime(2026, 11, 27, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty nights."""
    place = tmp_path_factory.mktemp("nights")
    pages.nights(place)
    return place


def causes(night: int) -> set[str]:
    return {f"{cause.check}[{cause.subject}]" for cause in load(_folder_of(night)).causes}


_PLACE: list[Path] = []


def _folder_of(night: int) -> Path:
    return _PLACE[night - 1]


@pytest.fixture(scope="module", autouse=True)
def _known(runs: Path) -> None:
    _PLACE[:] = folders(runs)


def test_every_night_is_a_run_and_the_last_is_the_latest(runs: Path) -> None:
    assert len(_PLACE) == pages.NIGHTS
    assert (runs / "latest").resolve() == _PLACE[-1]
    assert not [path.name for path in runs.iterdir() if path.name.startswith(".")]


def test_each_night_has_the_causes_that_were_planted() -> None:
    """What is compared below is what was planted, and no more."""
    for night in range(1, pages.NIGHTS + 1):
        assert bool(causes(night)) == bool(pages.PLANTED.get(night)), night


@pytest.mark.parametrize("night", range(2, pages.NIGHTS + 1))
def test_diff_says_exactly_what_was_planted(night: int) -> None:
    told = changes(load(_folder_of(night - 1)), load(_folder_of(night)))
    then, now = causes(night - 1), causes(night)
    assert {str(one.name) for one in (*told.new, *told.unseen) if one.cause} == now - then
    assert {str(one.name) for one in told.fixed if one.cause} == then - now
    assert {str(one.name) for one in told.still if one.cause} == then & now
    assert told.lost == told.waived == ()
    if pages.PLANTED.get(night) == pages.PLANTED.get(night - 1):
        assert told.none
    if night == 20:
        assert len(told.unseen) > 50, "my-dc-3 was dark"


@pytest.mark.parametrize("night", range(2, pages.NIGHTS + 1))
def test_drift_says_exactly_what_was_planted(night: int) -> None:
    found = list(drift(load_evidence(_folder_of(night - 1)), load_evidence(_folder_of(night))))
    if night == pages.DRIFTED:
        (one,) = found
        assert (one.place, one.key, one.was, one.now) == ("my-dc-2.binder0", "vm.tags.moved", "(absent)", "yes")
    elif pages.PLANTED.get(night) == pages.PLANTED.get(night - 1):
        assert found == []
    else:
        assert found


def test_secrets_drift_as_fingerprints() -> None:
    before = recorded("healthy")
    seen = before.datacenters["my-dc-1"]
    usbkey = seen.usbkey.get()
    (key, *_) = usbkey.fingerprints
    other = replace(usbkey, fingerprints=usbkey.fingerprints | {key: "0123456789abcdef"})
    after = replace(
        before, datacenters=before.datacenters | {"my-dc-1": replace(seen, usbkey=replace(seen.usbkey, value=other))}
    )
    (one,) = drift(before, after)
    assert (one.place, one.key) == ("my-dc-1", f"usbkey.fingerprints.{key}")
    assert (one.was, one.now) == (f"fingerprint {usbkey.fingerprints[key]}", "fingerprint 0123456789abcdef")


def test_what_counts_on_by_itself_is_no_drift() -> None:
    away = (number / 8 for number in itertools.count(1))
    before = _measured(recorded("healthy"), away)
    tree = msgspec.to_builtins(before)
    for seen in tree["datacenters"].values():
        for zone in seen["zones"]["value"].values():
            for fact in ("directory", "progress"):
                if zone.get(fact) and zone[fact].get("value"):
                    zone[fact]["value"]["latest"] += 7
            for service in zone["services"]["value"] or ():
                service["began"] = 12345.0
            zone["services"]["at"] = "2026-11-27T03:00:00Z"
    after = _measured(msgspec.convert(tree, type=Evidence), away)
    assert after != before
    assert list(drift(before, after)) == []


def _measured(evidence: Evidence, away: Iterator[float]) -> Evidence:
    """The same, with a time for each packet of full size."""
    tree = msgspec.to_builtins(evidence)
    for seen in tree["datacenters"].values():
        for link in seen["links"].values():
            for probe in link["value"] or ():
                if probe["protocol"] == "size":
                    probe["detail"] = f"{next(away)} ms"
    return msgspec.convert(tree, type=Evidence)


def _shown(certificate: str) -> Evidence:
    """The healthy region, in which a UFDS shows this certificate."""
    tree = msgspec.to_builtins(recorded("healthy"))
    tree["datacenters"]["my-dc-1"]["zones"]["value"]["ufds0"]["bind"]["value"]["certificate"] = certificate
    return msgspec.convert(tree, type=Evidence)


def test_another_certificate_is_drift() -> None:
    (one,) = drift(_shown("aa" * 32), _shown("bb" * 32))
    assert (one.place, one.key, one.was, one.now) == ("my-dc-1.ufds0", "bind.certificate", "aa" * 32, "bb" * 32)


def test_a_certificate_that_nobody_looked_at_is_none() -> None:
    assert list(drift(_shown(""), _shown("bb" * 32))) == []


def test_flapping_is_what_comes_and_goes() -> None:
    of = {night: failing([load(each) for each in _PLACE[max(0, night - 10) : night]]) for night in (16, 17, 30)}
    flaps = {night: {name for name in flapping(of[night]) if name in causes(12)} for night in of}
    assert flaps[17] == flaps[16] == causes(12), "it stopped three times within ten nights"
    assert flaps[30] == set()


FLAPS = range(14, 24)
"""moray0 stops in the nights 12, 14 and 16: from its second coming on, as long as three of its turns lie within ten nights."""


@pytest.mark.parametrize("night", range(2, pages.NIGHTS + 1))
def test_the_screens_line_says_exactly_what_was_planted(night: int) -> None:
    """Judged again as it was that morning, from its evidence and the summaries of the nights before."""
    folder = _folder_of(night)
    extent = Extent(selection="nightly", inventory="/somewhere/region.yaml")
    since = pages.conclusion_on(load_evidence(folder), extent, folder).since
    assert since is not None
    then, now = causes(night - 1), causes(night)
    assert (since.run, {*map(str, since.new)}, {*map(str, since.gone)}) == (
        _folder_of(night - 1).name,
        now - then,
        then - now,
    )
    assert {*since.flapping} == (causes(12) if night in FLAPS else set())
    assert ("; flapping: " in since_told(since)) == (night in FLAPS)
    assert load_summary(folder).held == (), "no cause stood behind another one"


def test_the_trend_has_the_last_thirty_nights_of_the_kind(runs: Path) -> None:
    last = load_summary(_PLACE[-1])
    told = told_nights(runs, last)
    assert [one.run for one in told] == [path.name for path in _PLACE]
    wrong = {number for number, one in enumerate(told, 1) if one.critical + one.warning + one.blocked}
    assert wrong == {*pages.PLANTED}
    assert [one.seconds for one in told] == [10.0 + number for number in range(1, pages.NIGHTS + 1)]
    assert [number for number, one in enumerate(told, 1) if one.most_behind] == [9]
    findings, lag, seconds = charts_of(told)
    assert [
        number for number, column in enumerate(findings.columns, 1) if {bar.kind for bar in column.bars} != {"none"}
    ] == sorted(wrong)
    assert [
        number for number, column in enumerate(lag.columns, 1) if {bar.kind for bar in column.bars} == {"plain"}
    ] == [9]
    assert seconds.most == "40 s"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["list"], "20261002T030000Z"),
        (["show"], "All is well"),
        (["diff"], "Nothing changed in the evidence."),
        (["diff", "20261004T030000Z", "20261005T030000Z"], "New: "),
        (["diff", "20261022T030000Z", "20261023T030000Z"], "vm.tags.moved: (absent) -> yes"),
    ],
    ids=str,
)
def test_the_commands_say_it(runs: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(runs, *words) == 0
    assert said in capsys.readouterr().out


def run(runs: Path, *words: str) -> int:
    options = command.parser_of().parse_args(words)
    done: int = options.do(options, runs)
    return done


def inventory(tmp_path: Path, keep: str) -> Path:
    path = tmp_path / "region.yaml"
    path.write_text(f"master: a\ndatacenters:\n  a: {{headnode: one, region: r}}\nkeep: {keep}\n")
    return path


def test_keep_is_read(tmp_path: Path) -> None:
    for told, wanted in (("90", (90, 0)), ("{runs: 90, days: 365}", (90, 365)), ("{days: 30}", (0, 30))):
        read = read_inventory(inventory(tmp_path, told))
        assert (read.keep, read.keep_days) == wanted


@pytest.mark.parametrize(
    ("keep", "why"),
    [
        ("{}", "keep is empty"),
        ("{runs: 0}", "keep.runs is '0' — write a whole number from 1"),
        ("{weeks: 2}", "keep has the unknown key 'weeks' — known are: runs, days"),
        ("[1]", "keep is a list, not a mapping"),
        ("forever", "keep is 'forever' — write a whole number"),
    ],
)
def test_a_wrong_keep_is_refused_with_its_line(tmp_path: Path, keep: str, why: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        read_inventory(inventory(tmp_path, keep))
    assert f"region.yaml:4: {why}" in str(refused.value)


def few(tmp_path: Path, count: int = 6) -> Path:
    pages.nights(tmp_path, range(1, count + 1))
    return tmp_path


def test_what_keep_does_not_keep_is_removed(tmp_path: Path) -> None:
    runs = few(tmp_path)
    other = pages.kept(runs, replace(pages.night(1), started="2026-09-01T03:00:00Z"), path="/another.yaml")
    names = [path.name for path in folders(runs)]
    declared = replace(recorded("healthy").inventory, keep=3)
    gone = retention.removed(runs, declared, "/somewhere/region.yaml", NOW)
    assert list(gone) == names[1:4]
    assert other.home.is_dir(), "another coupling's run is not ours to remove"
    assert not [path for path in runs.iterdir() if path.name.startswith(".")]


def test_by_age_all_goes_but_the_latest_and_the_last_nightly(tmp_path: Path) -> None:
    runs = few(tmp_path, 3)
    last = pages.kept(runs, pages.night(4), selection="")
    declared = replace(recorded("healthy").inventory, keep_days=1)
    names = [path.name for path in folders(runs)]
    held = new_run(runs, NOW)
    assert list(retention.removed(runs, declared, "/somewhere/region.yaml", NOW)) == names[:2]
    assert (runs / "latest").resolve() == last.home
    assert held.path.is_dir(), "what is being written stays"


def test_a_run_whose_apply_is_not_at_its_end_stays(tmp_path: Path) -> None:
    runs = few(tmp_path, 3)
    first, second, _ = folders(runs)
    (first / "journal.jsonl").write_text('{"type":"opened"}\n{"type":"intent"}\n')
    (second / "journal.jsonl").write_text('{"type":"opened"}\n{"type":"closed","why":"done"}\n')
    declared = replace(recorded("healthy").inventory, keep=1)
    assert retention.removed(runs, declared, "/somewhere/region.yaml", NOW) == (second.name,)


KILLED = """
import sys, time
from pathlib import Path
from reports.run import new_run
run = new_run(Path(sys.argv[1]))
(run.path / "evidence.json").write_text("{}")
print("written", flush=True)
time.sleep(600)
"""


def test_a_killed_run_leaves_nothing_that_looks_like_one(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2], text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        (left,) = tmp_path.iterdir()
        assert left.name.startswith(".")
        retention.sweep(tmp_path)
        assert left.is_dir(), "it is still at work"
        os.kill(process.pid, signal.SIGKILL)
    assert folders(tmp_path) == []
    retention.sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_site_is_pages_with_an_index(tmp_path: Path, runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "site"
    assert run(runs, "site", str(folder), "--last", "4") == 0
    assert "4 runs: " in capsys.readouterr().out
    names = sorted(path.name for path in folder.iterdir())
    assert names == [*(f"{path.name}.html" for path in _PLACE[-4:]), "index.html"]
    found = pages.Parsed((folder / "index.html").read_text())
    assert sorted({*found.loads} - {"data:,"}) == names[:-1]
    assert run(runs, "site", str(folder), "--last", "2") == 0, "again into its own folder"
    assert len(list(folder.iterdir())) == 3


def test_a_site_takes_no_other_folder(tmp_path: Path, runs: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    from triton_az_checks.errors import UsageError

    with pytest.raises(UsageError, match="did not write"):
        run(runs, "site", str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_auditors_page_says_what_was_not_judged_and_who_accepted_what(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from evidence.inventory.model import Waiver

    evidence = pages.night(25)
    waiver = Waiver(
        "region-name-agrees", "my-dc-1", "<b>known</b>", "ops@example.com", datetime.date(2027, 1, 31), "OPS-1"
    )
    evidence = replace(evidence, inventory=replace(evidence.inventory, waived=(waiver,)))
    kept = pages.kept(tmp_path, evidence)
    assert run(tmp_path, "compliance") == 0
    page = Path(capsys.readouterr().out.strip())
    assert page == kept.home / "compliance.html"
    text = page.read_text()
    said = " ".join("".join(pages.Parsed(text).words).split())
    summary = load_summary(kept.home)
    for wanted in (
        summary.user,
        summary.host,
        summary.sha256,
        "ops@example.com",
        "2027-01-31",
        "OPS-1",
        "accepts ",
        "<b>known</b>",
    ):
        assert wanted in said, wanted
    assert "<b>" not in text
    assert "looked at by" in said
    (kept.home / "evidence.json").write_bytes((kept.home / "evidence.json").read_bytes() + b" ")
    assert run(tmp_path, "compliance") == 0
    assert "it is not what the run wrote" in page.read_text()


def test_a_signature_holds_until_a_file_is_touched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = few(tmp_path / "runs", 1)
    key = tmp_path / "key"
    for name in ("key", "other"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)], check=True)
    signers, strangers = tmp_path / "signers", tmp_path / "strangers"
    signers.write_text(f'ops@example.com namespaces="triton-az-checks" {key.with_suffix(".pub").read_text()}')
    strangers.write_text(f"else@example.com {(tmp_path / 'other.pub').read_text()}")
    assert run(runs, "sign", "--key", str(key)) == 0
    assert run(runs, "verify", "--signers", str(signers)) == 0
    assert "as ops@example.com signed them" in capsys.readouterr().out
    assert run(runs, "verify", "--signers", str(strangers)) == 1
    assert "nobody in" in capsys.readouterr().out
    (folder,) = folders(runs)
    (folder / "findings.json").write_bytes((folder / "findings.json").read_bytes() + b" ")
    (folder / "new.txt").write_text("x")
    assert run(runs, "verify", "--signers", str(signers)) == 1
    said = capsys.readouterr().out
    assert "findings.json is not what was signed" in said
    assert "new.txt was added afterwards" in said
    listed = folder / "manifest.txt"
    listed.write_bytes(listed.read_bytes().replace(b"a", b"b"))
    assert run(runs, "verify", "--signers", str(signers)) == 1
    assert "does not fit" in capsys.readouterr().out
