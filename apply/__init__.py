"""Putting right what a run has found: the only part of the suite that changes anything, and its one door for that."""
