"""What a step does, as data: a closed set of kinds, a small module each.

Each kind has the methods of `reading.Does`: the command as it is printed, how its present value is read, the value before and
after, and the action that takes it back.  What is none of these kinds is text for a human, and the suite never runs it.
"""

from __future__ import annotations

import hashlib

import msgspec

from remediate.actions.files import FilesGone
from remediate.actions.fwapi import FirewallSwitch, MadeRule
from remediate.actions.globalzone import GlobalRoute
from remediate.actions.key import AddKey
from remediate.actions.ldap import LdapAdd, LdapDelete, LdapModify, Resend
from remediate.actions.network import NapiOwners, NapiRoutes
from remediate.actions.reading import Does
from remediate.actions.sapi import SapiMetadata
from remediate.actions.smf import Smf
from remediate.actions.usbkey import UsbkeyConfig
from remediate.actions.vm import VmFirewall, VmRoutes, VmState
from remediate.actions.wait import Rendered, RenderedAnew

Action = (
    SapiMetadata
    | NapiRoutes
    | NapiOwners
    | MadeRule
    | FirewallSwitch
    | VmRoutes
    | VmFirewall
    | VmState
    | Smf
    | Rendered
    | RenderedAnew
    | UsbkeyConfig
    | LdapAdd
    | LdapDelete
    | LdapModify
    | Resend
    | AddKey
    | GlobalRoute
    | FilesGone
)


def does(action: Action) -> Does:
    """An action as what every kind of it can do."""
    return action


def digest(action: Action) -> str:
    """The same 16 digits for the same action: by them a journal knows it again."""
    return hashlib.sha256(msgspec.json.encode(action, order="sorted")).hexdigest()[:16]
