"""Allure's results after a run: severity, chapter, cause and remedy, links, the environment, and the three categories."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from evidence.store import save
from reports.allure import CATEGORIES
from tests.recording import recorded
from tests.suite.running import suite


def labels(told: Any) -> dict[str, str]:
    return {each["name"]: each["value"] for each in told["labels"]}


def test_a_run_for_allure(tmp_path: Path) -> None:
    save(recorded("route-missing-at-my-dc-3.cloudapi0"), tmp_path / "evidence.json")
    folder = tmp_path / "allure"
    done = suite(tmp_path, f"--evidence={tmp_path / 'evidence.json'}", f"--alluredir={folder}")
    assert done.returncode == 1
    results = {told["name"]: told for path in folder.glob("*-result.json") for told in [json.loads(path.read_bytes())]}
    cause = results["test_cloudapi_reaches_master_ufds[my-dc-3.cloudapi0--my-dc-2.ufds.636]"]
    found = labels(cause)
    assert (found["severity"], found["epic"], found["feature"]) == (
        "critical", "reachability", "cloudapi-reaches-master-ufds",
    )  # fmt: skip
    assert cause["statusDetails"]["message"].endswith("(cause 1)")
    assert "remedy:     step 1 on root@10.3.2.2" in cause["descriptionHtml"]
    assert cause["links"][0]["url"].endswith("docs/checks.md#cloudapi-reaches-master-ufds")
    kinds: dict[str, int] = {}
    for told in results.values():
        if told["status"] in ("failed", "broken"):
            (name,) = [
                each["name"]
                for each in CATEGORIES
                if told["status"] in each["matchedStatuses"]
                and re.fullmatch(str(each["messageRegex"]), told["statusDetails"]["message"])
            ]
            kinds[name] = kinds.get(name, 0) + 1
    assert kinds == {"Causes": 1, "Consequences": 2, "Not seen": 2}
    assert json.loads((folder / "categories.json").read_bytes()) == list(CATEGORIES)
    environment = (folder / "environment.properties").read_text().splitlines()
    assert "coupling=my-dc (3 datacenters, master my-dc-2)" in environment
    assert {"severity", "epic", "feature"} <= set(labels(results["test_sapi_answers[my-dc-1.sapi0]"]))
