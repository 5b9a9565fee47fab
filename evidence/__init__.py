"""The inventory, the subjects, and the evidence that is collected about them once in a run."""
