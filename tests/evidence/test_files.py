"""Rendered files are compared with what config-agent would render now, and nothing secret of them is kept."""

from __future__ import annotations

import base64
import json

import msgspec
import pytest

from evidence.collect import files, parse
from evidence.collect.files import Wanted, rendered_files
from evidence.collect.render import RenderError, auto_metadata, render
from evidence.model import Difference, Nic, Vm
from evidence.redact import Vault
from evidence.subjects.triton import RENDERED

PATH = "/opt/smartdc/binder/etc/config.json"
TEMPLATE = """{ {{! of binder }}
  "dnsDomain": "{{{dns_domain}}}", "datacenterName": "{{{datacenter_name}}}",
  "recursion": {"regionName": "{{{region_name}}}", "ufds": {"url": "{{{ufds_domain}}}", "bindPassword": "{{{pw}}}"}},
  "retries": {{{retries}}}, "server": "{{auto.SERVER_UUID}}"
}"""
METADATA = {
    "dns_domain": "example.com",
    "datacenter_name": "my-dc-1",
    "region_name": "my-dc",
    "ufds_domain": "u",
    "pw": "hush-hush",
    "retries": 3,
}
AUTO = {"SERVER_UUID": "s"}


def vault() -> Vault:
    return Vault(b"0123456789abcdef")


def test_numbers_booleans_lists_and_objects_are_javascript() -> None:
    metadata = {
        "n": 1.0,
        "big": 1e21,
        "half": 0.5,
        "t": True,
        "z": None,
        "l": [1, "a"],
        "o": {"a": "ü", "b": 1},
        "e": {},
        "zero": 0,
        "no": "false",
    }
    template = "{{{n}}} {{{big}}} {{{half}}} {{{t}}} [{{{z}}}] {{{l}}} {{{o}}} "
    template += "{{#e}}yes{{/e}}{{#zero}}no{{/zero}} {{#no}}true{{/no}}"
    assert render(template, metadata, {}) == '1 1e+21 0.5 true [] 1,a {"a":"ü","b":1} yes true'


def test_html_is_escaped_as_hogan_does_and_absent_is_empty() -> None:
    assert (
        render("{{a}}|{{{a}}}|{{b}}|{{a.b.c}}|{{^b}}none{{/b}}", {"a": "<'\"&>"}, {})
        == "&lt;&#39;&quot;&amp;&gt;|<'\"&>|||none"
    )


@pytest.mark.parametrize(
    ("template", "metadata"),
    [
        ("{{/a}}", {}),
        ("{{#l}}" * 4 + "{{x}}" + "{{/l}}" * 4, {"l": list(range(1, 200))}),
        ("{{#a}}" * 3000 + "{{/a}}" * 3000, {"a": 1}),
        ("x" * (5 << 20), {}),
    ],
)
def test_a_hostile_template_is_refused_in_a_sentence(template: str, metadata: dict[str, object]) -> None:
    with pytest.raises(RenderError, match="template"):
        render(template, metadata, {})


def test_partials_read_no_files() -> None:
    assert render("{{>/etc/passwd}}{{>conftest}}x", {}, {}) == "x"


def test_auto_metadata_is_that_of_config_agent() -> None:
    vm = Vm(
        "u",
        "ufds0",
        "ufds",
        "running",
        (Nic("10.1.1.29", "admin"), Nic("10.1.2.29", "external"), Nic("10.1.3.1", "manta_rack_e1")),
    )
    auto = auto_metadata(vm, "s", "my-dc-1")
    assert (auto["ADMIN_IP"], auto["EXTERNAL_IPS"], auto["PRIMARY_IP"], auto["MANTA_IP"]) == (
        "10.1.1.29",
        ["10.1.2.29"],
        "10.1.1.29",
        "10.1.3.1",
    )


