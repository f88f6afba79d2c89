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

from florence_ui.server.generation_queue import GenerationQueue
from florence_ui.server.refusals import RefusalError

MAX_WAITING = 2


@pytest.fixture(scope="module")
def slow_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_checkpoint(tmp_path_factory.mktemp("slow"), slow=True)


@pytest.fixture(scope="module")
def slow_server(slow_checkpoint: Path, checkpoint: Path, offline: dict) -> Iterator[ServerProcess]:
    """A server whose model `slow` answers for ten seconds and more, and whose queue has two places."""
    arguments = ["--model", f"slow={slow_checkpoint}", "--model", f"tiny={checkpoint}"]
    with ServerProcess(*arguments, "--max-waiting", str(MAX_WAITING), environ=offline) as server:
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


async def pass_through(queue: GenerationQueue, served: list[int], number: int = 0) -> None:
    with queue.slot():
        async with queue.turn:
            await asyncio.sleep(0.01)
            served.append(number)


def test_the_line_serves_in_the_order_of_arrival() -> None:
    async def run() -> list[int]:
        queue, served = GenerationQueue(max_waiting=3), []
        await asyncio.gather(*(pass_through(queue, served, number) for number in range(4)))
        return served

    assert asyncio.run(run()) == [0, 1, 2, 3]


def test_the_line_is_bounded_and_a_cancelled_caller_leaves_it() -> None:
    async def run() -> list[int]:
        queue, served = GenerationQueue(max_waiting=1), []
        first, second = (asyncio.create_task(pass_through(queue, served, number)) for number in (1, 2))
        await asyncio.sleep(0)
        assert (queue.running, queue.waiting) == (True, 1)
        with pytest.raises(RefusalError) as refused:
            await pass_through(queue, served, 3)
        assert (refused.value.status, refused.value.retry_after) == (503, 5.0)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        assert queue.waiting == 0
        await asyncio.gather(first, pass_through(queue, served, 4))
        assert (queue.running, queue.waiting) == (False, 0)
        return served

    assert asyncio.run(run()) == [1, 4]


def test_a_line_without_places_still_serves_one() -> None:
    served: list[int] = []
    asyncio.run(pass_through(GenerationQueue(max_waiting=0), served))
    assert served == [0]


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
