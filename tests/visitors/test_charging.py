"""A visitor's quota and the daily cap are charged only for calls that are really made."""

import asyncio
from dataclasses import replace

import pytest
from faults import refused_url
from workbench import picture_in, request_about, workbench

from florence_ui.backends.backend import Backend
from florence_ui.errors import BackendUnreachableError, BusyError, PromptError
from florence_ui.tasks import get_task

pytestmark = pytest.mark.anyio


class Shares:
    """Counts calls, up to a number of them."""

    def __init__(self, most: int = 100) -> None:
        self.most = most
        self.count = 0

    def __call__(self):
        if self.count >= self.most:
            raise BusyError("used up", seconds=10)
        self.count += 1

        def take_back() -> None:
            self.count -= 1

        return take_back


async def test_only_calls_that_are_made_are_charged(tmp_path):
    shares = Shares()
    with workbench() as (backend, pipeline):
        request = request_about(picture_in(tmp_path))
        with pytest.raises(PromptError):
            await pipeline.analyze(replace(request, task=get_task("<OPEN_VOCABULARY_DETECTION>")), charge=shares)
        assert shares.count == 0
        await pipeline.analyze(request, charge=shares)
        assert (await pipeline.analyze(request, charge=shares)).remembered
        assert backend.count == shares.count == 1


async def test_who_joins_a_call_under_way_is_not_charged(tmp_path):
    first, others = Shares(), Shares(most=0)
    with workbench(delay=0.2) as (backend, pipeline):
        request = request_about(picture_in(tmp_path))
        both = pipeline.analyze(request, charge=first), pipeline.analyze(request, charge=others)
        await asyncio.gather(*both)
        assert (first.count, others.count, backend.count) == (1, 0, 1)


async def test_a_used_up_share_stops_nobody_elses_equal_call(tmp_path):
    used_up, fresh = Shares(most=0), Shares()
    with workbench(delay=0.2) as (_, pipeline):
        request = request_about(picture_in(tmp_path))
        both = pipeline.analyze(request, charge=used_up), pipeline.analyze(request, charge=fresh)
        refused, answer = await asyncio.gather(*both, return_exceptions=True)
        assert isinstance(refused, BusyError)
        assert answer.result.labels == ["car", "person", "wheel"]


async def test_a_call_that_is_not_made_after_all_is_not_charged(tmp_path):
    shares = Shares()
    with workbench(delay=0.4) as (backend, pipeline):
        pipeline.settings = replace(pipeline.settings, queue=1)
        pipeline.backends["local"] = replace(pipeline.backends["local"], concurrency=1)
        picture = picture_in(tmp_path)
        requests = [request_about(picture, token) for token in ("<OD>", "<CAPTION>", "<OCR>")]
        outcomes = await asyncio.gather(
            *(pipeline.analyze(request, charge=shares) for request in requests), return_exceptions=True
        )
        assert sum(isinstance(outcome, BusyError) for outcome in outcomes) == 1
        assert shares.count == backend.count == 2


async def test_a_call_that_reaches_nobody_is_not_charged(tmp_path):
    shares = Shares()
    with workbench() as (_, pipeline):
        pipeline.backends["dedicated"] = Backend("dedicated", "Dedicated", refused_url(), False, 5, 4)
        with pytest.raises(BackendUnreachableError):
            await pipeline.analyze(replace(request_about(picture_in(tmp_path)), backend="dedicated"), charge=shares)
        assert shares.count == 0
