"""--timeline as an operator meets it: the page, and the lines on the terminal."""

from __future__ import annotations

from evidence.timeline import OURS, OUTSIDE, AskedSpan, ChainLink, Phase, Recorder, Topic
from reports.pages.timeline import timeline_page
from reports.timeline import MOST, Timeline, text, timeline_of
from tests.reports.pages import HOSTILE, Parsed


def timeline(name: str = "my-dc-2", links: int = 3) -> Timeline:
    asked = Topic(f"{name}.ufds0", f"its directory {name}")
    chain = [
        ChainLink(asked, at, at + 1, {OURS: 0.25, OUTSIDE: 0.75}, f"Ask.{name}", f"Wait.{name}", 0.1)
        for at in range(links)
    ]
    return Timeline(float(links), [Phase(name, 0, links)], chain, [AskedSpan(asked, 0, links)])


def test_names_from_outside_are_text_on_the_page() -> None:
    page = timeline_page(timeline(HOSTILE), HOSTILE).decode()
    assert "<img" not in page
    assert "<script>alert" not in page
    assert page.count("</script>") == 1
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "{{7*7}}" in page
    assert "</script><script>alert(1)</script>" in "".join(Parsed(page).words)


def test_names_from_outside_do_nothing_on_the_terminal() -> None:
    told = text(timeline(HOSTILE))
    assert "\\x1b[2J" in told
    assert "\x1b" not in told
    assert "\u202e" not in told


def test_the_lines_add_up_to_the_whole() -> None:
    told = text(timeline(links=3 * MOST)).splitlines()
    assert len(told) == MOST + 2
    assert told[0].startswith(f"Where {3 * MOST}.00 s went")
    assert told[-1].split() == [f"{2 * MOST}.00", "s", "67%", f"{2 * MOST}", "shorter", "ones"]


def test_the_phases_have_in_them_what_the_asking_waited_for() -> None:
    recorder = Recorder(10.0)
    recorder.phases += [Phase("start", 10, 12), Phase("asking", 12, 20), Phase("judging", 20, 21)]
    a, b = Topic("one", "a"), Topic("one", "b")
    recorder.chains += [[ChainLink(b, 16, 19, {OUTSIDE: 3})], [ChainLink(a, 13, 15, {OUTSIDE: 2})]]
    told = timeline_of(recorder)
    assert [(one.question.asked, one.begin, one.end) for one in told.chain] == [
        ("start", 0, 2),
        ("asking", 2, 3),
        ("a", 3, 5),
        ("asking", 5, 6),
        ("b", 6, 9),
        ("asking", 9, 10),
        ("judging", 10, 11),
    ]
    assert told.seconds == 11


def test_the_moment_between_two_phases_belongs_to_the_later_one() -> None:
    recorder = Recorder(10.0)
    recorder.phases += [Phase("start", 10.1, 12), Phase("judging", 12.00006, 21)]
    chain = timeline_of(recorder).chain
    assert [(one.begin, one.end) for one in chain] == [(0, 2), (2, 11)]
