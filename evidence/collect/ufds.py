"""Asks one UFDS: in one conversation for what it holds, in further ones whether replication moves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from evidence.collect import accounts, apart, directory, endpoints, history, ldap, parse, position, services
from evidence.collect.accounts import Meeting
from evidence.collect.comparison import LARGEST, Comparing
from evidence.collect.conversing import Conversing, found_in
from evidence.collect.draft import Draft
from evidence.collect.replication import Ask, Changelog
from evidence.collect.tunnel import LARGEST_TUNNELLED
from evidence.collect.unanswered import UnansweredError
from evidence.comparison import NOT_COMPARED
from evidence.fact import OutOfSight
from evidence.inventory.model import BY_ENDPOINTS, CANDIDATE, MASTER, REPLICA
from evidence.model import Attempt, Checkpoint, Vm
from evidence.subjects.questions import OF_DATACENTER, OF_ZONE
from evidence.subjects.triton import ADMIN_UUID, UUID

METADATA: Final = OF_DATACENTER["applications"]
COMPARED: Final = OF_ZONE["comparison"]
STRETCH: Final = 5000
"""How many numbers of a changelog one search asks for."""
AT_A_TIME: Final = 10
"""How many such searches one conversation makes. It has only the time of one command, and a year's changelog needs more searches."""


