"""Chapter: the inventory.  The line to change, and nothing in any datacenter."""

from __future__ import annotations

from evidence.subjects.world import Coupling
from remediate.registry import Advised, remedy
from remediate.steps import Note


@remedy("inventory-agrees")
def put_the_inventory_right(coupling: Coupling) -> Advised:
    """The operator must change the file: only the operator knows what was meant."""
    world = coupling.world
    for mistake in world.mistakes:
        yield Note(f"The inventory is wrong in {world.told.place(mistake.key)}: {mistake.change}.")
    yield Note("Then run the checks again. Until then the suite gives no step that changes a datacenter.")
