"""What must be true, one module per chapter of the coupling.  Pure judgement on evidence: no I/O here."""
