"""Chapter: the inventory.  The line to change, and nothing in any datacenter."""

from __future__ import annotations

from evidence.subjects.world import Coupling
from remediate.registry import Advised, remedy
from remediate.steps import Note


@remedy("inventory-agrees")
def put_the_inventory_right(coupling: Coupling) -> Advised:
    """Only the operator knows what he meant: the file is his."""
    world = coupling.world
    for mistake in world.mistakes:
        yield Note(f"The inventory is wrong in {world.told.place(mistake.key)}: {mistake.change}.")
    yield Note("Then run the checks again. Until then no step is given that changes a datacenter.")
