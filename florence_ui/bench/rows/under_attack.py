"""Row 15: thirty visitors beside thirty hostile ones."""

import asyncio
import itertools
import statistics
import time
from collections import Counter
from contextlib import ExitStack

import aiohttp

from florence_ui.bench.hostile import Counts, hostile_visitors
from florence_ui.bench.measuring import Measurement, Scale, Target, ratios
from florence_ui.bench.photographs import photograph_jpeg
from florence_ui.bench.rows.visitors import RunFailed, address_of, grounding, our_page, run_once, upload

HONEST, HOSTILE, ADDRESSES = 30, 30, 3
LOOK_SECONDS = 1.0
"""How long a visitor looks at each answer: with half a second of waiting, that makes 40 of their 60 runs a minute."""
BEFORE, COUNTED = 5.0, 20.0
"""Seconds before answers are counted, and while they are."""
DISK_MB = "1000"
"""Disk quota on both sides: small enough to be filled in this time."""


def beside_hostile(scale: Scale) -> Measurement:
    """Row 15: answers a second beside hostile visitors, against the same visitors alone."""
    pairs = [_pair(scale, alone_first=number % 2 == 0) for number in range(3 if scale.pairs > 2 else 1)]
    beside, alone = zip(*pairs, strict=True)
    return Measurement(
        15, "answers a second, 30 visitors beside 30 hostile ones, backend of 0.5 s, against the 30 alone",
        ratios([(ours.rate, theirs.rate) for ours, theirs in pairs]), Target(0.9, at_least=True),
        f"{_rate(beside)} against {_rate(alone)} answers a second, counted for {COUNTED:.0f} s; each visitor uploads "
        f"a picture, asks, waits and looks at the answer for a second; refused were {_refused(beside)} runs "
        f"against {_refused(alone)}; hostile, from {ADDRESSES} addresses: {_sent(beside)}",
    )  # fmt: skip


class Side:
    """Answers to thirty honest visitors in the counted time, and outcomes of the hostile ones' requests."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.hostile: Counts = {}

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.outcomes["answered"] / COUNTED


def _pair(scale: Scale, *, alone_first: bool) -> tuple[Side, Side]:
    sides = {hostile: measure(scale, hostile=hostile) for hostile in ((False, True) if alone_first else (True, False))}
    return sides[True], sides[False]


def measure(scale: Scale, *, hostile: bool) -> Side:
    """One side, on a page of its own, so that what the hostile visitors leave behind affects no other."""
    side = Side()
    with our_page(FLORENCE_UI_TEMP_MB=DISK_MB) as port:
        url = f"http://127.0.0.1:{port}"
        with ExitStack() as stack:
            if hostile:
                side.hostile = stack.enter_context(hostile_visitors(url, visitors=HOSTILE, addresses=ADDRESSES))
            asyncio.run(_watch(f"{url}/gradio_api", photograph_jpeg(1, scale.seed), side.outcomes))
    return side


async def _watch(api: str, picture: bytes, outcomes: Counter[str]) -> None:
    counted_from = time.monotonic() + BEFORE
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        visitors = [asyncio.create_task(_visit(session, api, picture, who, outcomes)) for who in range(HONEST)]
        await asyncio.sleep(counted_from - time.monotonic())
        outcomes.clear()
        await asyncio.sleep(counted_from + COUNTED - time.monotonic())
        for visitor in visitors:
            visitor.cancel()
        await asyncio.gather(*visitors, return_exceptions=True)


async def _visit(session: aiohttp.ClientSession, api: str, picture: bytes, who: int, outcomes: Counter[str]) -> None:
    """Upload a picture, ask about it, look at the answer, and so on."""
    await asyncio.sleep(LOOK_SECONDS * who / HONEST)
    for number in itertools.count(who, HONEST):
        comment = b"\xff\xfe\x00\x0a%08d" % number  # so that no two uploads are the same
        try:
            file = await upload(session, api, picture[:2] + comment + picture[2:], address_of(who))
            await run_once(session, api, grounding(file, number), address_of(who))
            outcomes["answered"] += 1
        except (RunFailed, aiohttp.ClientError):
            outcomes["refused"] += 1
        await asyncio.sleep(LOOK_SECONDS)


def _rate(sides: tuple[Side, ...]) -> str:
    return f"{statistics.median(side.rate for side in sides):.1f}"


def _refused(sides: tuple[Side, ...]) -> int:
    return sum(side.outcomes["refused"] for side in sides)


def _sent(sides: tuple[Side, ...]) -> str:
    total: Counter[str] = Counter()
    for side in sides:
        for attack, counts in side.hostile.items():
            total[attack] += sum(counts.values())
            total["refused"] += counts.get("refused", 0)
    refused = total.pop("refused")
    return f"{', '.join(f'{count:,} {attack}' for attack, count in total.items())}, of which {refused:,} were refused"
