"""Where SAPI keeps its objects: the local moray, the master's moray if there is one, and local files of what it wrote.

Source: sdc-sapi:lib/server/stor/{moray,local,moray_local}.js; recordings (sapi.json).
"""

from __future__ import annotations

import asyncio
import json
import pathlib
import re
from typing import Any

from lab.servers.moray import MorayClient, MorayError, MorayStore, Value

BUCKETS = ("applications", "services", "instances", "manifests")
ROOT = "opt/smartdc/sapi/storage"


class StoreError(Exception):
    """A plain error of the store: SAPI answers 500 with this message and no code."""


class LocalFiles:
    """One file per object. They take moray's place when it is down, for the objects that they hold."""

    def __init__(self, root: pathlib.Path) -> None:
        self._root = root / ROOT

    def put(self, bucket: str, value: Value) -> None:
        path = self._path(bucket, str(value["uuid"]))
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(value, indent=4), encoding="utf-8")

    def delete(self, bucket: str, uuid: str) -> None:
        path = self._path(bucket, uuid)
        if path is not None:
            path.unlink(missing_ok=True)

    def follow(self, objects: MorayStore) -> None:
        """Write again what was changed in moray by another hand, of the objects that have a file."""
        for folder in sorted(self._root.glob("sapi_*")):
            bucket = folder.name.removeprefix("sapi_")
            for uuid, value in objects.bucket(bucket).items():
                path = self._path(bucket, uuid)
                if path is not None and path.is_file() and self._read(path) != value:
                    self.put(bucket, value)

    def find(self, bucket: str, wanted: Value) -> list[Value]:
        values = (self._read(path) for path in sorted((self._root / f"sapi_{bucket}").glob("*")))
        return [value for value in values if value and all(value.get(k) == v for k, v in wanted.items())]

    def _path(self, bucket: str, uuid: str) -> pathlib.Path | None:
        """The file of an object; None for a uuid that cannot be a file name, because SAPI takes any string as uuid."""
        if not uuid or "/" in uuid or "\0" in uuid or uuid in (".", ".."):
            return None
        return self._root / f"sapi_{bucket}" / uuid

    @staticmethod
    def _read(path: pathlib.Path) -> Value | None:
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return value if isinstance(value, dict) else None


class Store:
    """What SAPI's endpoints ask.

    A list asks the local moray, and with `include_master` the master's as well. If either fails, the local files answer silently, if they
    have a match. Only otherwise does the error come out. Getting by uuid always asks both.
    """

    def __init__(self, local: MorayClient, master: MorayClient | None, files: LocalFiles) -> None:
        self.local = local
        self.master = master
        self.files = files

    async def ping(self) -> bool:
        """Ask only the local moray. This hangs as long as that moray is frozen."""
        try:
            await self.local.request("ping")
        except MorayError:
            return False
        return True

    async def find(self, bucket: str, wanted: Value, *, include_master: bool) -> list[Value]:
        try:
            return await self._find(bucket, wanted, include_master)
        except MorayError as error:
            if error.usage:
                raise StoreError(str(error)) from error
            found = self.files.find(bucket, wanted)
            if not found:
                raise StoreError(f"first of 1 error: {error}") from error
            return found

    async def get(self, bucket: str, uuid: str) -> Value | None:
        """The uuid goes into a filter unchanged, so an asterisk finds the first of many."""
        if re.search(r"[()\\]", uuid):
            raise StoreError(f"(uuid={uuid}) is an invalid filter")
        found = await self.find(bucket, {} if "*" in uuid else {"uuid": uuid}, include_master=True)
        if "*" in uuid:
            pattern = ".*".join(map(re.escape, uuid.split("*")))
            found = [value for value in found if re.fullmatch(pattern, str(value["uuid"]))]
        return found[0] if found else None

    async def put(self, bucket: str, value: Value) -> None:
        client = self.master if value.get("master") and self.master is not None else self.local
        try:
            await client.request("put", bucket=bucket, value=value)
        except MorayError as error:
            raise StoreError(str(error)) from error
        self.files.put(bucket, value)

    async def delete(self, bucket: str, uuid: str) -> bool:
        """Returns False if neither moray has it."""
        try:
            deleted = bool(await self.local.request("delete", bucket=bucket, uuid=uuid))
            if not deleted and self.master is not None:
                deleted = bool(await self.master.request("delete", bucket=bucket, uuid=uuid))
        except MorayError as error:
            raise StoreError(str(error)) from error
        if deleted:
            self.files.delete(bucket, uuid)
        return deleted

    async def _find(self, bucket: str, wanted: Value, include_master: bool) -> list[Value]:
        clients = [self.local]
        if include_master and self.master is not None:
            clients.append(self.master)
        found: list[Value] = []

        async def ask(client: MorayClient) -> None:
            found.extend(await client.request("find", bucket=bucket, wanted=wanted))

        # All answers are awaited, even if one has failed. The objects are in the order in which they arrive.
        for outcome in await asyncio.gather(*(ask(client) for client in clients), return_exceptions=True):
            if outcome is not None:
                raise outcome
        return found

    async def refresh_files(self, instance: str) -> None:
        """Copy SAPI's own application from moray to the files, as SAPI does at start and every hour."""
        wanted: Any = None
        try:
            for bucket, key in (("instances", "service_uuid"), ("services", "application_uuid")):
                found = await self.get(bucket, instance if wanted is None else wanted)
                if found is None:
                    return
                wanted = found.get(key)
            application = await self.get("applications", str(wanted))
            if application is None:
                return
            await self._copy_application(application)
        except StoreError:
            return  # moray is down: the files stay as they were

    async def _copy_application(self, application: Value) -> None:
        services = await self._list_both("services", {"application_uuid": application["uuid"]})
        instances = []
        for service in services:
            instances += await self._list_both("instances", {"service_uuid": service["uuid"]})
        objects: dict[str, list[Value]] = {"applications": [application], "services": services, "instances": instances}
        uuids: dict[str, None] = {}
        for value in (application, *services, *instances):
            uuids.update(dict.fromkeys(str(uuid) for uuid in (value.get("manifests") or {}).values()))
        objects["manifests"] = [found for uuid in uuids if (found := await self.get("manifests", uuid)) is not None]
        for bucket, values in objects.items():
            for found in values:
                self.files.put(bucket, found)
        for bucket, key in (("services", "application_uuid"), ("instances", "service_uuid")):
            kept = {value["uuid"] for value in objects[bucket]}
            parents = {application["uuid"]} if bucket == "services" else {service["uuid"] for service in services}
            for old in self.files.find(bucket, {}):
                if old.get(key) in parents and old["uuid"] not in kept:
                    self.files.delete(bucket, str(old["uuid"]))

    async def _list_both(self, bucket: str, wanted: Value) -> list[Value]:
        return await self.find(bucket, wanted, include_master=True)
