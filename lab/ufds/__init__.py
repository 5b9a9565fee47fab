"""The lab's UFDS: an LDAPS server that answers like a recorded sdc-ufds 7.5.0, and its ufds-replicator.

`directory` holds one datacenter's entries and changelog, and knows the rules. `service` knows who may ask what. `server` speaks LDAP.
`replicator` copies from a master. `process` runs all of it as a separate operating-system process, so that it takes no time from its
callers. `client` talks to that process.
"""
