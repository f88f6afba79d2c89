"""A ZeroGPU Space as far as it goes without a card: the real `spaces` package, a scripted device API, torch on the CPU.

    python tests/hosting/zero_gpu_simulation.py    runs the folder's app.py with what stands in for CUDA

`spaces` itself schedules turns, forks their processes, and keeps the models on its emulated device until then. Replaced
are the parts that need a card: that torch was built for CUDA, and the move of the models onto it, which gives them back
to the CPU instead.
"""

import json
import runpy
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

TURN = {"idle": False, "nvidiaIndex": 0, "nvidiaUUID": "GPU-0", "allowToken": "allowed"}


@dataclass
class DeviceAPI:
    """The service beside a ZeroGPU Space that lends the card.

    Attributes:
        answer: What a request for a turn gets: `turn`, `quota`, `queue` or `none`.
        scheduled: The parameters of each request for a turn.
        allowed: Process ids that were let onto the card.
        released: How often a turn was given back.
        started: Whether the Space has reported its start.
    """

    answer: str = "turn"
    scheduled: list[dict[str, str]] = field(default_factory=list)
    allowed: list[int] = field(default_factory=list)
    released: int = 0
    started: bool = False

    def __post_init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "DeviceAPI":
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def post(self, path: str, given: dict[str, str]) -> tuple[int, str, str]:
        """Status, kind and body of an answer."""
        match path:
            case "/startup-report":
                self.started = True
            case "/allow":
                self.allowed.append(int(given["pid"]))
            case "/release":
                self.released += 1
            case "/schedule":
                self.scheduled.append(given)
                return {
                    "turn": (200, "application/json", json.dumps(TURN)),
                    "quota": (429, "application/json", json.dumps({"left": 3, "wait": 3600})),
                    "queue": (200, "text/event-stream", "event: failed\n"),
                    "none": (503, "application/json", "{}"),
                }[self.answer]
        return 200, "application/json", "{}"

    def _handler(api) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                parts = urlsplit(self.path)
                status, kind, body = api.post(parts.path, dict(parse_qsl(parts.query)))
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def lay_out_cache(cache: Path, repository: str, checkpoint: Path) -> None:
    """Put a checkpoint into the Hub's cache under a repository's name."""
    commit = "c0ffee" + "0" * 34
    folder = cache / f"models--{repository.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(commit)
    snapshot = folder / "snapshots" / commit
    snapshot.mkdir(parents=True)
    for file in checkpoint.iterdir():
        (snapshot / file.name).symlink_to(file)


def space_variables(device_api: DeviceAPI, cache: Path, model: str) -> dict[str, str]:
    """What the page finds in its environment on such a Space, with that cache of the Hub."""
    return {
        "SPACES_ZERO_GPU": "true", "SPACES_ZERO_DEVICE_API_URL": device_api.url, "SPACE_ID": "ann/demo",
        "HF_HUB_CACHE": str(cache), "HF_HUB_OFFLINE": "1", "FLORENCE_UI_MODELS": model,
    }  # fmt: skip


def stand_in_for_cuda() -> None:
    """Let `spaces` be imported with a CPU build of torch, and give models back to the CPU where it would move them."""
    import torch

    torch.version.cuda = "12.8"
    torch._C._cuda_init = None
    torch.cuda._is_in_bad_fork = bool

    import spaces.zero.torch as emulation
    from spaces.zero.torch.patching import cuda_aliases

    def give_back(callback: object = None) -> None:
        from florence_ui import zero_gpu

        for fake, original in list(cuda_aliases.items()):
            fake.data = original
        for model in zero_gpu.MODELS.values():
            model.network.device = "cpu"

    emulation.pack = lambda: 0
    emulation.init = lambda uuid: None
    emulation.move = give_back


if __name__ == "__main__":
    stand_in_for_cuda()
    runpy.run_path(str(Path.cwd() / "app.py"), run_name="__main__")
