"""SMF's times: when a service entered its state, and when its program was last started."""

from __future__ import annotations

import asyncio
import time

from lab.machine.smf import TOO_OFTEN, Service
from tests.lab.operator import Operator
from tests.lab.test_core import operator  # noqa: F401  a fixture

PROPERTY = "svcprop -z $(sdc-vmname binder) -p restarter/{} binder"


class Failing:
    async def start(self) -> None:
        raise OSError("no")

    async def stop(self) -> None:
        pass


def test_times_follow_state_and_start() -> None:
    async def life() -> None:
        service = Service("svc:/test:default")
        assert service.started is None
        await service.enable()
        first = service.started
        assert first is not None
        assert service.stime >= first
        await service.restart()
        assert service.started > first
        assert service.stime >= service.started
        started = service.started
        await service.disable()
        assert (service.started, service.state) == (started, "disabled")
        assert service.stime > started

    asyncio.run(life())


def test_a_program_that_cannot_start_was_started_all_the_same() -> None:
    async def life() -> None:
        service = Service("svc:/test:default", Failing)
        await service.enable()
        assert service.state == "maintenance"
        assert service.started is not None

    asyncio.run(life())


def test_a_program_that_ends_is_started_again_until_it_ended_too_often() -> None:
    async def life() -> None:
        service = Service("svc:/test:default")
        await service.enable()
        for _ in range(TOO_OFTEN - 1):
            before = service.started
            await service.fail("status 1")
            assert service.state == "online"
            assert service.started != before
        await service.fail("status 1")
        assert (service.state, service.reason) == ("maintenance", "status 1")
        await service.clear()
        assert service.state == "online"
        await service.disable()
        await service.fail("it had ended already")
        assert service.state == "disabled"

    asyncio.run(life())


def test_svcprop_tells_them_to_the_second_and_below(operator: Operator) -> None:  # noqa: F811
    def times() -> tuple[float, float]:
        said = [operator.on("my-dc-1", PROPERTY.format(name))[1].strip()
                for name in ("state_timestamp", "start_method_timestamp")]  # fmt: skip
        assert all(len(text.partition(".")[2]) == 9 for text in said)
        return float(said[0]), float(said[1])

    before = times()
    now = time.time()
    assert operator.on("my-dc-1", "svcadm -z $(sdc-vmname binder) restart binder")[0] == 0
    after = times()
    assert max(before) < now < min(after)
