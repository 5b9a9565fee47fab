"""The table of questions and the model hold the same facts, and something reads everything that is kept."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from evidence import accounts, comparison, headnode, model
from evidence.collect import files, services
from evidence.inventory.model import CANDIDATE, MASTER, REPLICA
from evidence.subjects import questions
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.questions import ANY_ENDPOINT, HEAD_NODE, ITS_OWN_SERVICE, OF_DATACENTER, OF_ZONE
from evidence.subjects.triton import MANTA_ROLES, ROLES
from evidence.subjects.zone import Zone

ROOT = Path(__file__).resolve().parents[2]
READERS = "\n".join(
    path.read_text(encoding="utf-8")
    for folder in ("checks", "evidence/subjects", "remediate", "reports", "verdict")
    for path in sorted((ROOT / folder).rglob("*.py"))
) + Path(model.__file__).read_text(encoding="utf-8")
OF_THE_FILE = {"suite_version", "finished", "schema"}
"""The fields by which evidence.json describes itself, for people who find it."""


def fields(kind: type[msgspec.Struct]) -> set[str]:
    return set(kind.__struct_fields__)


def test_each_fact_is_a_row_and_each_row_a_fact() -> None:
    assert OF_DATACENTER.keys() == fields(model.DatacenterEvidence) - {"links"}
    assert OF_ZONE.keys() == fields(model.ZoneEvidence) - {"vm"}


@pytest.mark.parametrize("kind", [model.DatacenterEvidence, model.ZoneEvidence])
def test_a_fact_that_is_not_always_asked_may_be_absent(kind: type[msgspec.Struct]) -> None:
    """If a row depends on something, its default is None, so evidence without it can be made and read."""
    table = OF_DATACENTER if kind is model.DatacenterEvidence else OF_ZONE
    needed = {field.name for field in msgspec.structs.fields(kind) if field.required}
    assert needed <= {"vm", *(key for key, row in table.items() if not row.when and not row.roles)}


def test_rows_use_words_that_mean_something() -> None:
    rows = [*OF_DATACENTER.values(), *OF_ZONE.values()]
    words = {
        questions.MANTA,
        questions.MANTAS_MASTER,
        questions.WITH_CANDIDATES,
        questions.FIREWALLED,
        questions.DOUBTFUL,
        questions.SPREAD,
        questions.MASTER_ELSEWHERE,
        questions.REPLICAS_ELSEWHERE,
    }
    assert {word for row in rows for word in row.when} <= words | {MASTER, REPLICA, CANDIDATE}
    assert {role for row in rows for role in row.roles} <= {*ROLES, *MANTA_ROLES}
    assert {row.seen_from for row in OF_DATACENTER.values()} <= {HEAD_NODE, ANY_ENDPOINT, *ROLES}
    assert {row.seen_from for row in OF_ZONE.values()} <= {HEAD_NODE, ITS_OWN_SERVICE}


def test_no_two_facts_of_one_subject_are_asked_in_the_same_words() -> None:
    for table in (OF_DATACENTER, OF_ZONE):
        assert len({row.asked for row in table.values()}) == len(table)


def test_an_accessor_answers_by_the_row_of_its_own_name() -> None:
    """`_answer("clock", self.evidence.clock)`: key and field are the same word, but no type says so."""
    for subject, name in ((Datacenter, "datacenter"), (Zone, "zone")):
        text = (ROOT / f"evidence/subjects/{name}.py").read_text(encoding="utf-8")
        pairs = re.findall(r"self\._(?:answer|own|by_master)\(\"(\w+)\", self\.evidence\.(\w+)\)", text)
        assert len(pairs) > 7
        assert all(key == field and hasattr(subject, key) for key, field in pairs), pairs


KEPT = {
    "settings": [key for key in (*services.SETTINGS, *services.SECRETS) if not key.endswith("_domain")],
    "settings of services": [key for key in services.SAPI_SETTINGS if not key.endswith("_domain")],
    "settings of manta": services.MANTA_SETTINGS,
    "health URLs": services.PING_FIELDS,
    "files": [key for keys in files.SETTINGS.values() for key in keys],
}
"""Names that end in the domain are read by whatever corrects it: remediate.names goes through all of them."""


@pytest.mark.parametrize("kind", KEPT)
def test_what_is_kept_is_read(kind: str) -> None:
    assert [key for key in KEPT[kind] if f'"{key}"' not in READERS and f"'{key}'" not in READERS] == []


@pytest.mark.parametrize("module", [model, headnode, accounts, comparison])
def test_each_field_of_the_evidence_is_read(module: ModuleType) -> None:
    kinds = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
    known = {name for kind in kinds if kind.__module__ == module.__name__ for name in fields(kind)}
    assert {name for name in known if not re.search(rf"\.{name}\b", READERS)} <= OF_THE_FILE
