"""Start and end of the server: both immediate, and it never outlives the program that started it."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests
from PIL import Image
from server_process import ROOT, ServerProcess, wait_for
from tiny_checkpoint import build_checkpoint


def test_the_routes_do_not_import_the_heavy_packages() -> None:
    heavy = {"torch", "transformers", "onnxruntime", "tokenizers", "numpy", "PIL", "gradio"}
    code = f"import sys, florence_ui.server.__main__; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "set()", done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="memory and time are read from Linux's account")
def test_a_server_without_a_model_takes_little(offline: dict) -> None:
    """The genuine one rests in 1.2 GB."""
    with ServerProcess(environ=offline) as server:
        assert server.status()["engine"] is None
        time.sleep(1)
        before = processor_seconds(server.process.pid)
        time.sleep(5)
        assert processor_seconds(server.process.pid) - before <= 5 * 0.01
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        assert int(status.partition("VmRSS:")[2].split()[0]) < 60 * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="a process's libraries are read from Linux's account")
def test_nano_answers_without_waiting_for_torch(offline: dict, picture_base64: str) -> None:
    """The import of torch takes four seconds of a processor, and nano's first answer is to take two."""
    with ServerProcess(environ=offline) as server:
        picture = {"type": "base64", "value": picture_base64}
        assert server.infer(model_id="florence-2-nano", prompt="<OD>", max_new_tokens=5, image=picture).ok
        libraries = Path(f"/proc/{server.process.pid}/maps").read_text()
        assert "onnxruntime" in libraries
        assert "torch" not in libraries
        info = requests.get(f"{server.url}/info", timeout=10).json()
        assert (info["engine"], info["device"], info["precision"]) == ("onnx", "cpu", "float32")


def processor_seconds(pid: int) -> float:
    """Linux's 14th and 15th figure; https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html"""
    figures = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(figures[11]) + int(figures[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("port", ["0", "-1", "65536", "x"])
def test_a_port_that_is_none_is_named_at_once(port: str) -> None:
    command = [sys.executable, "-m", "florence_ui.server", f"--port={port}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "argument --port: expected a number from 1 to 65535" in done.stderr


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_it_ends_in_seconds_in_the_middle_of_a_generation(
    sign: signal.Signals, offline: dict, picture_base64: str, tmp_path: Path
) -> None:
    slow = build_checkpoint(tmp_path / "slow", slow=True)
    with ServerProcess("--model", f"slow={slow}", environ=offline) as server:
        body = {"model_id": "slow", "prompt": "<OD>", "image": {"type": "base64", "value": picture_base64}}
        threading.Thread(target=lambda: call_in_vain(server, body), daemon=True).start()
        wait_for(lambda: server.status()["running"])
        server.process.send_signal(sign)
        server.process.wait(10)


def call_in_vain(server: ServerProcess, body: dict) -> None:
    with contextlib.suppress(requests.RequestException):
        server.infer(**body)


def test_it_ends_with_its_parent_even_if_that_is_killed(offline: dict, tmp_path: Path) -> None:
    code = (
        "import sys, time; from server_process import ServerProcess\n"
        "server = ServerProcess('--exit-with-parent')\n"
        "print(server.process.pid, server.url, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT / "tests", stdout=subprocess.PIPE, text=True)
    pid, url = parent.stdout.readline().split()
    assert requests.get(f"{url}/healthz", timeout=10).ok
    parent.kill()
    parent.wait()
    wait_for(lambda: not is_running(int(pid)), seconds=20)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/healthz", timeout=5)


def is_running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_without_being_asked_it_stays_when_stdin_ends(offline: dict) -> None:
    with ServerProcess(environ=offline) as server:
        server.process.stdin.close()
        time.sleep(1)
        assert requests.get(f"{server.url}/healthz", timeout=10).ok


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--model", "no-directory"], id="model-without-directory"),
        pytest.param(["--port", "abc"], id="port"),
    ],
)
def test_a_wrong_command_line_is_explained(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "florence_ui.server", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "usage" in done.stderr
    assert "Traceback" not in done.stderr


HELPERS = """
import asyncio, os, sys, threading, time
from pathlib import Path
from florence_ui.server import weights
from florence_ui.server.generation_queue import Call
from florence_ui.server.service import Service

def onnx(small):
    from florence_ui.server.onnx.engine import OnnxEngine
    return OnnxEngine()

def torch(small):
    import torch
    from florence_ui.server.torch.engine import Runtime, TorchEngine
    weights.SMALL_WEIGHTS = 0  # so that the weights are converted while they are loaded, as base's are
    return TorchEngine(Runtime("cpu", torch.bfloat16))

def count_helpers():
    # a thread that is just ending is gone in one of ten moments
    time.sleep(0.1)
    return len(os.listdir("/proc/self/task")) - threading.active_count()

async def main(checkpoint, picture, engine):
    service = Service({"tiny": Path(checkpoint)}, choose={"onnx": onnx, "torch": torch}[engine])
    for alias in ("tiny", "florence-2-nano"):
        loaded = await service.registry.get(alias).ready()
        await service.queue.answer(loaded, Call(Path(picture).read_bytes(), "<OD>", 5))
        print(min(count_helpers() for _ in range(10)))

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted by Linux's account")
@pytest.mark.parametrize("engine", ["onnx", "torch"])
def test_a_loaded_model_leaves_no_helper_threads_that_slow_the_others(
    engine: str, checkpoint: Path, offline: dict, picture: Image.Image, tmp_path: Path
) -> None:
    """With more of torch's helpers than processors, OpenMP lets them sleep all the time: a tenth slower answers.

    Python's own threads, of which asyncio starts another when all are busy, wait for work without slowing anything.
    """
    picture.save(file := tmp_path / "picture.png")
    environ = {k: v for k, v in (os.environ | offline | {"OMP_NUM_THREADS": "2"}).items() if v is not None}
    command = [sys.executable, "-c", HELPERS, checkpoint, file, engine]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120)
    first, second = done.stdout.split() or [done.stderr, ""]
    assert first == second
