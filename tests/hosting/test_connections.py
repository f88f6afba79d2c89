"""Connections beyond the file descriptors: refused with a message, closed when silent, without flooding the log."""

import contextlib
import resource
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hosting.running import RunningApp
from server_process import ServerProcess

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(sys.platform != "linux", reason="descriptors are counted by Linux's account"),
]

MAX_LINES = 40
"""Of the log, in a test: a start, and a warning a few times."""


class LimitedApp(RunningApp):
    """The app with so many descriptors."""

    def __init__(self, descriptors: int, **environ: str) -> None:
        super().__init__(**environ)
        self.command = limited(descriptors, "app.py")


class LimitedServer(ServerProcess):
    """The local server with so many descriptors."""

    def __init__(self, descriptors: int, **options: object) -> None:
        self.descriptors = descriptors
        super().__init__(**options)

    def command(self, *arguments: str) -> list[str]:
        return limited(self.descriptors, *arguments)

    @property
    def open_files(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))


def limited(descriptors: int, *arguments: str) -> list[str]:
    """A command line under a hard limit."""
    return ["bash", "-c", f'ulimit -n {descriptors} && exec "$0" "$@"', sys.executable, *arguments]


@pytest.fixture(scope="module", autouse=True)
def _room_for_the_other_side() -> Iterator[None]:
    """This process holds the other ends."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.contextmanager
def silent_connections(port: int, number: int) -> Iterator[list[socket.socket]]:
    """Connections that never send a request."""
    with contextlib.ExitStack() as stack:
        connections = []
        for _ in range(number):
            connection = stack.enter_context(socket.socket())
            connection.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                connection.connect(("127.0.0.1", port))
            connections.append(connection)
        yield connections


@contextlib.contextmanager
def streams(app: RunningApp, number: int) -> Iterator[list[httpx.Response]]:
    """Pages that stay open; what each was answered first."""
    limits = httpx.Limits(max_connections=None)
    with httpx.Client(base_url=app.url, limits=limits, timeout=20) as client, contextlib.ExitStack() as stack:
        opened = []
        for k in range(number):
            request = client.build_request("GET", f"/gradio_api/heartbeat/visitor{k}")
            response = client.send(request, stream=True)
            stack.callback(response.close)
            opened.append(response)
        yield opened


def test_a_thousand_silent_connections_stop_nobody(backend: object) -> None:
    with LimitedApp(1024, FLORENCE_UI_LOCAL_URL=backend.url) as app:
        before = processor_seconds(app.process.pid)
        with silent_connections(app.port, 1050):
            time.sleep(5)
            for _ in range(5):
                assert app.client.get("/", timeout=5).status_code == 200
            assert app.open_files < 900
            assert processor_seconds(app.process.pid) - before < 3, "no core is burnt"
        assert len(app.log.splitlines()) < MAX_LINES, app.log[-2000:]
        assert "Traceback" not in app.log


def test_three_hundred_streams_at_256_descriptors_are_answered_or_refused_in_words(
    backend: object, picture: bytes
) -> None:
    with LimitedApp(256, FLORENCE_UI_LOCAL_URL=backend.url) as app:
        with streams(app, 300) as opened:
            statuses = [response.status_code for response in opened]
            refused = [response for response in opened if response.status_code != 200]
            assert statuses.count(200) > 100
            assert len(refused) > 50
            assert {response.status_code for response in refused} == {503}
            assert "Too many connections" in refused[0].read().decode()
            assert len(app.log.splitlines()) < MAX_LINES, app.log[-2000:]
            assert "Traceback" not in app.log
        until = time.monotonic() + 10
        while app.open_files > 100 and time.monotonic() < until:
            time.sleep(0.1)
        assert app.analyze(picture, task="<OD>").ok, "and the page works on"


def test_the_limit_is_raised_as_far_as_the_system_allows(backend: object) -> None:
    with RunningApp(FLORENCE_UI_LOCAL_URL=backend.url) as app:
        line = next(x for x in Path(f"/proc/{app.process.pid}/limits").read_text().splitlines() if "open files" in x)
        soft, hard = line.split()[3:5]
        assert int(soft) == min(int(hard), 65536)


def test_the_local_server_bears_a_thousand_silent_connections_too(tmp_path: Path) -> None:
    environ = {"HF_HOME": str(tmp_path), "HF_ENDPOINT": "http://127.0.0.1:9"}
    with LimitedServer(1024, environ=environ) as server, silent_connections(server.port, 1050):
        time.sleep(5)
        for _ in range(5):
            assert server.status()["models"]
        assert server.open_files < 900
        assert len(server.log.splitlines()) < MAX_LINES, server.log[-2000:]


def test_more_requests_at_once_than_descriptors_are_answered_or_refused_in_words(tmp_path: Path) -> None:
    with LimitedServer(256, environ={"HF_HOME": str(tmp_path)}) as server, contextlib.ExitStack() as stack:
        head = b"POST /infer/lmm HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{"
        connections = []
        for _ in range(230):
            connections.append(stack.enter_context(socket.create_connection(("127.0.0.1", server.port))))
            connections[-1].sendall(head)
        time.sleep(2)
        answers = Counter(answer_so_far(connection) for connection in connections)
        assert set(answers) == {"", "HTTP/1.1 503"}, answers
        assert answers["HTTP/1.1 503"] < 70, "the others' requests go on"
        assert len(server.log.splitlines()) < MAX_LINES, server.log[-2000:]


def answer_so_far(connection: socket.socket) -> str:
    connection.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        return connection.recv(12).decode()
    return ""


def test_a_connection_that_stays_silent_is_ended(tmp_path: Path) -> None:
    script = (
        "import sys; from florence_ui.network import connections; connections.IDLE_SECONDS = 1.0\n"
        "from florence_ui.server.__main__ import main; main()"
    )

    class Impatient(ServerProcess):
        def command(self, *arguments: str) -> list[str]:
            return [sys.executable, "-c", script, *arguments[2:]]

    with Impatient(environ={"HF_HOME": str(tmp_path)}) as server:
        for said in (b"", b"GET /info HT", b"GET /info HTTP/1.1\r\nHost: localhost\r\nX-Slow: "):
            with socket.create_connection(("127.0.0.1", server.port)) as connection:
                connection.sendall(said)
                connection.settimeout(5)
                begun = time.monotonic()
                with contextlib.suppress(ConnectionResetError):
                    assert connection.recv(1000) == b""
                assert time.monotonic() - begun < 3, said


def processor_seconds(pid: int) -> float:
    """User and system time of a process."""
    done = subprocess.run(["ps", "-o", "cputimes=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return float(done.stdout)
