"""The page and the plot say what was measured, losses included."""

from __future__ import annotations

from xml.etree import ElementTree

import msgspec
import pytest

from tests.bench.made import figures, setting, took
from tools.bench import page, plot
from tools.bench.contenders import ROOT
from tools.bench.figures import FLOOR, SERIAL, SHARED, SUITE, TESTINFRA, Figures, median, ratio

DOCS = ROOT / "docs"


def rows(text: str) -> dict[str, list[str]]:
    """The cells of the table's rows, by the contender."""
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {cells[0]: cells[1:] for cells in lines if len(cells) == 7}


def test_the_table_has_medians_and_ratios_to_the_floor() -> None:
    found = rows(page.rendered(figures()))
    assert found["floor"][:2] == ["5.0 s", "1.00"]
    assert found["**this suite**"] == ["10.0 s", "2.00", "8.0–12.0 s", "3", "2.5 s", "3 of 3"]
    assert found["`ssh`, shared, `xargs -P8`"][1] == "0.50"


def test_who_was_stopped_took_more_than_that_and_read_less() -> None:
    found = rows(page.rendered(figures()))
    assert found["`ssh`, one by one"][:2] == ["more than 60.0 s", "more than 15.00"]
    assert found["`ssh`, one by one"][-1] == "2 of 3"


def test_of_testinfra_the_best_number_of_workers_is_shown() -> None:
    """16 were fastest, and did not read everything."""
    assert setting().contenders() == [FLOOR, SUITE, SHARED, SERIAL, TESTINFRA, f"{TESTINFRA} -n 8"]


def test_who_was_faster_is_said() -> None:
    text = page.rendered(figures())
    lost = next(line for line in text.splitlines() if line.startswith("  - "))
    assert "xargs -P8` (0.50)" in lost
    assert "testinfra, `-n 8` (1.62)" in lost
    assert lost.endswith("the suite 2.00.")
    assert "one by one" not in lost


def test_nobody_faster_is_said_too() -> None:
    alone = setting(took={FLOOR: took(4.0), SUITE: took(5.0), SERIAL: took(50.0)})
    assert "nobody but the floor; the suite 1.25." in page.rendered(figures(alone))


def test_verdicts_that_differ_are_shown() -> None:
    assert "| 3 | `ssh`, shared, `xargs -P8` | 419 of 420 |" in page.rendered(figures())


def test_a_ratio_is_taken_round_by_round() -> None:
    """The second round was slow for both; of the medians the ratio would be 1.2."""
    noisy = setting(took={FLOOR: took(1.0, 10.0, 10.0), SUITE: took(2.0, 12.0, 20.0)})
    assert median(noisy.took[SUITE]) / median(noisy.took[FLOOR]) == pytest.approx(1.2)
    assert ratio(noisy, SUITE) == 2.0


def test_the_plot_is_well_formed_and_its_bars_have_their_lengths() -> None:
    drawing = ElementTree.fromstring(plot.drawn([setting(), setting(dark=1)]))
    bars = list(drawing.iter("{http://www.w3.org/2000/svg}rect"))
    ours = [each for each in bars if each.get("class") == "ours"]
    assert len(bars) == 2 * 5
    assert len(ours) == 2
    lengths = [float(each.get("width", "0")) for each in bars[:5]]
    of_the_suite, half, most = lengths[0], lengths[1], lengths[2]
    assert of_the_suite == pytest.approx(half, rel=0.01)  # twice and half the floor are as far from it
    assert most == max(lengths)
    assert "prefers-color-scheme: dark" in plot.drawn([setting()])
    text = "".join(drawing.itertext())
    assert "more than 15.00×" in text
    assert "3 datacenters, 40 ms away, one of them dark" in text


def test_the_page_that_is_committed_is_made_from_the_figures_beside_it() -> None:
    """`python -m tools.bench --page docs/benchmark.json` makes it again."""
    told = msgspec.json.decode((DOCS / "benchmark.json").read_bytes(), type=Figures)
    assert (DOCS / "benchmark.md").read_text("utf-8") == page.rendered(told)
    assert (DOCS / "benchmark.svg").read_text("utf-8") == plot.drawn(told.settings)


def test_a_lab_without_figures_is_said() -> None:
    assert "no figures of 10 datacenters" in page.rendered(msgspec.structs.replace(figures(), without=(10,)))
    assert "no figures" not in page.rendered(figures())
