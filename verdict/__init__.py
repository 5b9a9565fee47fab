"""Draws the verdict from the outcomes: which findings block others, and which are causes. Pure functions."""
