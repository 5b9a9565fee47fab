"""Commands that read or change a UFDS with sdc-ldap, in LDIF.

DNs and names of attributes have fixed forms. Every other value is quoted, and in base64 where LDIF wants it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence

from remediate import typed
from remediate.shell import quote
from remediate.ssh import over_ssh

HIDDEN_CONTROL = "!1.3.6.1.4.1.38678.1"
"""With it UFDS hands out hashed passwords and salts: facts, "How a real UFDS answers"."""
UNFOLDED = r"sed -e :a -e '$!N' -e 's/\n //' -e ta -e P -e D"
"""Joins the lines that ldapsearch folds."""
EVERYTHING = 2147483647
"""The size limit: without one UFDS sends 1000 entries, and says nothing (facts, "How a real UFDS answers")."""
_PLAIN = re.compile(r"(?![ :<])[\x20-\x7e]*(?<! )")


def line(name: str, value: str) -> str:
    """One line of LDIF."""
    typed.attribute(name)
    if _PLAIN.fullmatch(value):
        return f"{name}: {value}"
    return f"{name}:: {base64.b64encode(value.encode('utf-8', 'surrogatepass')).decode()}"


def _typed(lines: Sequence[str], verb: str) -> str:
    words = " ".join(map(quote, lines))
    return f"printf '%s\\n' {words} | sdc-ldap {verb}"


def added(dn: str, attributes: Mapping[str, Sequence[str]]) -> str:
    """Adds an entry."""
    rows = [line("dn", typed.dn(dn)), *(line(name, value) for name, values in attributes.items() for value in values)]
    return _typed(rows, "add")


def modified(dn: str, operation: str, name: str, *values: str) -> str:
    """Changes one attribute of an entry: add, delete or replace."""
    changes = [f"{operation}: {typed.attribute(name)}", *(line(name, value) for value in values)]
    rows = [line("dn", typed.dn(dn)), "changetype: modify", *changes]
    return _typed(rows, "modify")


def checkpoint_at(dn: str, before: str, number: str) -> str:
    """Sets a checkpoint that still is where it was seen. Pasted later, it would let the replicator leave changes out, or repeat them.

    UFDS takes it in silence if a value that is to be deleted is not there, so one change cannot say both (sdc-ufds:lib/db/mod.js).
    """
    was, then = typed.changenumber(before), typed.changenumber(number)
    moved = modified(typed.checkpoint_dn(dn), "replace", "changenumber", then)
    return f"""\
( at=$(sdc-ldap search -b {quote(typed.checkpoint_dn(dn))} -s base '(objectclass=*)' changenumber | sed -n 's/^changenumber: //p')
    case $at in
        {was}) {moved} ;;
        {then}) ;;
        *) echo "The checkpoint is at ${{at:-no number}} now, and not at {was} any more: nothing was changed." >&2; exit 1 ;;
    esac )"""


def touched(dn: str, scope: str, attribute: str = "objectclass") -> str:
    """Replace an attribute of an entry (or of all below it) by itself. Every replica gets this change.

    Do not use it for an attribute that UFDS keeps to itself: it is found without values, so nothing would replace it.
    """
    name = typed.shown_attribute(attribute)
    found = f"sdc-ldap search -z {EVERYTHING} -b {quote(typed.dn(dn))} -s {scope} '(objectclass=*)' {name}"
    return _by_itself(found, name)


def each_touched(dns: Sequence[str], attribute: str) -> str:
    """The same for several entries, in their order, and for nothing below them. What is gone by then is left out."""
    name = typed.shown_attribute(attribute)
    listed = " \\\n    ".join(quote(typed.dn(dn)) for dn in dns)
    found = f"""for dn in {listed}
do sdc-ldap search -b "$dn" -s base '(objectclass=*)' {name}
done"""
    return _by_itself(found, name)


def _by_itself(found: str, attribute: str) -> str:
    name = typed.shown_attribute(attribute)
    replace = f'/^dn: /{{print; print "changetype: modify"; print "replace: {name}"; next}} {{print}}'
    return f"{found} | {UNFOLDED} |\n    nawk {quote(replace)} | sdc-ldap modify"


def copied(source: str, target: str, dn: str) -> str:
    """Typed by the operator: copies one entry, with its hashed password, from one head node's UFDS to another's."""
    read = f"sdc-ldap search -b {quote(typed.dn(dn))} -s base -E {quote(HIDDEN_CONTROL)} '(objectclass=*)'"
    return (
        f"{over_ssh(source, read)} |\n"
        f"    {UNFOLDED} | sed -e '/^_salt:/!{{/^_/d;}}' |\n"
        f"    {over_ssh(target, 'sdc-ldap add', stdin=True)}"
    )
