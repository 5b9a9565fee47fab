"""The network between zones, as it was seen: routes, paths and firewall rules. Pure functions."""
