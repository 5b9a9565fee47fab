"""What is wrong, in words: one sentence a finding, for whoever has five seconds.  A table, a row a check."""

from __future__ import annotations

import re

from evidence.subjects.spec import BLOCKED, Result

WORDS = {
    "admin-and-operators-are-there": "{at} lacks {value}: nobody there has operator rights",
    "admin-is-enabled": "admin is disabled, everywhere",
    "admin-uuid-agrees": "ufds_admin_uuid is {value}, not {expected}, that of the coupling's admin",
    "adminui-answers": "{at} does not answer as it should: {observed}",
    "adminui-reaches-master-ufds": "{at} cannot reach the UFDS of {to}: {value}",
    "agents-run": "an agent does not run: {observed}",
    "amon-probes-are-back": "admin's probes of amon are gone",
    "binder-answers-other-datacenters": "{at} does not answer names of {to}: {note}",
    "binder-answers-own-names": "{at} does not answer its own names: {observed}",
    "binder-has-read-its-resolvers": "{at} does not know any other binder: {observed}",
    "binder-is-listed-as-resolver": "a binder is {observed}",
    "binder-names-its-own-datacenter": "{at} takes itself for another datacenter's: {observed}",
    "binder-reaches-binder": "{at} cannot reach a binder of {to}: {value}",
    "binder-region-agrees": "{at} has another region or domain: {observed}",
    "binder-runs-its-config": "{at} runs with an older configuration: {note}",
    "candidate-admin-has-nothing-to-lose": "admin has what coupling takes away: {observed}",
    "candidate-can-be-registered": "it cannot be registered, which takes one address in each: {observed}",
    "candidate-can-save-what-is-deleted": "what coupling deletes cannot be saved: {observed}",
    "candidate-collides-with-nothing": "accounts collide with the master's: {note}",
    "candidate-config-agent-runs": "config-agent is {value}, so sdc-ufds-m2s would wait in vain",
    "candidate-has-no-accounts-to-lose": "coupling would delete accounts: {note}",
    "candidate-has-no-checkpoint": "a checkpoint of an earlier coupling is left: {value}",
    "candidate-has-no-manta": "it has a Manta of its own: {value}",
    "candidate-has-no-saved-data-left": "data of an earlier sdc-ufds-m2s are left: {observed}",
    "candidate-is-not-coupled-yet": "it is coupled already, or half: {named}",
    "candidate-is-not-registered-yet": "it is registered already, as another: {observed}",
    "candidate-is-still-whole": "its UFDS is not whole any more: it lacks {value}",
    "candidate-tools-can-couple": "its tools cannot couple it: {note}",
    "candidate-knows-the-password": "sdc-ufds-m2s cannot pass on the master's password: {note}",
    "candidate-settings-take-effect": "a service hides what sdc-ufds-m2s will set: {value}",
    "candidate-ufds-has-a-routable-nic": "its ufds has no NIC to reach the master from: {observed}",
    "candidate-usbkey-copy-is-current": "the USB key's copy of the configuration is old: {observed}",
    "candidate-usbkey-mounts": "the USB key cannot be mounted: {observed}",
    "candidate-usbkey-names-what-is-deleted": "/usbkey/config does not name what SAPI names: {value}",
    "clocks-agree": "its clock is wrong: {observed}",
    "cloudapi-answers": "{at} answers no customer: {observed}",
    "cloudapi-answers-outside": "its public cloudapi does not serve customers: {observed}",
    "cloudapi-is-not-in-maintenance": "cloudapi is in maintenance: {value}",
    "cloudapi-knows-the-master": "{at} does not write to the master's UFDS: it has {observed}, not {expected}",
    "cloudapi-lists-every-datacenter": "its cloudapi does not list every datacenter: {observed}",
    "cloudapi-reaches-master-ufds": "{at} cannot reach the UFDS of {to}: {value}",
    "core-services-are-healthy": "{at} is not healthy: {observed}",
    "datacenter-identity-agrees": "its settings are another datacenter's: {value}",
    "datacenters-are-registered": "the master's UFDS does not have it registered: {observed}",
    "directory-entries-agree": "its directory differs from the master's: {observed}",
    "dns-domain-agrees": "dns_domain is {observed}, not {expected}",
    "electric-moray-reaches-ring-imgapi": "{at} cannot reach the hash ring's IMGAPI in {to}: {value}",
    "firewall-lets-peers-in": "the firewall of {at} lets in none of: {value}",
    "headnode-answers": "its head node cannot be asked: {value}",
    "headnode-can-be-used": "its head node answers, and is of no use: {observed}",
    "headnode-is-the-right-one": "the machine is another one: {observed}, not {expected}",
    "headnode-reaches-master-ufds": "the head node cannot reach the UFDS of {to}: {value}",
    "health-commands-answer": "Triton's health commands do not work: {observed}",
    "internal-apis-answer": "{at} does not answer: {observed}",
    "inventory-agrees": "the inventory is wrong: {observed}; but {wanted}",
    "manta-hash-ring-is-stored": "the hash ring is not where Manta looks for it: {observed}",
    "manta-networks-belong-to-poseidon": "networks of Manta do not belong to poseidon: {observed}",
    "manta-settings-are-not-overridden": "a setting of Manta is hidden by {observed}",
    "manta-shards-are-assigned": "Manta's shards are not set as they should be: {observed}",
    "manta-shards-are-served": "a shard is served by nobody: {observed}",
    "manta-spans-an-odd-number": "Manta spans an even number of datacenters: {observed}",
    "master-changelog-has-no-gap": "the master's changelog has a gap, at which it would stop: {observed}",
    "master-has-admin-and-operators": "the master's UFDS lacks {value}",
    "master-password-is-known": "it asks the master's UFDS with {observed}",
    "muskie-answers": "{at} answers no customer of Manta: {observed}",
    "muskie-is-rendered-multi-dc": "{at} takes Manta for one datacenter's: {named}",
    "muskie-multi-dc-is-set": "Manta does not know that it is spread: {observed}",
    "muskie-was-restarted": "{at} runs with an older configuration: {note}",
    "napi-has-the-routes": "NAPI has no route to {value}",
    "net-agent-runs": "net-agent does not run: {value}",
    "networks-do-not-overlap": "networks overlap: {observed}",
    "no-password-left-behind": "sdc-ufds-m2s left files with passwords: {observed}",
    "no-path-loses-packets": "packets are lost: {sentence}",
    "one-manta-application": "there is more than one Manta, or a wrong one: {observed}",
    "one-poseidon": "there is a poseidon that is not the master's: {observed}",
    "one-sdc-application": "SAPI has another application sdc: {value}",
    "one-ufds-master": "{value}, not {wanted}",
    "other-instances-are-healthy": "another instance is not healthy: {observed}",
    "poseidon-is-operator": "poseidon cannot work: {value}",
    "registrations-are-known": "the master's UFDS registers what nobody knows: {observed}",
    "region-name-agrees": "region_name is {observed}, not {expected}",
    "rendered-config-is-current": "{at} has another configuration than SAPI says: {observed}",
    "rendered-files-are-usable": "{at} has a file that its service cannot start with: {observed}",
    "replica-key-is-known-to-master": "the master does not know its key: {observed}",
    "replica-points-at-master": "its UFDS does not follow the master: {named}, not {expected}",
    "replicator-has-one-checkpoint": "it has not exactly one checkpoint: {named}",
    "replicator-is-caught-up": "replication is behind: {named}",
    "replicator-moves": "replication stands still: {observed}",
    "replicator-runs": "ufds-replicator is {value}, so nothing is replicated",
    "routes-are-durable": "{at} has routes that a restart takes away: {value}",
    "routes-go-both-ways": "{at} has no route back to {value}",
    "sapi-answers": "{at} does not answer: {observed}",
    "sapi-is-in-full-mode": "SAPI is in {value} mode",
    "sapi-loaded-its-master": "{at} runs with an older configuration: {note}",
    "sapi-master-is-ufds-master": "SAPI and UFDS have different masters: {observed}",
    "sapi-master-points-at-nobody": "the master's SAPI points at a master: {observed}",
    "sapi-points-at-master-moray": "SAPI does not point at the master's moray: {named}",
    "sapi-reaches-its-master": "its SAPI gets nothing from the master's moray: {value}",
    "sapi-reaches-master-moray": "{at} cannot reach the moray of {to}: {value}",
    "services-have-read-their-files": "{at} runs with an older configuration: {observed}",
    "services-run": "{at} does not run as it should: {observed}",
    "settings-are-not-overridden": "{at} does not get the coupling's setting: {observed}",
    "settings-have-their-form": "a setting is not of its form: {observed}",
    "triton-zones-have-manta-routes": "{at} has no route to {value}",
    "ufds-answers": "{at} does not answer: {observed}",
    "ufds-is-not-open": "UFDS is open to everybody: {note}",
    "ufds-reaches-master-ufds": "{at} cannot reach the UFDS of {to}: {value}",
    "ufds-schema-is-not-older": "its UFDS is older than the master's directory: {named}",
    "usbkey-agrees-with-sapi": "/usbkey/config differs from SAPI: {value}",
    "usbkey-can-be-evaluated": "/usbkey/config cannot be evaluated: {observed}",
    "versions-agree": "it is older than the master: {named}",
}
_SMF = re.compile(r"svc:/[\w./-]*?([\w-]+):[\w-]+")
"""svc:/smartdc/application/moray:moray-2021 is known as moray."""
_UUID = re.compile(r"\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")


