"""The whole app as its operator starts it: `python app.py` in a separate process, on a free port."""

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx

from florence_ui.hosting.launch import prepare_environment
from florence_ui.logs import run_log
from florence_ui.settings import Settings

prepare_environment()

from florence_ui.playground import build  # noqa: E402
from florence_ui.visitors.service import Services  # noqa: E402

ROOT = Path(__file__).parents[2]
START_SECONDS = 300.0


def free_port() -> int:
    """A port of the loopback on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def file_value(path: str, **more: object) -> dict[str, object]:
    """A file as Gradio's page posts it."""
    return {"path": path, "meta": {"_type": "gradio.FileData"}} | more


@dataclass(frozen=True)
class Outcome:
    """What an endpoint gave: the answer, or the words of the error."""

    record: dict[str, Any] | None
    error: str
    picture: str = ""

    @property
    def ok(self) -> bool:
        """Whether there is an answer."""
        return self.record is not None


class Caller:
    """What a program does with an app; `client` leads to it.

    Attributes:
        patience: Seconds after which it gives up waiting for an answer.
    """

    client: httpx.Client
    max_wait: float = 600.0

    def upload(self, data: bytes, name: str = "picture.png") -> httpx.Response:
        """What the app says to an upload."""
        return self.client.post("/gradio_api/upload", files={"files": (name, data)})

    def analyze(self, data: bytes | None = None, name: str = "picture.png", **given: Any) -> Outcome:
        """Run `/analyse` with an upload of these bytes, and other parameters by name."""
        if data is not None:
            response = self.upload(data, name)
            if response.status_code != 200:
                return refused(response)
            given["image"] = file_value(response.json()[0])
        return self.call("analyse", given)

    def call(self, endpoint: str, given: Mapping[str, Any]) -> Outcome:
        """Run a named endpoint with parameters by name.

        Raises:
            TimeoutError: If there is no answer in time.
        """
        body = json.dumps(given)
        response = self.client.post(
            f"/gradio_api/call/v2/{endpoint}", content=body, headers={"Content-Type": "application/json"}
        )
        if response.status_code != 200:
            return refused(response)
        answer = self._whole(f"/gradio_api/call/{endpoint}/{response.json()['event_id']}")
        event, _, line = answer.rpartition("event: ")[2].partition("\ndata: ")
        data = json.loads(line.strip())
        if event != "complete":
            return Outcome(None, str(data["error"] if isinstance(data, dict) else data))
        record, first = data[-1], data[0]
        return Outcome(record, "", first["url"] if len(data) > 1 and first else "")

    def check_machine(self, headers: Mapping[str, str]) -> str:
        """What the page says to whoever presses "Check this machine", whether or not it is offered to them."""
        return self.page_event("machine-report", {}, headers)

    def look_at_header(self, headers: Mapping[str, str]) -> str:
        """What the page shows in its header."""
        return self.page_event("header", {"backend": "local", "model": "Automatic"}, headers)

    def page_event(self, shown: str, given: Mapping[str, object], headers: Mapping[str, str]) -> str:
        """What the page's event says that changes one part and reads some others, all by their ids on the page."""
        config = self.client.get("/config", headers=headers).json()
        names = {part["id"]: part["props"].get("elem_id") for part in config["components"]}
        event = next(
            event
            for event in config["dependencies"]
            if shown in map(names.get, event["outputs"]) and set(map(names.get, event["inputs"])) == set(given)
        )
        data = [given[names[part]] for part in event["inputs"]]
        body = {"data": data, "fn_index": event["id"], "session_hash": "anybody"}
        return self.client.post("/gradio_api/run/predict", json=body, headers=headers).text

    def _whole(self, stream: str) -> str:
        """Everything that a stream says; while nothing happens it says so every 15 seconds."""
        until, text = time.monotonic() + self.max_wait, ""
        with self.client.stream("GET", stream) as response:
            for part in response.iter_text():
                text += part
                if time.monotonic() > until:
                    raise TimeoutError(f"No answer in {self.max_wait:.0f} s.")
        return text


