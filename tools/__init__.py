"""Tools that are run by hand or by make: the demo, recording, accuracy, timing, and the page of the checks."""
