"""sdc-ufds-m2s, step by step."""

from __future__ import annotations

from typing import Final

ROOM: Final = 16 << 10
"""kB that /var/tmp must have free: what is below admin, twice, is some hundred kB even of a thousand probes."""
SAVED: Final = ("/var/tmp/backup.ldif", "/var/tmp/restore.ldif")  # noqa: S108
"""Where it saves what it deletes below admin, and of that what it loads again."""
LIMIT: Final = 1000
"""So many entries UFDS lists if it is asked for no more, as sdc-ldap does: facts, "How a real UFDS answers"."""

TAKEN_FROM_USBKEY: Final = ("region_name", "ufds_admin_uuid", "ufds_domain", "ufds_ldap_root_dn", "ufds_ldap_root_pw")
"""The settings by which it finds what it deletes: it sources /usbkey/config, and so does sdc-ldap."""
SET_IN_SAPI: Final = ("ufds_is_master", "ufds_remote_ip", "ufds_remote_ldap_root_pw")
"""The settings of SAPI's application sdc that it sets."""
