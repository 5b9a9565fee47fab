"""Chapter: the steps ahead.  What a later step of sdc-ufds-m2s needs is there before the first one deletes.

evidence/subjects/m2s.py lists its steps, and which check stands for what each of them needs.
"""

from evidence.fact import OutOfSight
from evidence.subjects.datacenter import OLDER, Datacenter
from evidence.subjects.m2s import SAVED, SET_IN_SAPI, TAKEN_FROM_USBKEY
from evidence.subjects.network.routes import address_in
from evidence.subjects.triton import CONFIGURED
from fixtures.check import CRITICAL, PREFLIGHT, WARNING, After, check
from fixtures.outcomes import Finding


@check(
    PREFLIGHT,
    CRITICAL,
    after=["usbkey-can-be-evaluated", "sapi-answers", "region-name-agrees", "admin-uuid-agrees"],
)
def test_candidate_usbkey_names_what_is_deleted(candidate: Datacenter) -> None:
    """/usbkey/config and SAPI's metadata of `sdc` name the same UFDS, root, admin and region.

    sdc-ufds-m2s takes these from /usbkey/config.  With another ufds_domain it deletes in another datacenter's UFDS, with another
    ufds_admin_uuid it deletes nobody and waits for an admin that never comes, with another region_name the own region stays, and the
    master's cannot be added.  Source: sdc-headnode:tools/bin/sdc-ufds-m2s, tools/bin/sdc-ldap.
    """
    usbkey, sapi = candidate.usbkey.of_coupling, candidate.sdc_metadata.of_coupling
    apart = [key for key in TAKEN_FROM_USBKEY if usbkey[key] != sapi[key]]
    assert {key: usbkey[key] for key in apart} == {key: sapi[key] for key in apart}, (
        "/usbkey/config, where SAPI's metadata says what is expected"
    )


@check(
    PREFLIGHT,
    CRITICAL,
    after=["sapi-answers", *(After("settings-are-not-overridden", at=role) for role in CONFIGURED)],
)
def test_candidate_settings_take_effect(candidate: Datacenter) -> None:
    """No service of a candidate has ufds_is_master, ufds_remote_ip or ufds_remote_ldap_root_pw in its metadata of SAPI.

    sdc-ufds-m2s sets them in the application `sdc`, when it has deleted.  What stands at a service hides that from its zones, also where
    it is the same today.  At the service ufds it decides whom the replicator follows.  Source: sdc-headnode:tools/bin/sdc-ufds-m2s;
    sdc-sapi:lib/server/endpoints/configs.js.
    """
    services = candidate.evidence.services.get()
    found = {
        f"{key} of {role}": services[role].metadata.values.get(key, "(secret)")
        for role in CONFIGURED
        if role in services
        for key in SET_IN_SAPI
        if key in services[role].metadata.values or key in services[role].metadata.fingerprints
    }
    assert found == {}, "settings of services, which hide those of the application"


@check(PREFLIGHT, WARNING, after=["sapi-answers"])
def test_candidate_can_be_registered(candidate: Datacenter) -> None:
    """binder_admin_ips, admin_network and admin_netmask in the SAPI metadata of `sdc` are one address each.

    ufds-reconcile-data registers the candidate at the master with them, near the end.  UFDS refuses a resolver with two addresses, so it
    registers none.  Run again, it finds the datacenter there and does nothing.  Source: facts, hazard 9;
    sdc-ufds:bin/ufds-reconcile-data, data/bootstrap_remote.ldif.in.
    """
    values = candidate.sdc_metadata.values
    if "binder_admin_ips" not in values and candidate.evidence.m2s_room is None:
        raise OutOfSight(candidate.id, "binder_admin_ips", "sdc-sapi '/applications?name=sdc'", OLDER)
    told = {key: str(values.get(key) or "") for key in ("binder_admin_ips", "admin_network", "admin_netmask")}
    wrong = {key: value for key, value in told.items() if address_in(value) is None}
    if wrong:
        raise Finding(expected="one address in each", observed=wrong)


@check(PREFLIGHT, WARNING, after=["ufds-answers", "candidate-is-not-coupled-yet"])
def test_candidate_is_not_registered_yet(candidate: Datacenter, master: Datacenter) -> None:
    """The master's UFDS has no entry of a candidate below its region, or one with just the addresses of its binders.

    If it has one of a former coupling, ufds-reconcile-data takes the candidate for registered and does nothing.  Then binders elsewhere
    ask at the old addresses.  Source: sdc-ufds:bin/ufds-reconcile-data; facts "UFDS" (Tree).
    """
    left = [
        each
        for ufds in master.zones("ufds")
        for each in ufds.directory.datacenters
        if each.datacenter == candidate.name
    ]
    if not left:
        return
    binders = tuple(sorted(binder.address("admin") for binder in candidate.zones("binder")))
    wrong = [each for each in left if (each.region, each.resolvers) != (candidate.declared.region, binders)]
    if wrong:
        raise Finding(
            expected=f"no entry of {candidate} at {master}, or one in {candidate.declared.region} with {', '.join(binders)}",
            observed="; ".join(f"{each.region}: {', '.join(each.resolvers) or 'no resolver'}" for each in wrong),
        )


@check(PREFLIGHT, CRITICAL, after=["sapi-answers", "one-poseidon"])
def test_candidate_has_no_manta(candidate: Datacenter) -> None:
    """A candidate's SAPI holds no application manta of its own.

    Two Mantas cannot become one.  Once the candidate's SAPI asks the master's, there are two applications manta, of two poseidons, and
    Manta's tools stop at that.  Source: facts "UFDS" (Two poseidons); sdc-manta:lib/common.js getMantaApplication.
    """
    if candidate.evidence.manta_applications is None:
        raise OutOfSight(candidate.id, "applications called manta", "sdc-sapi '/applications?name=manta'", OLDER)
    found = [f"{each.uuid} of {each.owner_uuid}" for each in candidate.manta_applications]
    assert found == [], "applications manta of its own"


@check(
    PREFLIGHT,
    WARNING,
    after=["candidate-is-not-coupled-yet", "candidate-is-still-whole", "candidate-can-save-what-is-deleted"],
)
def test_candidate_has_no_saved_data_left(candidate: Datacenter) -> None:
    """No backup.ldif and no restore.ldif of an earlier sdc-ufds-m2s is in /var/tmp.

    The next run overwrites both with what is there then.  What an aborted run had deleted, and only these files hold, is lost by that.
    Source: sdc-headnode:tools/bin/sdc-ufds-m2s.
    """
    assert [path for path in candidate.leftovers if path in SAVED] == []