def test_what_could_not_be_learned_is_no_difference() -> None:
    auto = auto_metadata(Vm("u", "binder0", "binder", "running"), "", "my-dc-1")
    text = render(TEMPLATE, METADATA, AUTO)
    found = rendered_files((PATH,), {PATH: text}, Wanted(METADATA, {PATH: TEMPLATE}), auto, vault())[PATH]
    assert found.differs == ()


def test_a_current_file_does_not_differ() -> None:
    text = json.dumps(json.loads(render(TEMPLATE, METADATA, AUTO)), indent=7)
    found = rendered_files((PATH,), {PATH: text}, Wanted(METADATA, {PATH: TEMPLATE}), AUTO, vault())[PATH]
    assert found.differs == ()
    assert found.uncompared == ""
    assert found.settings["recursion.regionName"] == "my-dc"
    assert "recursion.ufds.bindPassword" not in found.settings


def test_differences_are_told_by_key_and_secrets_are_not_shown() -> None:
    text = render(TEMPLATE, {**METADATA, "region_name": "old", "pw": "old-password", "retries": '"3"'}, AUTO)
    found = rendered_files((PATH,), {PATH: text}, Wanted(METADATA, {PATH: TEMPLATE}), AUTO, vault())[PATH]
    assert found.differs == (
        Difference("recursion.regionName", '"old"', '"my-dc"'),
        Difference("recursion.ufds.bindPassword", "(secret)", "(secret)"),
        Difference("retries", '"3"', "3"),
    )


@pytest.mark.parametrize(
    ("metadata", "broken", "by"),
    [
        ({"NAME": "my-dc", "LISTED": '{"my-dc": "https://x"}'}, "", ""),
        ({"NAME": "my-dc", "LISTED": "my-dc"}, "line 3 is not JSON", "LISTED"),
        ({"NAME": 'my "dc"', "LISTED": "{}"}, "line 2 is not JSON", "NAME"),
        ({"NAME": "my-dc"}, "line 4 is not JSON", "LISTED"),  # SAPI lacks it, and its place is empty
        ({"NAME": 'my "dc"', "LISTED": "my-dc"}, "line 2 is not JSON", ""),  # two at once: neither alone is it
    ],
)
def test_a_file_that_is_no_json_says_where_and_by_which_setting(metadata: dict[str, str], broken: str, by: str) -> None:
    path, template = "/opt/smartdc/cloudapi/etc/cloudapi.cfg", '{\n"name": "{{{NAME}}}",\n"listed": {{{LISTED}}}\n}'
    text = render(template, metadata, {})
    found = rendered_files((path,), {path: text}, Wanted(metadata, {path: template}), {}, Vault(b"k" * 32))[path]
    assert (found.broken, found.broken_by, found.differs) == (broken, by, ())


def test_a_file_that_was_broken_by_hand_blames_no_setting() -> None:
    path = "/opt/smartdc/cloudapi/etc/cloudapi.cfg"
    want = Wanted({"NAME": "my-dc"}, {path: '{"name": "{{{NAME}}}"}'})
    found = rendered_files((path,), {path: '{"name": my-dc}'}, want, {}, Vault(b"k" * 32))[path]
    assert (found.broken, found.broken_by) == ("line 1 is not JSON", "")


def test_a_file_that_is_not_json_differs_by_lines() -> None:
    text = (
        render(TEMPLATE, METADATA, AUTO).replace('"recursion": {', '"recursion" {').replace("hush-hush", "other-secret")
    )
    found = rendered_files((PATH,), {PATH: text}, Wanted(METADATA, {PATH: TEMPLATE}), AUTO, vault())[PATH]
    assert found.differs == (Difference("line 3", "(secret)", "(secret)"),)
    assert found.settings == {}


