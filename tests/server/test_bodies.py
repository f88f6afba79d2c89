"""Bodies at the local server: many large and slow ones use bounded memory, and ordinary calls are still answered."""

import contextlib
import http.client
import json
import socket
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
import requests
from server_process import ServerProcess, wait_for

from florence_ui.server.body_limit import MAX_BODY, MAX_IN_FLIGHT

MEGABYTE = 2**20
LARGE = 31 * MEGABYTE
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from Linux's account")


def memory(server: ServerProcess, kind: str = "VmHWM") -> int:
    """Bytes of memory, at its most by default."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition(f"{kind}:")[2].split()[0]) * 1024


def head(server: ServerProcess, length: int) -> bytes:
    lines = ("POST /infer/lmm HTTP/1.1", f"Host: 127.0.0.1:{server.port}", "Content-Type: application/json")
    return "\r\n".join((*lines, f"Content-Length: {length}", "", "")).encode()


def large_body() -> bytes:
    return json.dumps(
        {"model_id": "no-such-model", "prompt": "<OD>", "image": {"type": "base64", "value": "A" * LARGE}}
    ).encode()


def test_forty_large_bodies_at_once_take_bounded_memory(offline: dict) -> None:
    """They took 1.8 GB."""
    body, statuses = large_body(), Counter()
    barrier = threading.Barrier(40)
    with ServerProcess(environ=offline) as server:
        before = memory(server)

        def post() -> None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", server.port)) as connection:
                connection.settimeout(60)
                connection.sendall(head(server, len(body)) + body[:-1000])
                barrier.wait(60)
                connection.sendall(body[-1000:])
                statuses[connection.recv(100).split(b" ")[1]] += 1

        posts = [threading.Thread(target=post) for _ in range(40)]
        for thread in posts:
            thread.start()
        for thread in posts:
            thread.join(120)
        grown = memory(server) - before
        print(f"{grown / MEGABYTE:.0f} MB more, {dict(statuses)}")
        assert grown < 4 * MAX_IN_FLIGHT
        assert statuses[b"503"] >= 30
        assert server.status()["models"]


def test_a_body_that_does_not_end_is_given_up(offline: dict) -> None:
    script = (
        "import functools; from florence_ui.server import app, body_limit\n"
        "app.BodyLimit = functools.partial(body_limit.BodyLimit, seconds=2.0)\n"
        "from florence_ui.server.__main__ import main; main()"
    )

    class Impatient(ServerProcess):
        def command(self, *arguments: str) -> list[str]:
            return [sys.executable, "-c", script, *arguments[2:]]

    with Impatient(environ=offline) as server, socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.settimeout(20)
        connection.sendall(head(server, 1000) + b'{"model_id":')
        begun = time.monotonic()
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 408
        assert b"did not arrive" in answer.read()
        assert 1.5 < time.monotonic() - begun < 10


def test_one_too_many_is_told_when_to_come_back_and_room_comes_back_with_it(offline: dict) -> None:
    body = large_body()
    with ServerProcess(environ=offline) as server:

        def post() -> requests.Response:
            headers = {"Content-Type": "application/json"}
            return requests.post(f"{server.url}/infer/lmm", data=body, headers=headers, timeout=60)

        for _ in range(2):
            with contextlib.ExitStack() as stack:
                for _ in range(MAX_IN_FLIGHT // MAX_BODY + 1):
                    connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
                    connection.sendall(head(server, len(body)) + body[: -MEGABYTE // 16])
                wait_for(lambda: post().status_code == 503, seconds=20)
                refused = post()
                assert "busy" in refused.json()["message"]
                assert int(refused.headers["Retry-After"]) > 0
                small = requests.post(f"{server.url}/model/prepare", json={"model_id": "no"}, timeout=10)
                assert small.status_code == 404, "small ones still find room"
            wait_for(lambda: post().status_code == 404, seconds=20)
