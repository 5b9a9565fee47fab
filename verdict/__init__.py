"""What follows from the outcomes: which findings block others, and which are causes.  Pure functions."""