CANARY = "Xk7canary"
SHAPES = (
    CANARY,
    f"https://user:{CANARY}@host.example.com",
    f"https://{CANARY}@host.example.com/",
    f"https://host.example.com/?token={CANARY}",
    f"https://host.example.com/{CANARY}",
    f"https://host.example.com#{CANARY}",
    base64.b64encode(CANARY.encode()).decode(),
    f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}",
    [CANARY],
    [{"name": CANARY}],
    {"url": f"https://host/{CANARY}"},
    {"deep": {"deeper": [[{"region": CANARY}]]}},
    {CANARY: 1},
    {"host": {CANARY: {"port": True}}},
    [[[[[[CANARY]]]]]],
)
KEYS = (
    "pw", "token", "auth", "bindPassword", "notes", "extra", "x", "datacenters", "recursion", "ufds", "retries", "port",
    "url", "recursion.ufds.url", "recursion.ufds.bindPassword", "auth.url", "extra.region_name", "datacenters.my-dc-1",
    "datacenters.elsewhere", "my-dc-1.url", "remotes", "multiDC", CANARY, f"ufds.{CANARY}", f"datacenters.{CANARY}",
)  # fmt: skip


def planted(key: str, value: object) -> dict[str, object]:
    for part in reversed(key.split(".")):
        value = {part: value}
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize("path", [path for paths in RENDERED.values() for path in paths])
def test_no_shape_of_a_secret_is_kept_under_any_key(path: str) -> None:
    """Neither if it was typed into the file, nor if it is in the metadata that would be rendered; nor in the kept settings."""
    want = Wanted({}, {path: "{}"})
    for key in KEYS:
        for value in SHAPES:
            other = planted(key, value)
            for here, there in ((other, {}), ({}, other), (other, planted(key, "x")), (planted(key, 1), other)):
                texts = json.dumps(here), Wanted({"all": json.dumps(there)}, {path: "{{{all}}}"})
                found = rendered_files((path,), {path: texts[0]}, texts[1], {}, vault(), {}, ("my-dc-1",))[path]
                kept = msgspec.json.encode(found).decode()
                assert found.differs, (key, value)
                assert not [each for each in (CANARY, SHAPES[6]) if each in kept], (key, value, kept)
    for lines in (f"password={CANARY}", f"the word is {CANARY}", f'{{"port": 1,\n {CANARY}', f"\n\n{CANARY}: 1"):
        found = rendered_files((path,), {path: lines}, want, {}, vault())[path]
        assert found.differs
        assert CANARY not in msgspec.json.encode(found).decode()


def test_what_operators_need_is_shown() -> None:
    """Names, domains, regions, addresses, ports, booleans, and the keys that the template spells out."""
    path = "/opt/smartdc/cloudapi/etc/cloudapi.cfg"
    template = (
        '{"datacenter_name": "a", "port": 443, "read_only": false, "sideline": 1, "datacenters": {{{all}}}, '
        '"ufds": {"url": "ldaps://10.1.1.1", "bindDN": "cn=root", "note": "a"}, "remotes": [{"url": "ldaps://"}]}'
    )
    text = json.dumps(
        {
            "datacenter_name": "b", "port": 444, "read_only": True, "sideline": 2, "unknown": 3,
            "datacenters": {"my-dc-1": "https://other.example.com:8443/", "my-dc-2": "https://b", "my-dc-3": "x"},
            "ufds": {"url": "ldaps://ufds.example.com:636", "bindDN": "cn=other, o=x", "note": "b"},
            "remotes": [{"url": "ldaps://10.9.9.9"}],
        }
    )  # fmt: skip
    want = Wanted({"all": {"my-dc-1": "https://one.example.com"}}, {path: template})
    found = rendered_files((path,), {path: text}, want, {}, vault(), {}, ("my-dc-1", "my-dc-2"))[path]
    assert [(each.key, each.file, each.metadata) for each in found.differs] == [
        ("datacenter_name", '"b"', '"a"'),
        ("datacenters.my-dc-1", '"https://other.example.com:8443/"', '"https://one.example.com"'),
        ("datacenters.my-dc-2", '"https://b"', "(absent)"),
        ("datacenters.(secret)", "(secret)", "(absent)"),
        ("port", "444", "443"),
        ("read_only", "true", "false"),
        ("remotes.0.url", '"ldaps://10.9.9.9"', '"ldaps://"'),
        ("sideline", "(secret)", "(secret)"),
        ("ufds.bindDN", '"cn=other, o=x"', '"cn=root"'),
        ("ufds.note", "(secret)", "(secret)"),
        ("ufds.url", '"ldaps://ufds.example.com:636"', '"ldaps://10.1.1.1"'),
        ("(secret)", "(secret)", "(absent)"),
    ]


