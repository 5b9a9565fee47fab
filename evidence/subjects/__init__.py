"""Subjects: what a check is about.  They come from the inventory × the roles that Triton has; evidence adds instances.

A role without evidence is one placeholder subject (ROLE0), and touching it raises Missing, so nothing vanishes when a head
node goes dark.  Subject ids are ASCII and stable: see contract "Subjects".
"""
