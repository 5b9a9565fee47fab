"""What collecting may send to a head node: rule 1."""

from __future__ import annotations

import re
from pathlib import Path

from evidence.collect import cloudapi, elsewhere
from evidence.subjects.questions import MANTA_VMADM, OF_DATACENTER

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = (
    r"/usr/bin/bash -s -- [0-9]+( (file|manifests):/opt/smartdc/[a-z./-]+|"
    r" route:[A-Za-z0-9.-]+| (tcp|udp|tls|loss|size):[A-Za-z0-9.-]+:[0-9]+| began:svc:/[a-z/-]+)*"
)
SHORT_LIST = (
    "sysinfo",
    "bash /lib/sdc/config.sh -json",
    "cat /usbkey/config",  # the text itself, for a file that config.sh cannot take
    re.escape(OF_DATACENTER["zones"].how),
    rf"{re.escape(MANTA_VMADM)}( owner_uuid=[0-9a-f-]{{36}})?",
    "sdcadm check-health -j",
    "sdc-healthcheck -p",
    "svcs -aH -o state,stime,fmri",
    r"date -u \+%s",
    "true",  # whether the head node still answers, after a service did not
    r"ls -1d /( /(zones/[0-9a-f-]{36}/root/)?(var/)?tmp/[A-Za-z0-9._\[\]*-]+)+",
    rf"(zlogin -Q [0-9a-f-]{{36}} )?{SCRIPT}",
    # In zones on compute nodes, as sdc-login gets there.
    rf"{re.escape(elsewhere.SSH)} [0-9.]+ \"zlogin -Q [0-9a-f-]{{36}} {SCRIPT}\"",
    rf"{re.escape(elsewhere.SSH)} [0-9.]+ \"{re.escape(elsewhere.AGENTS)}\"",
    # A GET that is signed with the datacenter's own key, where that key is, as sdc-healthcheck does it.
    rf"zlogin -Q [0-9a-f-]{{36}} PATH={re.escape(cloudapi.PATH)} SDC_TESTING=1 /opt/smartdc/sdc/node_modules/smartdc/bin/"
    r"sdc-listdatacenters -a admin -u https://[0-9.]+ -k [0-9a-f:]{47}",
)
"""Every command that collecting may send. A new one needs a reason."""