def test_a_known_secret_is_shown_under_no_key() -> None:
    """A password that was typed where the region belongs."""
    learned = vault()
    learned.learn("hush-hush")
    text = render(TEMPLATE, METADATA | {"region_name": "hush-hush"}, AUTO)
    found = rendered_files((PATH,), {PATH: text}, Wanted(METADATA, {PATH: TEMPLATE}), AUTO, learned)[PATH]
    assert found.differs == (Difference("recursion.regionName", "(secret)", '"my-dc"'),)
    assert found.settings["recursion.regionName"] == "(secret)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET https://user:pw@host/x failed", "GET https://(secret)@host/x failed"),
        ('{"a": "https://u:p@ss@h", "b": "http://c"}', '{"a": "https://(secret)@h", "b": "http://c"}'),
        ("ssh root@headnode, mail a@b", "ssh root@headnode, mail a@b"),
    ],
)
def test_no_text_keeps_the_user_of_a_url(text: str, shown: str) -> None:
    assert vault().scrub(text) == shown


def test_a_file_that_is_gone_differs_and_one_that_nobody_renders_is_left_out() -> None:
    want = Wanted(METADATA, {PATH: TEMPLATE})
    found = rendered_files((PATH, "/other"), {PATH: None, "/other": None}, want, AUTO, vault())
    assert list(found) == [PATH]
    assert found[PATH].differs[0].file == "(no such file)"


def test_without_metadata_nothing_is_compared_and_that_is_said() -> None:
    found = rendered_files((PATH,), {PATH: "{}"}, "SAPI is silent", AUTO, vault())
    assert found[PATH].uncompared == "SAPI is silent"
    assert rendered_files((PATH,), {PATH: "{}"}, Wanted({}), AUTO, vault())[PATH].uncompared


def test_the_manifest_in_the_image_wins() -> None:
    own = {
        PATH: '{"a": 1}',
        "/i/sapi_manifests/b/manifest.json": json.dumps({"path": PATH}),
        "/i/sapi_manifests/b/template": '{"a": 1}',
    }
    assert rendered_files((PATH,), own, Wanted({}, {PATH: '{"a": 2}'}), AUTO, vault())[PATH].differs == ()


@pytest.mark.parametrize(
    "text",
    ["", "[", "[]", '{"manifests": {}}', '{"manifests": [1]}', '{"manifests": [], "metadata": 1}', "[" * 100_000],
)
def test_hostile_configs_become_sentences(text: str) -> None:
    with pytest.raises(files.parse.UnreadableError):
        files.wanted(text)


def test_what_sapi_lists_is_merged_as_it_does_it_itself() -> None:
    """Application, service, instance: the last one wins, in metadata and in manifests."""
    lists = (
        [{"uuid": "a", "metadata": {"x": 1, "y": 1, "z": 1}, "manifests": {"one": "m1"}}],
        [{"uuid": "s", "application_uuid": "a", "metadata": {"y": 2, "z": 2}, "manifests": {"two": "m2"}}],
        [{"uuid": "i", "service_uuid": "s", "metadata": {"z": 3}, "manifests": {"two": "m3"}}],
        [{"uuid": f"m{n}", "path": f"/{n}", "template": str(n)} for n in (1, 2, 3)],
    )
    found = files.merged("i", *map(json.dumps, lists))
    assert found.metadata == {"x": 1, "y": 2, "z": 3}
    assert found.templates == {"/1": "1", "/3": "3"}
    with pytest.raises(parse.UnreadableError, match="does not list the zone"):
        files.merged("other", *map(json.dumps, lists))
