#!/usr/bin/bash
# add_external_nic.sh UUID: asks VMAPI for a NIC on the network external. It becomes the primary one, so the zone's
# default gateway moves (as in sdc-headnode:scripts/add_external_nic.sh).
if [[ -z $1 ]]; then
    echo "Usage: $(basename "$0") <VM UUID>"
    exit 1
fi
PS4='[\D{%FT%TZ}] ${BASH_SOURCE}:${LINENO}: '
set -o xtrace
PATH=/opt/smartdc/bin:$PATH
echo "Adding external NIC to $1"
sdc-vmapi "/vms/$1?action=add_nics" -X POST --data-binary @- <<< '{"networks": [{"name": "external", "primary": true}]}' || {
    echo "$(basename "$0"): fatal error: failed to add external NIC" >&2
    exit 1
}
