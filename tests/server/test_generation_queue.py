"""One generation at a time, a bounded queue, and no generation for a caller who left."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from server_process import ServerProcess, wait_for
from tiny_checkpoint import build_checkpoint

from florence_ui.server.errors import RefusalError
from florence_ui.server.generation_queue import GenerationQueue

MAX_WAITING = 2


@pytest.fixture(scope="module")
def slow_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_checkpoint(tmp_path_factory.mktemp("slow"), slow=True)


@pytest.fixture(scope="module")
def slow_server(slow_checkpoint: Path, checkpoint: Path, offline: dict) -> Iterator[ServerProcess]:
    """A server whose model `slow` answers for ten seconds and more, and whose queue has two places."""
    arguments = ["--model", f"slow={slow_checkpoint}", "--model", f"tiny={checkpoint}"]
    slowly = ["--engine", "torch", "--max-waiting", str(MAX_WAITING)]  # the light engine answers in two seconds
    with ServerProcess(*arguments, *slowly, environ=offline) as server:
        for alias in ("slow", "tiny"):
            requests.post(f"{server.url}/model/prepare", json={"model_id": alias}, timeout=30)
            wait_for(lambda alias=alias: server.model(alias)["state"] == "ready")
        yield server


class Caller:
    """A call of the slow model in the background, by somebody who hangs up after some seconds."""

    def __init__(self, server: ServerProcess, picture_base64: str, timeout: float) -> None:
        self.reply: requests.Response | None = None
        body = {"model_id": "slow", "prompt": "<OD>", "image": {"type": "base64", "value": picture_base64}}
        self._call = threading.Thread(target=self._run, args=(f"{server.url}/infer/lmm", body, timeout), daemon=True)
        self._call.start()

    def _run(self, url: str, body: dict, timeout: float) -> None:
        with contextlib.suppress(requests.RequestException):
            self.reply = requests.post(url, json=body, timeout=timeout)  # closes the connection when it is over

    def join(self) -> None:
        self._call.join(300)


def idle(server: ServerProcess) -> bool:
    status = server.status()
    return not status["running"] and not status["waiting"]


class Model:
    """A model that answers with what it is asked, and remembers what it was asked together."""

    def __init__(self, max_batch: int = 1) -> None:
        self.max_batch = max_batch


class Question:
    def __init__(self, number: int, seconds: float = 0.01) -> None:
        self.number = number
        self.seconds = seconds
        self.stop = threading.Event()


class Line:
    """A queue that remembers what is prepared and what is answered together, and some of whose questions may fail."""

    def __init__(self, max_waiting: int = 8) -> None:
        self.queue = GenerationQueue(self.prepare, self.run, max_waiting)
        self.prepared: list[int] = []
        self.batches: list[list[int]] = []
        self.broken: set[int] = set()

    async def prepare(self, model: Model, question: Question) -> Question:
        self.prepared.append(question.number)
        if question.number in self.broken:
            raise ValueError
        return question

    async def run(self, model: Model, questions: list[Question]) -> list[int]:
        self.batches.append([question.number for question in questions])
        for question in questions:
            for _ in range(round(question.seconds / 0.01)):
                await asyncio.sleep(0 if question.stop.is_set() else 0.01)
        if -1 in self.broken:
            raise MemoryError
        return [question.number for question in questions]

    async def ask(self, model: Model, number: int = 0, seconds: float = 0.01) -> int:
        with self.queue.slot():
            return await self.queue.answer(model, Question(number, seconds))


def test_the_line_serves_in_the_order_of_arrival() -> None:
    line, model = Line(), Model()

    async def run() -> list[int]:
        return await asyncio.gather(*(line.ask(model, number) for number in range(4)))

    assert asyncio.run(run()) == [0, 1, 2, 3]
    assert line.batches == [[0], [1], [2], [3]]


def test_what_waits_is_served_together_and_nobody_waits_for_others() -> None:
    """The first begins alone, at once; those that came meanwhile follow, as many as the model takes."""
    line, model = Line(), Model(max_batch=3)

    async def run() -> list[int]:
        return await asyncio.gather(*(line.ask(model, number) for number in range(6)))

    async def late() -> list[int]:
        first = asyncio.create_task(line.ask(model, 0, seconds=0.1))
        await asyncio.sleep(0.03)
        assert (line.batches, line.queue.running, line.queue.waiting) == ([[0]], 1, 0)
        others = [asyncio.create_task(line.ask(model, number)) for number in range(1, 6)]
        await asyncio.sleep(0.03)
        assert (line.queue.running, line.queue.waiting) == (1, 5)
        return await asyncio.gather(first, *others)

    assert asyncio.run(late()) == [0, 1, 2, 3, 4, 5]
    assert line.batches == [[0], [1, 2, 3], [4, 5]]
    line.batches.clear()
    assert asyncio.run(run()) == [0, 1, 2, 3, 4, 5]
    assert [len(batch) for batch in line.batches] == [3, 3]


def test_the_next_are_prepared_while_the_model_is_busy_and_no_more_than_it_takes() -> None:
    line, model = Line(), Model(max_batch=2)

    async def run() -> None:
        first = asyncio.create_task(line.ask(model, 0, seconds=0.1))
        await asyncio.sleep(0.03)
        others = [asyncio.create_task(line.ask(model, number)) for number in range(1, 6)]
        await asyncio.sleep(0.03)
        assert (line.batches, line.prepared) == ([[0]], [0, 1, 2])
        others[0].cancel()
        await asyncio.sleep(0.01)
        assert line.prepared == [0, 1, 2, 3]
        await asyncio.gather(first, *others, return_exceptions=True)

    asyncio.run(run())
    assert line.batches == [[0], [2, 3], [4, 5]]


def test_who_leaves_while_a_thread_prepares_them_keeps_their_place_until_it_is_done() -> None:
    """Otherwise one who asks and leaves, again and again, would have as many pictures decoded at a time."""
    line, model, going_on = Line(), Model(), asyncio.Event()

    async def prepare(model: Model, question: Question) -> Question:
        line.prepared.append(question.number)
        await going_on.wait()
        return question

    async def run() -> None:
        line.queue = GenerationQueue(prepare, line.run, 8)
        calls = [asyncio.create_task(line.ask(model, number)) for number in range(3)]
        await asyncio.sleep(0.01)
        calls[0].cancel()
        await asyncio.sleep(0.01)
        assert (line.prepared, calls[0].done()) == ([0], False)
        going_on.set()
        assert [type(outcome) for outcome in await asyncio.gather(*calls, return_exceptions=True)][1:] == [int, int]

    asyncio.run(run())
    assert line.prepared == [0, 1, 2]


def test_calls_for_another_model_keep_their_place() -> None:
    line, one, other = Line(), Model(max_batch=8), Model(max_batch=8)

    async def run() -> None:
        models = [one, other, one, other, one]
        await asyncio.gather(*(line.ask(model, number) for number, model in enumerate(models)))

    asyncio.run(run())
    assert line.batches == [[0, 2, 4], [1, 3]]


def test_one_that_fails_does_not_fail_the_others() -> None:
    line, model = Line(), Model(max_batch=3)
    line.broken = {1}

    async def run() -> list[int | BaseException]:
        return await asyncio.gather(*(line.ask(model, number) for number in range(3)), return_exceptions=True)

    first, failed, last = asyncio.run(run())
    assert (first, last) == (0, 2)
    assert isinstance(failed, ValueError)
    line.broken = {-1}
    assert [type(outcome) for outcome in asyncio.run(run())] == [MemoryError] * 3
    line.broken = set()
    assert asyncio.run(run()) == [0, 1, 2]


def test_the_line_is_bounded_and_a_cancelled_caller_leaves_it() -> None:
    line, model = Line(max_waiting=1), Model()

    async def run() -> None:
        first, second = (asyncio.create_task(line.ask(model, number, seconds=0.1)) for number in (1, 2))
        await asyncio.sleep(0.02)
        assert (line.queue.running, line.queue.waiting) == (1, 1)
        with pytest.raises(RefusalError) as refused:
            await line.ask(model, 3)
        assert (refused.value.status, refused.value.retry_after) == (503, 5.0)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        assert line.queue.waiting == 0
        await asyncio.gather(first, line.ask(model, 4))
        assert (line.queue.running, line.queue.waiting) == (0, 0)

    asyncio.run(run())
    assert line.batches == [[1], [4]]


def test_a_caller_who_leaves_stops_their_own_question_only() -> None:
    line, model = Line(), Model(max_batch=2)

    async def run() -> int:
        leaving, staying = (asyncio.create_task(line.ask(model, number, seconds=30)) for number in (1, 2))
        await asyncio.sleep(0.02)
        leaving.cancel()
        await asyncio.sleep(0.02)
        assert not leaving.done()  # its place is taken until the batch is over
        staying.cancel()
        await asyncio.wait({leaving, staying})
        return await line.ask(model, 3)

    assert asyncio.run(run()) == 3
    assert line.batches == [[1, 2], [3]]


def test_a_line_without_places_still_serves_one() -> None:
    line = Line(max_waiting=0)
    assert asyncio.run(line.ask(Model(), 7)) == 7


def test_a_caller_who_hangs_up_ends_the_generation(slow_server: ServerProcess, picture_base64: str) -> None:
    caller = Caller(slow_server, picture_base64, timeout=2.0)
    wait_for(lambda: slow_server.status()["running"])
    caller.join()
    assert caller.reply is None
    start = time.monotonic()
    wait_for(lambda: idle(slow_server))
    assert time.monotonic() - start < 5
    assert '"status": 499' in slow_server.log


def test_the_server_answers_others_while_it_generates(slow_server: ServerProcess, picture_base64: str) -> None:
    caller = Caller(slow_server, picture_base64, timeout=4.0)
    wait_for(lambda: slow_server.status()["running"])
    for path in ("/healthz", "/readiness", "/info", "/status", "/model/registry"):
        assert requests.get(slow_server.url + path, timeout=3).status_code == 200
    assert slow_server.status()["running"]
    caller.join()
    wait_for(lambda: idle(slow_server))


def test_past_the_line_calls_are_503_and_those_who_leave_make_room(
    slow_server: ServerProcess, picture_base64: str
) -> None:
    callers = [Caller(slow_server, picture_base64, timeout=9.0)]
    wait_for(lambda: slow_server.status()["running"])
    impatient = [Caller(slow_server, picture_base64, timeout=4.0) for _ in range(MAX_WAITING)]
    wait_for(lambda: slow_server.status()["waiting"] == MAX_WAITING)

    body = {"model_id": "tiny", "prompt": "<OD>", "image": {"type": "base64", "value": picture_base64}}
    refused = slow_server.infer(**body)
    assert refused.status_code == 503
    assert "busy" in refused.json()["message"]
    assert int(refused.headers["Retry-After"]) > 0

    for caller in impatient:
        caller.join()
    wait_for(lambda: slow_server.status()["waiting"] == 0)
    answered = slow_server.infer(**body, max_new_tokens=5)
    assert answered.status_code == 200
    for caller in callers:
        caller.join()
    wait_for(lambda: idle(slow_server))


def test_answers_of_many_callers_do_not_mix(slow_server: ServerProcess, picture_base64: str) -> None:
    prompts = ["<CAPTION>", "<OCR>", "<DETAILED_CAPTION>"]
    image = {"type": "base64", "value": picture_base64}

    def ask(prompt: str) -> dict:
        return slow_server.infer(model_id="tiny", prompt=prompt, max_new_tokens=30, image=image).json()["response"]

    alone = {prompt: ask(prompt) for prompt in prompts}
    together: dict[str, dict] = {}
    threads = [threading.Thread(target=lambda p=p: together.update({p: ask(p)})) for p in prompts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone
