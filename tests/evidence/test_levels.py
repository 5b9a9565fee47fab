"""The levels of SAPI: what is kept of each."""

from __future__ import annotations

import json

from evidence.collect import services
from evidence.redact import Vault


def test_every_level_keeps_the_same_keys() -> None:
    """DC_MAINT_MESSAGE stands at the application while a datacenter is in maintenance: that is no override of every instance."""
    metadata = dict.fromkeys(services.SAPI_SETTINGS, "x")
    text = json.dumps([{"uuid": "u", "name": "sdc", "metadata": metadata}])
    for application in (True, False):
        (found,) = services.sapi_objects(text, Vault(bytes(32)), application=application).value.values()
        assert found.metadata.values == metadata
