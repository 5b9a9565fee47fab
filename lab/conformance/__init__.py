"""Replays the recorded answers of real servers against the lab's; `python -m lab.conformance FOLDER` does it."""
