"""How it is told: the terminal, findings.json, JUnit; and the folder that a run leaves."""
