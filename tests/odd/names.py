"""Odd names of datacenters, regions and domains. They go everywhere, so they are changed last."""

from __future__ import annotations

from tests.odd.draft import Draft
from tests.odd.registry import odd

LABEL = "sdc-headnode:scripts/prompt-config.sh is_dns_label"


@odd
def names_that_begin_alike(draft: Draft) -> bool:
    """A datacenter's name is the beginning of another's.

    Source: sdc-headnode:scripts/prompt-config.sh is_dns_label.
    """
    begin = draft.random.choice(("dc", "us-east-1", "a"))
    names = [begin, f"{begin}1", f"{begin}-1"]
    draft.random.shuffle(names)
    draft.renamed({f"my-dc-{number}": name for number, name in enumerate(names, 1)})
    return True


@odd
def names_with_digits_and_dashes(draft: Draft) -> bool:
    """Names begin with digits, or have two dashes.

    Source: sdc-headnode:scripts/prompt-config.sh is_dns_label (lower case, digits, -).
    """
    draft.renamed({"my-dc-1": "1-e2", "my-dc-2": "eu--1", "my-dc-3": "0x1f", "my-dc": "7--b"})
    return True


@odd
def names_of_roles(draft: Draft) -> bool:
    """Datacenters are called like roles and words of the suite.

    Source: sdc-headnode:scripts/prompt-config.sh is_dns_label.
    """
    names = ["ufds", "binder", "master", "replica", "global", "sdc", "manta", "admin", "coupling", "moray0"]
    draft.random.shuffle(names)
    draft.renamed({"my-dc-1": names[0], "my-dc-2": names[1], "my-dc-3": names[2]})
    return True


@odd
def region_called_like_a_datacenter(draft: Draft) -> bool:
    """The region has a datacenter's name.

    Source: sdc-headnode:answers.json.tmpl (region_name and datacenter_name are both coal).
    """
    name = draft.random.choice(("coal", "my-dc-2"))
    draft.renamed({"my-dc": name, draft.random.choice(draft.names): name} if name == "coal" else {"my-dc": name})
    return True


@odd
def region_called_coupling(draft: Draft) -> bool:
    """The region is called coupling, or like a role.

    Source: sdc-headnode:scripts/prompt-config.sh is_dns_label.
    """
    draft.renamed({"my-dc": draft.random.choice(("coupling", "manta", "ufds", "global"))})
    return True


@odd
def long_names(draft: Draft) -> bool:
    """Names have the longest form that Triton allows.

    Source: sdc-headnode:scripts/prompt-config.sh is_dns_label (63 characters).
    """
    draft.renamed({f"my-dc-{number}": f"{'a-very-long-name-' * 3}{number}".ljust(63, "x") for number in (1, 2, 3)})
    return True


@odd
def another_domain(draft: Draft) -> bool:
    """The domain is short, long, or begins like a datacenter.

    Source: sdc-headnode:scripts/prompt-config.sh (dns_domain).
    """
    domains = (
        "local",
        "x.y",
        "my-dc-2.example.org",
        "a-b.c4.d5.internal.corp.example.co.uk",
        "triton.zone",
        "3com.example",
    )
    draft.renamed({"srv.example.com": draft.random.choice(domains)})
    return True
