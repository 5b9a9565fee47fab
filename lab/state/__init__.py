"""What there is while a lab runs: its sites, its servers, its operator's home; and what lets it settle.

Commands and faults know it; who builds and drives the lab (lab/run/) knows them all.
"""
