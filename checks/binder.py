"""Chapter: binder and DNS.  Each binder knows who it is, answers for its own datacenter, and asks the others' binders."""

import pytest

from evidence.inventory.model import CANDIDATE
from evidence.model import DnsAnswer
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.links import Link
from evidence.subjects.triton import BINDER_CONFIG, IN_TIME_MS
from evidence.subjects.zone import Zone
from fixtures.check import BOTH, CRITICAL, POSTCHANGE, WARNING, After, check

OWN_NAMES = ("moray", "sapi", "ufds")
AT_ONCE_MS = 2500
"""If a REFUSED comes sooner, binder did not wait: it had nobody to ask, or nobody knows the name."""


@check(
    BOTH,
    CRITICAL,
    after=[
        "region-name-agrees", "dns-domain-agrees", "usbkey-agrees-with-sapi", "rendered-config-is-current",
        "settings-are-not-overridden", "rendered-files-are-usable", "settings-have-their-form",
    ],
)  # fmt: skip
def test_binder_region_agrees(binder: Zone) -> None:
    """regionName and dnsDomain in binder's config.json are those of the region.

    binder reads only the resolvers of its own region.  With a wrong name it finds no other datacenter.  Source: seed (its
    listing of config.json).
    """
    settings = binder.file(BINDER_CONFIG).settings
    keys = ("dnsDomain", "recursion.dnsDomain", "recursion.regionName")
    domain, region = binder.datacenter.dns_domain, binder.datacenter.declared.region
    assert {key: settings.get(key) for key in keys} == dict(zip(keys, (domain, domain, region), strict=True))


@check(
    BOTH,
    CRITICAL,
    after=[
        "rendered-config-is-current",
        "datacenter-identity-agrees",
        "dns-domain-agrees",
        "settings-are-not-overridden",
        "rendered-files-are-usable",
        "settings-have-their-form",
    ],
)
def test_binder_names_its_own_datacenter(binder: Zone) -> None:
    """datacenterName (in both places) is binder's own datacenter, and binder reads the resolvers from its own UFDS.

    With a configuration copied from another datacenter, binder answers the names of that datacenter.  Source: seed ("only
    the names of the datacenters should differ").
    """
    settings, name = binder.file(BINDER_CONFIG).settings, binder.datacenter.name
    url = f"ldaps://ufds.{binder.datacenter.suffix}"
    wanted = {"datacenterName": name, "recursion.datacenterName": name, "recursion.ufds.url": url}
    assert {key: settings.get(key) for key in wanted} == wanted


@check(
    BOTH,
    WARNING,
    after=[
        "rendered-config-is-current",
        "region-name-agrees",
        "dns-domain-agrees",
        "usbkey-agrees-with-sapi",
        "binder-region-agrees",
        "binder-names-its-own-datacenter",
    ],
)
def test_binder_runs_its_config(binder: Zone) -> None:
    """binder was started after its config.json was last written.

    Rendering does not restart binder (its manifest has no post_cmd).  Until a restart, binder uses the old region, password or
    domain.  Source: facts, hazard 7.
    """
    assert binder.began_before(BINDER_CONFIG) == (), f"started before {BINDER_CONFIG} was written"


@check(
    BOTH,
    CRITICAL,
    after=[
        "services-run", "dns-domain-agrees", "binder-names-its-own-datacenter", "settings-have-their-form",
        "datacenter-identity-agrees",
    ],
)  # fmt: skip
def test_binder_answers_own_names(binder: Zone) -> None:
    """binder answers with the addresses of ufds, moray and sapi of its own datacenter, within 3 s.

    Other binders wait only 3 s for it.  SERVFAIL means that ZooKeeper was down when binder started.  REFUSED means that nobody
    is registered under the name.  Source: facts "How a real binder answers".
    """
    wanted = {f"{role}.{binder.datacenter.suffix}": "NOERROR" for role in OWN_NAMES}
    assert {name: answer.rcode for name, answer in binder.names.items() if name in wanted} == wanted
    without = sorted(name for name in wanted if not binder.names[name].addresses)
    assert not without, f"NOERROR without an address: {', '.join(without)}"
    late = {name: f"after {answer.ms} ms" for name, answer in binder.names.items() if answer.ms > IN_TIME_MS}
    assert not late or binder.datacenter.world.busy, "answers too late for other binders, which wait 3 s"


