"""Before a run, or beside it: whether this machine gets to the head nodes (doctor), a region.yaml from what one of them says (init), the
evidence of datacenters that only this machine reaches (collect), and how the directories of any two differ (compare).
"""
