"""What exists while a lab runs: its sites, its servers, its operator's home; and how it settles.

Commands and faults know this package. lab/run/, which builds and drives the lab, knows all of them.
"""
