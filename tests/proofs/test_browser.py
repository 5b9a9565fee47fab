"""The page in a real browser: it loads nothing, its scripts do not fail, it filters, copies and prints, and axe-core has no complaint.

axe-core is not the project's: AZ_AXE names a copy of its axe.min.js (of the package axe-core); without it that part is skipped.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.check import CHECKS
from reports.conclusion import Conclusion
from reports.pages.compliance import compliance_page
from reports.pages.report import FILE
from reports.pages.site import write_site
from reports.pages.summary import load as load_summary
from reports.stored import conclusion_in
from tests.proofs.browser import Browser, installed
from tests.reports import pages

pytestmark = [pytest.mark.proof, pytest.mark.skipif(installed() is None, reason="no Chromium is installed")]
SCENES: dict[str, Callable[[], Conclusion]] = {
    "healthy": lambda: pages.concluded("healthy"),
    "broken": lambda: pages.concluded("route-missing-at-my-dc-3.cloudapi0"),
    "twenty": lambda: pages.conclusion_on(pages.twenty()),
    "hostile": lambda: pages.hostile(10_000),
}
COPIED = """(async () => {
  const button = document.querySelector(".cmd button");
  button.click();
  for (let n = 0; n < 100 && button.textContent === "copy"; n++) await new Promise((done) => setTimeout(done, 20));
  return [button.textContent, document.querySelector("#status").textContent];
})()"""
FILTERED = """(() => {
  const field = document.querySelector("#f-text");
  const once = (text) => {
    const begun = performance.now();
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    return performance.now() - begun;
  };
  const times = ["sapi", "sapi1", "nothing has this", "", "sapi-answers", "zz", ""].map(once);
  once(WORD);
  const shown = [...document.querySelectorAll(".row")].filter((row) => !row.hidden && !row.closest("[hidden]"));
  const fits = shown.every((row) => row.textContent.toLowerCase().includes(WORD));
  const told = document.querySelector("#shown").textContent;
  return { fastest: Math.min(...times), shown: shown.length, told, fits };
})()"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as one:
        yield one


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    place, made = tmp_path_factory.mktemp("pages"), {}

    def file(name: str) -> Path:
        if name not in made:
            made[name] = place / f"{name}.html"
            made[name].write_text(pages.page(SCENES[name]()), encoding="utf-8")
        return made[name]

    return file


@pytest.fixture(params=SCENES)
def shown(request: pytest.FixtureRequest, browser: Browser, files: Callable[[str], Path]) -> tuple[str, Browser]:
    browser.open(files(request.param))
    return request.param, browser


def test_no_script_fails_and_nothing_is_loaded(shown: tuple[str, Browser]) -> None:
    _, browser = shown
    assert browser.run("document.readyState") == "complete"
    assert browser.errors == []
    assert [url for url in browser.requests if not url.startswith(("file:", "data:"))] == []
    assert len([url for url in browser.requests if url.startswith("file:")]) == 1, "the page itself"
    assert browser.run("document.querySelectorAll('script').length") == 1, "none came from outside"


def test_it_filters_at_once(shown: tuple[str, Browser]) -> None:
    name, browser = shown
    told: Any = browser.run(FILTERED.replace("WORD", json.dumps("sapi-answers")))
    assert told["fits"]
    assert told["shown"] > 0
    assert told["told"].startswith(f"{told['shown']} of ")
    assert told["fastest"] < 100, f"{name}: a filter took {told['fastest']:.0f} ms"


@pytest.mark.parametrize("wide", [390, 1280])
def test_it_is_no_wider_than_the_window(shown: tuple[str, Browser], wide: int) -> None:
    """On a phone, too. What is wider, as a command, has a scroll bar of its own."""
    name, browser = shown
    if name == "hostile":
        pytest.skip("its rows are those of the others, ten thousand times")
    browser.call("Emulation.setDeviceMetricsOverride", width=wide, height=900, deviceScaleFactor=1, mobile=wide < 500)
    assert browser.run("document.documentElement.scrollWidth") <= wide
    browser.call("Emulation.clearDeviceMetricsOverride")


def test_a_command_is_copied(browser: Browser, files: Callable[[str], Path]) -> None:
    browser.open(files("broken"))
    browser.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    assert browser.run(COPIED) == ["copied", "The command was copied."]


def test_it_prints(shown: tuple[str, Browser]) -> None:
    name, browser = shown
    if name == "hostile":
        pytest.skip("thousands of causes are thousands of pages")
    printed = base64.b64decode(browser.call("Page.printToPDF")["data"])
    assert printed.startswith(b"%PDF-")
    assert len(printed) > 10_000


def test_axe_finds_nothing_serious(shown: tuple[str, Browser]) -> None:
    name, browser = shown
    if name == "hostile":
        pytest.skip("its rows are those of the others, ten thousand times")
    assert grave(browser) == {}


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The compliance page of a night with findings, and the index of two nights."""
    place = tmp_path_factory.mktemp("others")
    night = pages.nights(place / "runs", range(24, 26))[-1].home
    page = place / "compliance.html"
    page.write_bytes(compliance_page(conclusion_in(night, CHECKS), load_summary(night), night, signed=False))
    index, _ = write_site(place / "runs", place / "site", lambda run: (run / FILE).read_bytes())
    return {"compliance": page, "index": index}


@pytest.mark.parametrize("name", ["compliance", "index"])
def test_the_auditors_page_and_the_index_load_nothing_and_fit(
    browser: Browser, others: dict[str, Path], name: str
) -> None:
    browser.open(others[name])
    assert (browser.errors, len([url for url in browser.requests if not url.startswith("data:")])) == ([], 1)
    for wide in (390, 1280):
        browser.call(
            "Emulation.setDeviceMetricsOverride", width=wide, height=900, deviceScaleFactor=1, mobile=wide < 500
        )
        assert browser.run("document.documentElement.scrollWidth") <= wide
        browser.call("Emulation.clearDeviceMetricsOverride")


@pytest.mark.parametrize("name", ["compliance", "index"])
def test_axe_finds_nothing_serious_on_these(browser: Browser, others: dict[str, Path], name: str) -> None:
    browser.open(others[name])
    assert grave(browser) == {}


def grave(browser: Browser) -> dict[str, Any]:
    """What axe-core calls serious on the page that is open."""
    axe = os.environ.get("AZ_AXE")
    if axe is None:
        pytest.skip("AZ_AXE names no axe.min.js, so axe-core has not looked at the page")
    browser.run(Path(axe).read_text(encoding="utf-8") + ";0")
    found: Any = browser.run("axe.run().then((told) => told.violations)")
    return {
        each["id"]: [node["target"] for node in each["nodes"]][:3]
        for each in found
        if each["impact"] in ("serious", "critical")
    }
