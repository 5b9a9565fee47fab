"""The errors that an operator is told. They share one base, whichever part raises them.

    OperatorError
    ├── UsageError               what was typed cannot be done
    ├── DeclarationError         region.yaml or waivers.yaml is wrong: file, line, reason      evidence.inventory.lines
    ├── FingerprintKeyError      the installation's key of fingerprints cannot be used         evidence.redact
    ├── MachineError             this machine lacks what a run needs                           evidence.collect.machine
    ├── EvidenceError            stored evidence cannot be used                                evidence.store
    ├── FindingsError            a run's findings cannot be used                               reports.findings
    └── RunError                 a run cannot be kept                                          reports.run

Each message has whole sentences: what, where, and what to do next. Commands catch the base, print the message and end with
their code for wrong use. Whatever else ends a run is a defect of ours.
"""

from __future__ import annotations


class OperatorError(Exception):
    """Something cannot be done, for a reason that the operator can remove."""


class UsageError(OperatorError):
    """What was typed cannot be done; the message says why."""
