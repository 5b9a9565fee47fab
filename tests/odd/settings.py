"""Odd metadata: the same meaning by another type, at another level, or in another spelling."""

from __future__ import annotations

import json
from typing import Any

from tests.odd.draft import Draft
from tests.odd.registry import odd


@odd
def flags_as_booleans(draft: Draft) -> bool:
    """ufds_is_master is a JSON boolean.

    Source: facts hazard 11 (rendered raw), "SAPI" (metadata keep their type).
    """
    for name in draft.names:
        for place in (draft.sdc(name), *draft.given(name)):
            place["values"]["ufds_is_master"] = str(place["values"]["ufds_is_master"]).lower() == "true"
    return True


@odd
def ports_as_numbers(draft: Draft) -> bool:
    """MASTER_MORAY_PORT is a number.

    Source: facts "Exact forms" (sapi-master.config.json has texts whatever the type).
    """
    for name in draft.replicas:
        if "MASTER_MORAY_PORT" in draft.service(name, "sapi"):
            draft.service_setting(name, "sapi", "MASTER_MORAY_PORT", 2020)
    return True


@odd
def read_only_said_or_not(draft: Draft) -> bool:
    """CLOUDAPI_READONLY is a text.

    Source: sdc-cloudapi:sapi_manifests/cloudapi/template (raw).
    """
    for name in draft.names:
        draft.service_setting(name, "cloudapi", "CLOUDAPI_READONLY", draft.random.choice(("false", False)))
    return True


@odd
def settings_of_the_master_left_empty(draft: Draft) -> bool:
    """The master has ufds_remote_ip and MASTER_MORAY_* as empty texts.

    Source: facts "Exact forms" (`metadata.k=` stores "").
    """
    values = draft.sdc(draft.master)["values"]
    values["ufds_remote_ip"] = ""
    for given in draft.given(draft.master):
        given["values"]["ufds_remote_ip"] = ""
    for key in ("MASTER_MORAY_IP", "MASTER_MORAY_PORT"):
        draft.service_setting(draft.master, "sapi", key, "")
    return True


@odd
def moray_by_address(draft: Draft) -> bool:
    """SAPIs name the master's moray by its address.

    Source: sdc-sapi:lib/server/stor/moray.js (net.isIP).
    """
    morays = draft.zones(draft.master, "moray")
    for name in draft.replicas:
        if draft.service(name, "sapi").get("MASTER_MORAY_IP"):
            draft.service_setting(name, "sapi", "MASTER_MORAY_IP", morays[min(morays)]["vm"]["nics"][0]["ip"])
    return True


@odd
def the_same_at_lower_levels(draft: Draft) -> bool:
    """Services and instances repeat settings of the application, some as other types.

    Source: sdc-sapi configs.js; facts "SAPI" (renders alike).
    """
    for name in (draft.master, *draft.replicas):  # of a candidate they would hide what sdc-ufds-m2s sets
        values: dict[str, Any] = draft.sdc(name)["values"]
        for role in draft.random.sample(("adminui", "sapi", "ufds"), 2):
            draft.service_setting(name, role, "datacenter_name", values["datacenter_name"])
            draft.service_setting(name, role, "ufds_is_master", _other_type(values["ufds_is_master"]))
    return True


def _other_type(flag: Any) -> Any:
    return str(flag).lower() if isinstance(flag, bool) else flag == "true"


@odd
def another_type_at_an_instance(draft: Draft) -> bool:
    """An instance repeats a setting as another type.

    Source: facts "SAPI" (`true` and "true", 2020 and "2020" render alike).
    """
    for name in draft.names:
        for zone in draft.zones(name, "ufds", "cloudapi").values():
            values = zone["settings"]["value"]["values"]
            values["ufds_is_master"] = _other_type(values["ufds_is_master"])
    return True


@odd
def passwords_of_their_own(draft: Draft) -> bool:
    """Each datacenter has a UFDS password of its own, and replicas know the master's.

    Source: facts "Head node configuration".
    """
    for number, name in enumerate(draft.names):
        if name not in draft.replicas:
            continue
        places = [draft.sdc(name), draft.datacenter(name)["usbkey"]["value"]]
        places += draft.given(name)
        for place in places:
            place["fingerprints"]["ufds_ldap_root_pw"] = f"{number}54cc38ebed963f7"
    return True


