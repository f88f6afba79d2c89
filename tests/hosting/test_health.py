"""The page's health, as requested by load balancers and container health checks."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from florence_ui.hosting.health import Availability, Health


async def works() -> tuple[Availability, str]:
    return Availability.OK, "It works."


async def down() -> tuple[Availability, str]:
    return Availability.UNAVAILABLE, "Nobody answers."


async def hangs() -> tuple[Availability, str]:
    await asyncio.sleep(60)
    return Availability.OK, ""


async def breaks() -> tuple[Availability, str]:
    raise RuntimeError("secret details")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("probe", "expected"),
    [
        pytest.param(works, (Availability.OK, "It works."), id="up"),
        pytest.param(down, (Availability.UNAVAILABLE, "Nobody answers."), id="down"),
        pytest.param(hangs, (Availability.UNAVAILABLE, "The backend does not answer."), id="hangs"),
        pytest.param(breaks, (Availability.UNAVAILABLE, "The backend could not be probed."), id="breaks"),
    ],
)
async def test_health_is_said_within_seconds(
    probe: Callable[[], Awaitable[tuple[Availability, str]]], expected: tuple[Availability, str]
) -> None:
    assert await Health(probe, timeout=0.1).check() == expected


@pytest.mark.anyio
async def test_asking_for_health_often_does_not_ask_the_backend_often() -> None:
    asked: list[int] = []

    async def probe() -> tuple[Availability, str]:
        asked.append(1)
        await asyncio.sleep(0.01)
        return Availability.OK, ""

    health = Health(probe, cache_seconds=60)
    await asyncio.gather(*(health.check() for _ in range(50)))
    assert len(asked) == 1