def in_words(finding: Result) -> str:
    """The sentence about a finding.  A check without a row has what was observed."""
    if finding.outcome == BLOCKED:
        gap = finding.observed.removeprefix(f"{finding.subject}: ") or "its evidence is missing"
        return _shorter(f"nobody can tell: {gap}")
    value, note = _apart(_shorter(finding.observed))
    source, _, target = finding.subject.partition("--")
    alias = source.partition(".")[2]
    label, _, wanted = finding.expected.partition(": ")
    parts = {
        "at": "the head node" if alias == "global" else alias or finding.subject,
        "to": target.partition(".")[0],
        "value": value,
        "note": note or value,
        "named": f"{note}: {value}" if note else value,
        "observed": f"{value}, {note}" if note and value != "0" else note or value,
        "sentence": value.partition(". ")[0],
        "expected": _shorter(finding.expected),
        "wanted": _shorter(wanted if wanted and (label in value or " agree on" in label) else finding.expected),
    }
    return WORDS.get(finding.check, "{observed}").format(**parts)


def _apart(text: str) -> tuple[str, str]:
    """A value, and what is said of it in parentheses behind it."""
    depth = 0
    for place in range(len(text) - 1, -1, -1) if text.endswith(")") else ():
        depth += {")": 1, "(": -1}.get(text[place], 0)
        if not depth:
            return (text[:place].rstrip(), text[place + 1 : -1]) if text[:place].strip() else (text, "")
    return text, ""


def _shorter(text: str) -> str:
    """One line, without what only machines need: long names and uuids; what then says the same is said once."""
    short = " ".join(_UUID.sub(r"\1", _SMF.sub(r"\1", text)).split())
    if "svc:/" not in text:
        return short
    for between in ("; ", ", "):
        short = between.join(dict.fromkeys(short.split(between)))
    return short
