"""Replays what real servers were recorded to answer, against the lab's; `python -m lab.conformance FOLDER` does."""
