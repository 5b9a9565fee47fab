"""PATH of a head node's root for commands over SSH.

Without a login shell SmartOS gives them no more than the system's directories (facts, "The way in"): each brings its own.
"""

from __future__ import annotations

from typing import Final

SYSTEM: Final = "/usr/bin:/bin:/usr/sbin:/sbin"
TRITON: Final = "/smartdc/bin:/opt/smartdc/bin:/opt/local/bin:/opt/local/sbin"
EXPORT: Final = f"export PATH={SYSTEM}:{TRITON}; "
"""Goes before each command.  The system's directories come first, as SmartOS has them."""
