"""The network between zones, as it was seen: routes, ways, and the rules of firewalls.  Pure."""
