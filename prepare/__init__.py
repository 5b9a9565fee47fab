"""Before a run: whether this machine gets to the head nodes (doctor), a region.yaml from what one of them says (init), and the evidence of
datacenters that only this machine reaches (collect).
"""