@check(
    POSTCHANGE,
    CRITICAL,
    after=["ufds-answers", "datacenters-are-registered", "replicator-is-caught-up", "directory-entries-agree"],
)
def test_binder_is_listed_as_resolver(datacenter: Datacenter, master: Datacenter) -> None:
    """The datacenter's own UFDS lists every binder of the region's coupled datacenters as a resolver.

    binder reads there which binders know the names of another datacenter.  If the master's UFDS lacks a resolver as well, the
    finding is about the master.  If a datacenter has no resolver at all, datacenters-are-registered says so.  Source: facts
    hazard 9, "Routes" (resolver), "How a real binder answers"; seed (HEAD-2334).
    """
    region = datacenter.declared.region
    registered, listed = _resolvers(master, region), _resolvers(datacenter, region)
    missing = []
    for dc in (datacenter, *datacenter.peers):
        for zone in dc.zones("binder") if dc.name in registered and dc.state != CANDIDATE else ():
            ip = zone.address("admin")
            if ip not in listed.get(dc.name, ()) and (datacenter == master or ip in registered[dc.name]):
                missing.append(f"{zone} ({ip})")
    assert not missing, f"not listed in the UFDS of {datacenter}: {', '.join(sorted(missing))}"


def _resolvers(datacenter: Datacenter, region: str) -> dict[str, tuple[str, ...]]:
    """The addresses of the resolvers that a UFDS lists for a region, by datacenter, without datacenters that have none."""
    found = [entry for ufds in datacenter.zones("ufds") for entry in ufds.directory.datacenters]
    return {entry.datacenter: entry.resolvers for entry in found if entry.region == region and entry.resolvers}


def _said(answer: DnsAnswer) -> str:
    if answer.rcode == "REFUSED":
        return "REFUSED at once" if answer.ms < AT_ONCE_MS else "REFUSED after 3 s"
    if answer.rcode == "NOERROR" and not (answer.addresses or answer.ports):
        return "NOERROR without a record"
    return answer.rcode


@check(
    POSTCHANGE,
    CRITICAL,
    after=[
        "rendered-config-is-current",
        "dns-domain-agrees",
        "binder-region-agrees",
        "binder-names-its-own-datacenter",
        "binder-runs-its-config",
        "binder-answers-own-names",
        After("ufds-answers", at="ufds"),
        After("services-run", at="ufds"),
    ],
)
def test_binder_has_read_its_resolvers(binder: Zone) -> None:
    """binder knows the binders of at least one other datacenter that its UFDS lists.

    It reads them when it starts, and every five minutes.  If it knows none, its UFDS did not answer, or refused it.  Then every
    name of another datacenter is REFUSED at once.  Source: facts "How a real binder answers".
    """
    lost = {dc for dc, answers in binder.elsewhere.items() if {*map(_said, answers.values())} == {"REFUSED at once"}}
    if not binder.elsewhere:
        pytest.skip("no other datacenter of its region is coupled")
    if lost == binder.elsewhere.keys():
        registered = [entry for ufds in binder.datacenter.zones("ufds") for entry in ufds.directory.datacenters]
        listed = {entry.datacenter for entry in registered if entry.resolvers and entry.datacenter in lost}
        assert not listed, (
            f"every name of {', '.join(sorted(listed))} is REFUSED at once, though its UFDS lists their binders"
        )


@check(
    POSTCHANGE,
    CRITICAL,
    after=[
        "binder-reaches-binder",
        "binder-is-listed-as-resolver",
        "binder-has-read-its-resolvers",
        After("datacenters-are-registered", at="target"),
        "binder-region-agrees",
        "binder-names-its-own-datacenter",
        "binder-runs-its-config",
        "binder-answers-own-names",
        After("binder-answers-own-names", at="target"),
        "dns-domain-agrees",
        After("dns-domain-agrees", at="target"),
        After("services-run", at="target"),
    ],
)
def test_binder_answers_other_datacenters(link: Link) -> None:
    """binder answers for another datacenter of its region: A and SRV of that one's moray, and A of its ufds.

    REFUSED after 3 s: binder asked, and no binder there answered (the path is broken, or that binder hangs).  REFUSED at once:
    it knows no binder of that datacenter, or those binders do not know the name.  Source: seed (HEAD-2334); facts "How a real
    binder answers".
    """
    answers = {name: _said(answer) for name, answer in link.answers.items()}
    assert answers == dict.fromkeys(answers, "NOERROR"), _why(answers, link)


def _why(answers: dict[str, str], link: Link) -> str:
    if "REFUSED after 3 s" in answers.values():
        return f"after 3 s: no binder of {link.target} answered it"
    if "REFUSED at once" in answers.values():
        return f"at once: it has no resolver of {link.target}, or nobody there is registered under the name"
    return f"names of {link.target}"
