"""Questions of several calls keep to the visitor's quota: they wait for it, and never exceed it."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest
from workbench import picture_in, request_about, template, workbench

from florence_ui.concurrency.queueing import ignore_status
from florence_ui.errors import BusyError, PromptError
from florence_ui.inference import batch as batch_module
from florence_ui.inference.batch import Batch, ItemState
from florence_ui.inference.chains import CHAINS, StepState, run_chain
from florence_ui.inference.request import Strategy
from florence_ui.tasks import get_task
from florence_ui.ui.batch import views
from florence_ui.ui.batch.panel import BatchState
from florence_ui.visitor_identity import Visitor, current_visitor
from florence_ui.visitors import multi_call
from florence_ui.visitors import service as services_module
from florence_ui.visitors.quota import Quota, QuotaLimiter
from florence_ui.visitors.service import Services

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def visitor() -> Iterator[None]:
    """Somebody asks."""
    token = current_visitor.set(Visitor("session", "10.0.0.1"))
    yield
    current_visitor.reset(token)


def services_of(pipeline, *, per_minute: int = 0, max_concurrency: int = 0, clock=None) -> Services:
    limits = QuotaLimiter(Quota(per_minute, max_concurrency), **({"clock": clock} if clock else {}))
    settings = replace(pipeline.settings, runs_at_once=max_concurrency)
    return Services(settings, pipeline, limits)


async def test_a_used_up_share_is_waited_for_and_said(tmp_path, monkeypatch):
    now, slept, said = [0.0], [], []

    async def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    with workbench() as (backend, pipeline):
        services = services_of(pipeline, per_minute=1, clock=lambda: now[0])
        monkeypatch.setattr(services_module.asyncio, "sleep", sleep)
        ask = multi_call.retry_when_rate_limited(services, said.append)
        request = request_about(picture_in(tmp_path))
        await ask(request)
        await ask(replace(request, task=get_task("<CAPTION>")))
    assert sum(slept) == pytest.approx(60, abs=1)
    assert said[0] == "Waiting for your share of runs: about 60 seconds."
    assert said[-1] == "Waiting for your share of runs: about 3 seconds."
    assert backend.count == 2


async def test_a_day_is_not_waited_for(tmp_path, monkeypatch):
    with workbench() as (backend, pipeline):
        services = services_of(pipeline)

        async def ask(*_):
            raise BusyError("This page has used up its runs for today.", seconds=40_000)

        monkeypatch.setattr(Services, "_ask", ask)
        with pytest.raises(BusyError, match="today"):
            await multi_call.retry_when_rate_limited(services, ignore_status)(request_about(picture_in(tmp_path)))
        assert backend.count == 0


@pytest.mark.parametrize(
    ("share", "expected"), [(0, 16), (3, 3), (50, 16)], ids=["no-limit", "the-visitors-share", "what-the-backend-bears"]
)
async def test_no_more_calls_at_once_than_backend_and_share_bear(tmp_path, share, expected):
    with workbench() as (_, pipeline):
        services = services_of(pipeline, max_concurrency=share)
        assert multi_call.max_concurrency(services, request_about(picture_in(tmp_path))) == expected


async def test_classes_become_one_answer_with_the_time_of_all_calls(tmp_path):
    said = []
    with workbench() as (backend, pipeline):
        request = request_about(
            picture_in(tmp_path), "<OPEN_VOCABULARY_DETECTION>", classes=("dog", "cat"), strategy=Strategy.EACH
        )
        services = services_of(pipeline)
        answer = await multi_call.find_classes_in_turn(services, request, said.append)
        assert answer.result.labels == ["dog", "cat"]
        assert not answer.remembered
        again = await multi_call.find_classes_in_turn(services, request, said.append)
        assert again.remembered
    assert backend.count == 2
    assert said[:2] == ["Looked for 1 of 2 classes", "Looked for 2 of 2 classes"]


async def test_classes_that_cannot_be_used_are_refused(tmp_path):
    with workbench() as (_, pipeline):
        request = request_about(picture_in(tmp_path), classes=("<OD>",), strategy=Strategy.EACH)
        with pytest.raises(PromptError):
            await multi_call.find_classes_in_turn(services_of(pipeline), request, ignore_status)


async def test_a_chain_says_that_it_waits_for_a_share(tmp_path, monkeypatch):
    now = [0.0]

    async def sleep(seconds):
        now[0] += seconds

    with workbench() as (backend, pipeline):
        services = services_of(pipeline, per_minute=1, clock=lambda: now[0])
        monkeypatch.setattr(services_module.asyncio, "sleep", sleep)
        template = request_about(picture_in(tmp_path))
        heard = [
            each
            async for each in multi_call.with_status(
                lambda say: run_chain(
                    CHAINS["caption-ground"], multi_call.retry_when_rate_limited(services, say), template
                )
            )
        ]
    assert backend.count == 2
    states = [each if isinstance(each, str) else each.state for each in heard]
    assert states[:3] == [StepState.RUNNING, StepState.DONE, StepState.RUNNING]
    assert states[3] == "Waiting for your share of runs: about 60 seconds."
    assert states[-1] is StepState.DONE


async def test_leaving_a_stream_that_is_overheard_ends_it():
    ended = []

    async def stream(say):
        try:
            say("waits")
            yield 1
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    stream_with_status = multi_call.with_status(stream)
    assert [await anext(stream_with_status), await anext(stream_with_status)] == ["waits", 1]
    await stream_with_status.aclose()
    assert ended == [True]


async def test_a_picture_of_a_batch_is_opened_only_when_there_is_a_place_for_its_run(tmp_path, monkeypatch):
    """Or a visitor with many batches would have a dozen decoded pictures in memory for each."""
    open_now, most = [0], [0]
    batches = []
    for number in range(4):
        paths = [picture_in(tmp_path, name=f"{number}-{k}.png", colour=(number, k, 7)).path for k in range(6)]
        batches.append(Batch.of(paths))
    with workbench(delay=0.05) as (_, pipeline):
        services = services_of(pipeline, max_concurrency=2)
        opens = batch_module.open_file

        async def open_file(*args):
            open_now[0] += 1
            most[0] = max(most[0], open_now[0])
            return await opens(*args)

        monkeypatch.setattr(batch_module, "open_file", open_file)
        question = template()

        async def work(batch):
            async for _ in batch.run(
                pipeline.analyze,
                question,
                max_concurrency=2,
                previews=False,
                turn=multi_call.batch_turn(services, batch, question, ignore_status),
            ):
                open_now[0] -= 1

        await asyncio.gather(*(work(batch) for batch in batches))
    assert all(len(batch.done) == 6 for batch in batches)
    assert most[0] <= 2 + len(batches), "those that have just ended are told of a moment later"


async def test_right_after_stop_the_pictures_in_hand_count_as_still_to_do(tmp_path):
    """The handler of Stop runs before the cancelled work has put them back in line."""
    batch = Batch.of([tmp_path / "a.jpg", tmp_path / "b.jpg"])
    batch.ask(asked := ("What is there?",))
    batch.items[0].state, batch.items[1].state = ItemState.FAILED, ItemState.RUNNING
    stopped = BatchState(batch=batch, asked=asked, going=False)
    assert views.run_label(stopped) == "Run 1 more"
    assert [frame.state for frame in views.sheet_value(stopped).frames] == ["failed", "waiting"]
    assert views.sheet_value(stopped).words == "0 of 2 answered, stopped"