@odd
def one_password_for_all(draft: Draft) -> bool:
    """Replicas have no ufds_remote_ldap_root_pw, since all have one password.

    Source: facts "Head node configuration" (templates fall back).
    """
    own = {draft.sdc(name)["fingerprints"]["ufds_ldap_root_pw"] for name in draft.names}
    for name in draft.names:
        for place in (draft.sdc(name), *draft.given(name)):
            if len(own) == 1:
                place["fingerprints"].pop("ufds_remote_ldap_root_pw", None)
    return len(own) == 1


@odd
def settings_that_nobody_knows(draft: Draft) -> bool:
    """Metadata have keys and types that the suite does not know.

    Source: facts "SAPI" (any key; JSON types are kept).
    """
    more = {"docker_enabled": True, "retries": 7, "notes": None, "list": [1, {"a": "b"}], "zürich": "ja", "empty": ""}
    for name in draft.names:
        draft.sdc(name)["values"] |= more
        for given in draft.given(name):
            given["values"] |= more
        for role in ("sapi", "moray", "vmapi"):
            draft.service_setting(name, role, "LOG_LEVEL", 30) if role == "sapi" else draft.service(name, role).update(
                LOG_LEVEL=30
            )
    return True


@odd
def services_of_sapi_that_nobody_knows(draft: Draft) -> bool:
    """SAPI has further services.

    Source: facts "Where things run" (optional ones: docker, cns, volapi, portolan …).
    """
    for name in draft.names:
        for service in ("docker", "cns", "volapi", "portolan", "prometheus", "grafana", "my-own"):
            metadata = {"values": {"dns_domain": "elsewhere.example.net"} if service == "cns" else {}}
            row = {"uuid": draft.uuid(), "name": service, "metadata": metadata}
            draft.datacenter(name)["services"]["value"][service] = row
    return True


@odd
def domains_in_another_spelling(draft: Draft) -> bool:
    """Names of the own services have a final dot, or capitals before the domain, which binder wants as it is spelled.

    Source: RFC 4343, RFC 1034 3.1 (they are the same names).
    """
    for name in draft.names:
        for key in ("cloudapi_domain", "moray_domain", "sapi_domain"):
            told, role = str(draft.sdc(name)["values"][key]), key.removesuffix("_domain")
            draft.setting(name, key, draft.random.choice((f"{told}.", told.replace(role, role.upper(), 1), told)))
    return True


@odd
def urls_in_another_spelling(draft: Draft) -> bool:
    """CLOUDAPI_DATACENTERS has URLs with capitals, a port, or a slash at the end.

    Source: RFC 3986 6.2 (the same places).
    """
    spell = draft.random.choice(
        (str.upper, lambda host: f"{host}:443", lambda host: f"{host}/", lambda host: f"{host}.")
    )
    for name in draft.names:
        told = draft.service(name, "cloudapi").get("CLOUDAPI_DATACENTERS")
        if isinstance(told, str):
            listed = {dc: "https://" + spell(url.removeprefix("https://")) for dc, url in json.loads(told).items()}
            draft.service_setting(name, "cloudapi", "CLOUDAPI_DATACENTERS", json.dumps(listed))
            for zone in draft.zones(name, "cloudapi").values():
                zone["listing"]["value"]["datacenters"] = listed
    return True


@odd
def more_datacenters_listed(draft: Draft) -> bool:
    """CLOUDAPI_DATACENTERS names clouds that are not coupled, too.

    Source: facts "cloudapi, adminui, muskie" (rendered as it is).
    """
    for name in draft.names:
        told = draft.service(name, "cloudapi").get("CLOUDAPI_DATACENTERS")
        if isinstance(told, str):
            listed = json.loads(told) | {"elsewhere": "https://cloudapi.example.net"}
            draft.service_setting(name, "cloudapi", "CLOUDAPI_DATACENTERS", json.dumps(listed))
            for zone in draft.zones(name, "cloudapi").values():
                zone["listing"]["value"]["datacenters"] = listed
    return True


@odd
def key_said_to_be_md5(draft: Draft) -> bool:
    """SDC_KEY_ID has the prefix MD5:.

    Source: facts "UFDS"; ssh-keygen -E md5.
    """
    for name in draft.names:
        told = draft.sdc(name)["values"].get("SDC_KEY_ID")
        if told and not told.startswith("MD5:"):
            draft.setting(name, "SDC_KEY_ID", f"MD5:{told}")
    return True
