"""Chapter: binder and DNS.  Each binder knows who it is, and answers for its own datacenter."""

from evidence.subjects import Zone
from fixtures.check import BOTH, CRITICAL, check

CONFIG = "/opt/smartdc/binder/etc/config.json"
OWN_NAMES = ("moray", "sapi", "ufds")


@check(
    BOTH,
    CRITICAL,
    after=["region-name-agrees", "dns-domain-agrees", "usbkey-agrees-with-sapi", "rendered-config-is-current"],
)
def test_binder_region_agrees(binder: Zone) -> None:
    """regionName and dnsDomain in binder's config.json are those of the region.

    binder reads the resolvers of its own region only: with another name it finds no other datacenter.  Source: seed (its
    listing of config.json).
    """
    settings = binder.file(CONFIG).settings
    keys = ("dnsDomain", "recursion.dnsDomain", "recursion.regionName")
    domain, region = binder.datacenter.dns_domain, binder.datacenter.declared.region
    assert {key: settings.get(key) for key in keys} == dict(zip(keys, (domain, domain, region), strict=True))


@check(BOTH, CRITICAL, after=["rendered-config-is-current", "dns-domain-agrees"])
def test_binder_names_its_own_datacenter(binder: Zone) -> None:
    """datacenterName (in both places) is binder's own datacenter, and it reads the resolvers from its own UFDS.

    A configuration copied from another datacenter answers that one's names.  Source: seed ("only the names of the
    datacenters should differ").
    """
    settings, name = binder.file(CONFIG).settings, binder.datacenter.name
    url = f"ldaps://ufds.{binder.datacenter.suffix}"
    wanted = {"datacenterName": name, "recursion.datacenterName": name, "recursion.ufds.url": url}
    assert {key: settings.get(key) for key in wanted} == wanted


@check(BOTH, CRITICAL, after=["services-run", "dns-domain-agrees", "binder-names-its-own-datacenter"])
def test_binder_answers_own_names(binder: Zone) -> None:
    """binder answers the addresses of ufds, moray and sapi of its own datacenter.

    SERVFAIL means that ZooKeeper was down when binder started; REFUSED that nobody is registered under the name.
    Source: facts "How a real binder answers".
    """
    wanted = {f"{role}.{binder.datacenter.suffix}": "NOERROR" for role in OWN_NAMES}
    assert {name: answer.rcode for name, answer in binder.names.items() if name in wanted} == wanted
    without = sorted(name for name in wanted if not binder.names[name].addresses)
    assert not without, f"NOERROR without an address: {', '.join(without)}"