class Ufds:
    """The conversations with the UFDS of one datacenter, as root."""

    def __init__(
        self,
        draft: Draft,
        ask: services.Services,
        changelog: Changelog,
        meeting: Meeting,
        comparing: Comparing,
        root: services.Root | None,
        vouch: Callable[[Vm], Awaitable[None]],
    ) -> None:
        self._draft, self._converse = draft, Conversing(draft, ask, root, vouch).converse
        self._changelog, self._meeting, self._comparing = changelog, meeting, comparing

    async def ask(self, vm: Vm) -> None:
        """Ask everything about one ufds zone."""
        admin = self._draft.values("applications").get("ufds_admin_uuid")
        admin = admin if isinstance(admin, str) and UUID.fullmatch(admin) else ADMIN_UUID
        wanted = (directory.POSEIDONS, *directory.searches(self._draft.name, admin))
        talk = asyncio.ensure_future(self._converse(vm, wanted))

        async def found() -> tuple[ldap.Found, ...]:
            return found_in(await asyncio.shield(talk))

        async def bind() -> object:
            return _attempt(await asyncio.shield(talk))

        async def poseidons() -> object:
            return directory.accounts((await found())[0])

        async def holds() -> object:
            return directory.directory((await found())[1:])

        facts: dict[str, Callable[[], Awaitable[object]]] = {"bind": bind, "poseidons": poseidons, "directory": holds}
        try:
            for key, answer in facts.items():
                await self._draft.ask_zone(vm, key, answer)
        finally:
            talk.cancel()
        if self._draft.declared.state == REPLICA:
            belongings = self._draft.ask_zone(vm, "belongings", lambda: self._belongings(vm, admin))
            await asyncio.gather(belongings, self._follow(vm))
        elif self._draft.declared.state == CANDIDATE:
            await self._introduce(vm, admin)
        elif self._draft.declared.state == MASTER:
            await asyncio.gather(self._poseidon_keys(vm), self._serve(vm, admin))

    async def _follow(self, vm: Vm) -> None:
        """First whether its replication moves: what was on its way then may have come when it is compared."""
        if "position" in self._draft.questions_about(vm):
            await self._draft.ask_zone(vm, "position", lambda: self._position(vm))
        await self._draft.ask_zone(vm, "progress", lambda: self._progress(vm))
        await self._draft.ask_zone(vm, "comparison", lambda: self._compare(vm))

    async def _poseidon_keys(self, vm: Vm) -> None:
        """Ask for the keys of the accounts poseidon, where Manta signs with one."""

        async def answer() -> object:
            known = self._draft.zone_facts[vm.alias, "poseidons"]
            if known.value is None:
                raise UnansweredError(known.why or "no answer")
            people = [f"uuid={each.uuid}, {ldap.USERS}" for each in known.value if UUID.fullmatch(each.uuid)]
            return directory.public_keys(*found_in(await self._converse(vm, tuple(map(directory.keys_of, people)))))

        if "poseidon_keys" in self._draft.questions_about(vm):
            await self._draft.ask_zone(vm, "poseidon_keys", answer)

    async def _progress(self, vm: Vm) -> object:
        return await self._changelog.progress(self._draft.name, self._checkpoint(vm), self._asking(vm))

    async def _position(self, vm: Vm) -> object:
        parted = self._draft.parted
        known = None if parted is None else parted.recent
        return await position.position(self._draft.name, self._checkpoint(vm), known, self._asking(vm))

    def _asking(self, vm: Vm) -> Ask:
        async def ask(searches: Sequence[ldap.Search]) -> tuple[ldap.Found, ...]:
            return found_in(await self._converse(vm, searches))

        return ask

    def _checkpoint(self, vm: Vm) -> Checkpoint:
        """Its checkpoint for the master. Raises UnansweredError if there is none, and OutOfSight if it is not known which."""
        fact = self._draft.zone_facts[vm.alias, "directory"]
        if fact.value is None:
            raise UnansweredError(fact.why or "no answer")
        url = f"ldaps://{self._draft.values('applications').get('ufds_remote_ip') or ''}"
        known = [each for each in fact.value.checkpoints if each.url == url]
        if endpoints.hidden(self._draft.declared, METADATA):  # then the only one is taken for it
            known = list(fact.value.checkpoints)
            if len(known) > 1:
                raise OutOfSight(self._draft.name, METADATA.asked, METADATA.how, BY_ENDPOINTS)
        for each in known:
            assert isinstance(each, Checkpoint)
            return each
        raise UnansweredError("it has no checkpoint for the master that SAPI names")

    async def _compare(self, vm: Vm) -> object:
        if self._comparing.covered is None:
            raise OutOfSight(self._draft.name, COMPARED.asked, COMPARED.how, NOT_COMPARED)
        fact = self._draft.zone_facts[vm.alias, "directory"]
        if fact.value is None:
            raise UnansweredError(fact.why or "no answer")

        async def ask(searches: Sequence[ldap.Search]) -> tuple[ldap.Found, ...]:
            return found_in(await self._converse(vm, searches, LARGEST))

        unread = "" if self._draft.values("applications") else f"SAPI: {self._draft.why('applications')}"
        own = apart.own(self._draft.secrets.get("sapi", {}), unread)
        try:
            return await self._comparing.compare(
                self._draft.name, self._draft.declared.region, own, ask, (vm.alias, vm.uuid)
            )
        except apart.UndecidedError:
            if endpoints.hidden(self._draft.declared, METADATA):
                raise OutOfSight(self._draft.name, METADATA.asked, METADATA.how, BY_ENDPOINTS) from None
            raise

    async def _belongings(self, vm: Vm, admin: str) -> object:
        """On a replica: what its admin has now, for whoever knows what it had before the coupling."""
        return accounts.belongings(found_in(await self._converse(vm, (accounts.below(admin),), LARGEST_TUNNELLED))[0])

    async def _introduce(self, vm: Vm, admin: str) -> None:
        """Ask for a candidate's accounts and what is below admin, and which of them the master has too."""
        asked = (accounts.EVERYBODY, accounts.below(admin, whole=True), *accounts.BESIDES)
        talk = asyncio.ensure_future(self._converse(vm, asked, LARGEST_TUNNELLED))

        async def everybody() -> tuple[accounts.Person, ...]:
            return accounts.people(found_in(await asyncio.shield(talk))[0], admin)

        async def counted() -> object:
            return accounts.accounts(await everybody(), found_in(await asyncio.shield(talk))[2:])

        async def belongings() -> object:
            return accounts.belongings(found_in(await asyncio.shield(talk))[1], whole=True)

        async def collisions() -> object:
            return await self._meeting.introduce(self._draft.name, await everybody())

        try:
            await self._draft.ask_zone(vm, "accounts", counted)
            await self._draft.ask_zone(vm, "belongings", belongings)
            await self._draft.ask_zone(vm, "collisions", collisions)
        finally:
            talk.cancel()

    async def _serve(self, vm: Vm, admin: str) -> None:
        """Tell the replicas what they need to know about the master."""
        fact = self._draft.zone_facts[vm.alias, "directory"]
        self._changelog.tell_latest(None if fact.value is None else fact.value.latest)

        async def ask_all(searches: Sequence[ldap.Search]) -> tuple[ldap.Found, ...]:
            if fact.value is None:
                raise UnansweredError(fact.why or "no answer")
            return found_in(await self._converse(vm, searches, LARGEST))

        async def ask_much(searches: Sequence[ldap.Search]) -> tuple[ldap.Found, ...]:
            return found_in(await self._converse(vm, searches, LARGEST_TUNNELLED))

        async def remember() -> history.Earlier:
            if fact.value is None:
                raise UnansweredError(fact.why or "no answer")
            wanted, found = history.searches(fact.value.latest), list[ldap.Found]()
            for start in range(0, len(wanted), AT_A_TIME):
                found += found_in(await self._converse(vm, wanted[start : start + AT_A_TIME], LARGEST))
            return history.identities(found)

        async def gaps() -> object:
            if fact.value is None:
                raise UnansweredError(fact.why or "no answer")
            latest = fact.value.latest
            stretches = [directory.numbers_from(start, start + STRETCH - 1) for start in range(1, latest + 1, STRETCH)]
            numbers: list[int] = []
            for start in range(0, len(stretches), AT_A_TIME):
                some = stretches[start : start + AT_A_TIME]
                for answer in found_in(await self._converse(vm, some, LARGEST_TUNNELLED)):
                    if answer.why:
                        raise UnansweredError(answer.why)
                    numbers += [directory.number(entry, "changenumber") for entry in answer.entries]
            return directory.gaps(numbers, latest)

        async def recent() -> object:
            if fact.value is None:
                raise UnansweredError(fact.why or "no answer")
            parted = self._draft.parted
            checkpoints = frozenset[int]() if parted is None else parted.checkpoints
            return await position.recent(fact.value.latest, checkpoints, self._asking(vm))

        async def tell_replicas() -> None:
            try:
                await self._changelog.serve(self._asking(vm))
            except (UnansweredError, parse.UnreadableError):
                pass  # the replicas say what they lack

        await asyncio.gather(
            tell_replicas(),
            self._meeting.serve(ask_much, remember),
            self._comparing.serve(self._draft.name, ask_all, admin, (vm.alias, vm.uuid)),
        )
        if "gaps" in self._draft.questions_about(vm):
            await self._draft.ask_zone(vm, "gaps", gaps)
        if "recent" in self._draft.questions_about(vm):
            await self._draft.ask_zone(vm, "recent", recent)


def _attempt(reply: ldap.Reply) -> Attempt:
    """Whether the bind worked, and the searches after it. A UFDS that breaks off its answers is useless."""
    if not reply.bound:
        return Attempt(False, reply.detail)
    why = next((each.why for each in reply.found if each.why), "")
    return Attempt(not why, f"it takes the bind, but a search fails: {why}" if why else "", reply.certificate)
