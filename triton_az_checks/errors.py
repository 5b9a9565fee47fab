"""What an operator is told when something cannot be done: one base for every such error, whichever part raises it.

    OperatorError
    ├── UsageError               what was typed cannot be done
    ├── DeclarationError         region.yaml or waivers.yaml is wrong: file, line, reason      evidence.inventory.lines
    ├── FingerprintKeyError      the installation's key of fingerprints cannot be used         evidence.redact
    ├── MachineError             this machine lacks what a run needs                           evidence.collect.machine
    ├── EvidenceError            stored evidence cannot be used                                evidence.store
    ├── FindingsError            a run's findings cannot be used                               reports.findings
    └── RunError                 a run cannot be kept                                          reports.run

Each has a text of whole sentences: what, where, and what to do next.  Commands catch the base, print the text and end with
their code for wrong use; whatever else ends a run is a defect of ours.
"""

from __future__ import annotations


class OperatorError(Exception):
    """Something cannot be done, for a reason that the operator can see to."""


class UsageError(OperatorError):
    """What was typed cannot be done; the text says why."""
