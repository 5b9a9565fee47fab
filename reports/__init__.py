"""Tells what a run concluded: on the terminal, in findings.json and junit.xml, and in the folder that a run leaves."""
