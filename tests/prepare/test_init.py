"""az-checks init: what a datacenter says becomes a file that the reader takes, or one whose blanks the reader names."""

from __future__ import annotations

import asyncio
import datetime
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from evidence.collect.ldap import Entry, Found, Reply
from evidence.collect.unanswered import UnansweredError
from evidence.inventory.lines import DeclarationError
from evidence.inventory.reading import read_inventory
from evidence.model import Nic, Vm
from prepare import init
from prepare.learning import Learnt, _sapi, _ufds, _who_is_master
from prepare.writing import FILL_IN, region_yaml
from triton_az_checks.errors import UsageError

NOW = datetime.datetime(2026, 11, 27, 8, 0, tzinfo=datetime.UTC)
UUID = "11111111-2222-3333-4444-555555555555"
HOSTILE = (
    "x}\n  evil: {headnode: root@192.0.2.66, region: r}",
    "my-dc-9: {state: candidate}",
    "\x1b[2J\u202e",
    "# my-dc",
    "a" * 500,
    "../../etc",
    "",
    {"a": 1},
    7,
)


def learnt(**more: Any) -> Learnt:
    found = Learnt("root@192.0.2.2", name="my-dc-1", **more)
    found.place("my-dc-1", "the head node", "my-dc")
    return found


def read(found: Learnt, tmp_path: Path) -> Any:
    path = tmp_path / "region.yaml"
    path.write_text(region_yaml(found, NOW), encoding="utf-8")
    return read_inventory(path)


def zones() -> dict[str, Vm]:
    return {
        f"{role}0": Vm(
            uuid=UUID, alias=f"{role}0", role=role, state="running", nics=(Nic(ip="10.1.1.9", nic_tag="admin"),)
        )
        for role in ("sapi", "ufds")
    }


class Answering:
    """Stands for the services of one datacenter."""

    def __init__(
        self, cloudapi: object = None, moray: str = "", entries: tuple[Entry, ...] = (), manta: bool = False
    ) -> None:
        own = [
            {"name": "cloudapi", "metadata": {"CLOUDAPI_DATACENTERS": cloudapi}},
            {"name": "sapi", "metadata": {"MASTER_MORAY_IP": moray, "other": "x"}},
        ]
        self.pages = {
            "/applications?name=sdc": [{"name": "sdc", "uuid": UUID, "metadata": {"dns_domain": "example.com"}}],
            f"/services?application_uuid={UUID}": own,
            "/applications?name=manta": [{"name": "manta"}] if manta else [],
        }
        self.entries = entries

    async def read(self, host: str, path: str, name: str) -> str:
        assert (host, name) == ("10.1.1.9", "SAPI")
        return json.dumps(self.pages[path])

    async def ufds(self, host: str, root: object, searches: object) -> Reply:
        return Reply(True, "", (Found(self.entries),))


def asked(answering: Answering, known: dict[str, Any]) -> Learnt:
    """What is learnt of these services, on a head node with this configuration."""
    found = learnt()
    said = asyncio.run(_sapi(answering, zones(), found))  # type: ignore[arg-type]
    asyncio.run(_ufds(answering, zones(), "root", found))  # type: ignore[arg-type]
    _who_is_master(known | said, found)
    return found


def entry(datacenter: str, region: str = "my-dc", **more: str) -> Entry:
    return Entry("dn", {key: (value,) for key, value in {"datacenter": datacenter, "region": region, **more}.items()})


def test_one_datacenter_alone_is_a_file_that_can_be_used(tmp_path: Path) -> None:
    found = asked(
        Answering(json.dumps({"my-dc-1": "https://x"}), entries=(entry("my-dc-1"),)), {"ufds_is_master": "true"}
    )
    assert FILL_IN not in region_yaml(found, NOW)
    inventory = read(found, tmp_path)
    assert (inventory.master, {*inventory.datacenters}) == ("my-dc-1", {"my-dc-1"})
    assert inventory.datacenters["my-dc-1"].headnode == "root@192.0.2.2"
    assert "state: candidate}" in region_yaml(found, NOW), "it may be one: how to declare it stands there"


def test_the_master_names_all_regions_and_the_reader_names_the_first_blank(tmp_path: Path) -> None:
    entries = (entry("my-dc-1"), entry("my-dc-2", ip="10.2.1.11"), entry("my-dc-3", "my-dc-b"))
    found = asked(Answering(entries=entries), {})
    text = region_yaml(found, NOW)
    line = text.splitlines().index("  my-dc-2:   # named by UFDS") + 2
    with pytest.raises(DeclarationError) as refused:
        read(found, tmp_path)
    assert f"region.yaml:{line}: datacenters.my-dc-2.headnode" in str(refused.value)
    assert "its resolvers are 10.2.1.11" in text.splitlines()[line - 1]
    filled = [
        f"{row.partition('#')[0]}root@192.0.2.{number}" if f"# {FILL_IN}" in row else row
        for number, row in enumerate(text.splitlines(), 10)
    ]
    (tmp_path / "region.yaml").write_text("\n".join(filled))
    inventory = read_inventory(tmp_path / "region.yaml")
    assert inventory.master == "my-dc-1"
    assert {name: one.region for name, one in inventory.datacenters.items()} == {
        "my-dc-1": "my-dc", "my-dc-2": "my-dc", "my-dc-3": "my-dc-b",
    }  # fmt: skip


