"""The lab's UFDS: an LDAPS server that answers as sdc-ufds 7.5.0 was recorded to answer, and its ufds-replicator.

`directory` holds one datacenter's entries and changelog and knows the rules; `service` knows who may ask what;
`server` speaks LDAP; `replicator` copies from a master; `process` runs all of it as an operating-system process of its
own, so that its load is not that of whoever asks; `client` talks to that process.
"""
