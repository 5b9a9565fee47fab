"""Chapter: settings.  Every value in SAPI has the form that its readers need, at every level."""

from evidence.subjects.datacenter import Datacenter
from evidence.subjects.identity import foreign_identity
from evidence.subjects.shapes import Misshapen, misshapen
from fixtures.check import BOTH, CRITICAL, After, check
from fixtures.outcomes import Finding
from fixtures.shown import show


@check(BOTH, CRITICAL, after=[After("sapi-answers", unseen=True)])
def test_settings_have_their_form(datacenter: Datacenter) -> None:
    """Each known setting in SAPI has its form: a flag is true or false, an address an address, a list of URLs JSON, a name without blanks.

    config-agent puts most values into files as they are.  With `True` for true, a quote, or a text that is no JSON the file cannot be
    read, and its service goes to maintenance.  Whether a value is a JSON boolean or a text, a number or a text does not matter.
    Source: facts "SAPI", "Rendered config files", hazard 11.
    """
    found = misshapen(datacenter)
    if found:
        raise Finding(
            expected={each.key: each.shape.words for each in found},
            observed="; ".join(
                f"the {each.level} {_whose(each)} sets {each.key}: {show(each.value)}" for each in found
            ),
        )


@check(BOTH, CRITICAL, after=["sapi-answers", "settings-have-their-form", "dns-domain-agrees"])
def test_datacenter_identity_agrees(datacenter: Datacenter) -> None:
    """datacenter_name in SAPI is the datacenter's own, and the names of its services there are no other datacenter's.

    Metadata that were copied from another datacenter make binder answer for that one's names, and the replicator keep its checkpoint below
    another entry.  Source: facts "Head node configuration"; sdc-ufds:sapi_manifests/ufds-replicator/template.
    """
    found = foreign_identity(datacenter)
    assert {key: value for key, (value, _) in found.items()} == {key: right for key, (_, right) in found.items()}, (
        "SAPI's metadata of sdc"
    )


def _whose(found: Misshapen) -> str:
    return f"{found.target.uuid} ({found.target.name})"