def test_a_replica_knows_its_master_by_the_moray_that_its_sapi_asks() -> None:
    entries = (entry("my-dc-1"), entry("my-dc-2"), entry("my-dc-3"))
    known = {"ufds_remote_ip": "10.2.2.29"}
    found = asked(Answering(moray="moray.my-dc-2.example.com", entries=entries), known)
    assert (found.master, found.master_address) == ("my-dc-2", "10.2.2.29")
    assert "    ufds_address: 10.2.2.29   # by which my-dc-1 follows it" in region_yaml(found, NOW)
    found = asked(Answering(entries=entries), known)
    assert found.master == ""
    assert f"master:   # {FILL_IN}: the one whose UFDS has the address 10.2.2.29, which my-dc-1 follows" in region_yaml(
        found, NOW
    )
    assert asked(Answering(entries=entries[:2]), known).master == "my-dc-2", "there is no other"


def test_what_only_cloudapi_names_is_a_candidate_of_the_master_and_has_no_region_yet() -> None:
    found = asked(Answering(json.dumps({"my-dc-1": "", "my-dc-4": ""}), entries=(entry("my-dc-1"),)), {})
    text = region_yaml(found, NOW)
    below = text.split("  my-dc-4:", 1)[1]
    assert "state: candidate   #" in below
    assert f"region:   # {FILL_IN}" in below


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_that_a_datacenter_says_becomes_more_than_a_value(text: Any, tmp_path: Path) -> None:
    whole = {"ufds_remote_ip": text, "dns_domain": text, "MASTER_MORAY_IP": f"moray.{text}.example.com"}
    found = learnt(gaps=[f"SAPI said {text}"])
    for name, region, ip in ((text, "my-dc", ""), ("my-dc-2", text, text)):
        found.place(name, "UFDS", region, ip)
    _who_is_master(whole, found)
    read_back = yaml.safe_load(region_yaml(found, NOW))
    assert {*read_back["datacenters"]} <= {"my-dc-1", "my-dc-2", "x", "my-dc-9"} & {*read_back["datacenters"]}
    assert {*read_back["datacenters"]} == {"my-dc-1", "my-dc-2"}
    assert read_back["datacenters"]["my-dc-2"] == {"headnode": None, "region": None}
    assert {*read_back} == {"master", "datacenters", "expect"}
    assert "\x1b" not in region_yaml(found, NOW)


def test_names_that_yaml_would_read_as_something_else_are_quoted(tmp_path: Path) -> None:
    for name in ("123", "no", "null", "1e3", "0x10", "2026-11-27"):
        found = Learnt("root@192.0.2.2", name=name)
        found.place(name, "the head node", name)
        _who_is_master({}, found)
        inventory = read(found, tmp_path)
        assert (inventory.master, inventory.datacenters[name].region) == (name, name)


def test_no_more_datacenters_than_there_can_be() -> None:
    found = learnt()
    for number in range(10_000):
        found.place(f"dc-{number}", "UFDS", "my-dc")
    assert len(found.places) == 64


def test_what_cannot_be_asked_is_a_gap_and_no_end(tmp_path: Path) -> None:
    class Silent(Answering):
        async def read(self, host: str, path: str, name: str) -> str:
            raise UnansweredError("SAPI at 10.1.1.9: connection refused")

        async def ufds(self, host: str, root: object, searches: object) -> Reply:
            return Reply(False, "invalidCredentials")

    found = asked(Silent(), {})
    assert found.gaps == [
        "SAPI did not say all: SAPI at 10.1.1.9: connection refused",
        "UFDS did not say which datacenters there are: invalidCredentials",
    ]
    assert read(found, tmp_path).master == "my-dc-1"
    assert "# - UFDS did not say which datacenters there are" in region_yaml(found, NOW)


def test_an_existing_file_is_never_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(init, "_learn", lambda _: pytest.fail("nobody is asked"))
    path = tmp_path / "region.yaml"
    path.write_text("mine")
    with pytest.raises(UsageError, match="is there already, and is not overwritten"):
        init.main(["root@192.0.2.2", "-o", str(path)])
    dangling = tmp_path / "other.yaml"
    dangling.symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="is there already"):
        init.main(["root@192.0.2.2", "-o", str(dangling)])
    assert path.read_text() == "mine"
    with pytest.raises(UsageError, match="cannot be written"):
        init._kept("text", path)  # made meanwhile
    assert path.read_text() == "mine"


@pytest.mark.parametrize("words", [["-oProxyCommand=x"], ["--", "-oProxyCommand=x"], ["root@a b"], ["root@h;id"], []])
def test_only_a_head_node_is_asked(words: list[str]) -> None:
    with pytest.raises(UsageError):
        init.main(words)
