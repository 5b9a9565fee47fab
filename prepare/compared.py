"""What `az-checks compare` tells: a heading, and a line for each entry that differs, which is neither wrapped nor cut: one greps in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from evidence.collect.anypair import PairDifferences
from evidence.collect.listing import KeptListing
from evidence.comparison import DIFFERENT, EXTRA, MISSING, EntryDifference
from reports.page import Page, counted

KINDS: Final = (MISSING, EXTRA, DIFFERENT)
NOW: Final = {kind: kind for kind in KINDS}
SINCE: Final = {MISSING: "removed", EXTRA: "added", DIFFERENT: "changed"}
_WIDE, _INDENT = 9, 4


def write_two(page: Page, first: str, second: str, seen: PairDifferences) -> None:
    """Two directories, as they are now."""
    _write(page, second, f"against {first}", seen, NOW)


def write_since(page: Page, kept: KeptListing, file: str, now: str, seen: PairDifferences) -> None:
    """A directory now, and what was kept of it, or of another one."""
    if kept.datacenter == now:
        _write(page, now, f"since {kept.begun} ({file})", seen, SINCE)
        return
    against = f"now against {kept.datacenter} as it was at {kept.begun} ({file})"
    remark = f"What has changed since then, in either, shows as a difference too: {kept.datacenter} was not asked now."
    _write(page, now, against, seen, NOW, remark)


def _write(page: Page, name: str, against: str, seen: PairDifferences, names: dict[str, str], remark: str = "") -> None:
    """What is wrapped is indented: a line that begins with a kind is an entry's."""
    page.prose(f"{against}: {', '.join(_counts(seen, names))}", 0, name, len(name) + 1)
    if remark and seen.differences:
        page.prose(remark, _INDENT)
    if seen.unread:
        page.prose(f"Not all was compared, so what one side lacks is not known: {seen.unread}.", _INDENT)
    for each in seen.differences:
        page.line(_line(each, names))
    for why in seen.undecided:
        page.line(f"{'unknown'.ljust(_WIDE)}  {why}")


def _counts(seen: PairDifferences, names: dict[str, str]) -> Iterator[str]:
    compared = counted(seen.compared, "entry", "entries")
    if seen.equal:
        yield f"{compared} compared, nothing differs"
        return
    yield f"{compared} that both have compared, of more" if seen.unread else f"{compared} compared"
    for kind in (DIFFERENT,) if seen.unread else KINDS:
        yield f"{seen.count(kind)} {names[kind]}"
    if seen.undecided:
        yield f"{len(seen.undecided)} could not be judged"


def _line(each: EntryDifference, names: dict[str, str]) -> str:
    login = f"  (login {each.login})" if each.login else ""
    which = f"  {', '.join(each.attributes)}" if each.attributes else ""
    return f"{names[each.kind].ljust(_WIDE)}  {each.dn}{login}{which}"