class RunningApp(Caller):
    """The app in a process of its own; a context manager.

    Args:
        environ: Settings, added to an environment without any.

    Attributes:
        command: What is started.
        root: The folder in which it is started: this project's.
    """

    command: Sequence[str] = (sys.executable, "app.py")
    root: Path = ROOT

    def __init__(self, **environ: str) -> None:
        ours = ("API_KEY", "ROBOFLOW_API_KEY", "GRADIO_", "FLORENCE_UI_")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = tempfile.TemporaryDirectory(prefix="safety-")
        self.temp = Path(self.folder.name, "temp")
        self.temp.mkdir()
        self._log = Path(self.folder.name, "log.txt")
        self.environ = clean | {
            "GRADIO_SERVER_PORT": str(self.port),
            "TMPDIR": str(self.temp),
            "PYTHONUNBUFFERED": "1",
            "OMP_NUM_THREADS": "1",
            "FLORENCE_UI_START_SERVER": "false",
            **environ,
        }

    @classmethod
    def with_local_server(cls, **environ: str) -> Self:
        """The app as a newcomer starts it, with a local server of its own; the Hub cannot be reached."""
        address = f"http://127.0.0.1:{free_port()}"
        usual = {"FLORENCE_UI_START_SERVER": "true", "FLORENCE_UI_LOCAL_URL": address, "HF_HUB_OFFLINE": "1"}
        return cls(**usual | environ)

    def __enter__(self) -> Self:
        self.client = httpx.Client(base_url=self.url, timeout=120)
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command, cwd=self.root, env=self.environ, stdout=log, stderr=subprocess.STDOUT
            )
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            try:
                self.client.get("/gradio_api/app_id")
                return self
            except httpx.TransportError:
                time.sleep(0.2)
        self.__exit__()
        raise TimeoutError(f"The app did not start:\n{self.log}")

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self._last_log = self.log
        self.folder.cleanup()

    @property
    def log(self) -> str:
        """Everything that the app has said on its terminal."""
        return self._log.read_text("utf-8", "replace") if self._log.exists() else self._last_log

    @property
    def run_lines(self) -> list[dict[str, Any]]:
        """Its lines about runs."""
        return [json.loads(line) for line in self.log.splitlines() if line.startswith('{"time"')]

    @property
    def memory(self) -> int:
        """Bytes of memory that the process has now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    @property
    def open_files(self) -> int:
        """Files and sockets that the process has open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    @property
    def disk(self) -> int:
        """Bytes of the app's temporary files."""
        total = 0
        for folder, _, names in os.walk(self.temp):
            for name in names:
                with contextlib.suppress(OSError):  # it ages out meanwhile
                    total += os.lstat(os.path.join(folder, name)).st_size
        return total


def refused(response: httpx.Response) -> Outcome:
    """The outcome of a request that was refused by its route, or at the upload."""
    return Outcome(None, f"{response.status_code} {response.text}")


def is_sentence(words: str) -> bool:
    """Whether an error is words for a person: short, no traceback, no path of this machine, nothing raw."""
    raw = ("Traceback", "Error(", "site-packages", "/root/", "/tmp/", "/home/", "None", "0x", "Internal")
    return 10 < len(words) < 800 and not any(part in words for part in raw)


class AppHere(Caller):
    """The app in this process: it starts in a second, but its terminal is the tests' own.

    Args:
        settings: What the operator chose.
    """

    def __init__(self, settings: Settings) -> None:
        self.services = Services.of(settings)
        self.lines: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.client = httpx.Client(base_url=self.url, timeout=300)
        self._handler = logging.Handler()
        self._handler.emit = lambda record: self.lines.append(json.loads(record.getMessage()))
        run_log.addHandler(self._handler)
        run_log.setLevel(logging.INFO)
        self.demo = build(self.services)
        self.demo.launch(server_port=port, prevent_thread_lock=True, quiet=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.demo.close()
        self.services.pipeline.stop()
        run_log.removeHandler(self._handler)
