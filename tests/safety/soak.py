"""Many visitors for a long while: memory and disk must stay flat.

    python tests/safety/soak.py --runs 2000 --visitors 20

Starts the whole app against the scripted backend, lets visitors run what visitors run (all tasks, bad files, bad
fields, failing and slow servers, runs that are left in the middle), and prints one line of JSON with memory and disk
before and after. The first tenth of the runs is warming up: what is loaded once is loaded then.
"""

import argparse
import contextlib
import io
import json
import random
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
from PIL import Image, ImageDraw

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from safety.running import RunningApp, file_value, is_sentence
from scripted_backend import Fault, ScriptedBackend

from florence_ui.tasks import TASKS

TEMP_SECONDS = 40.0
"""Files and sessions age out this fast here, instead of in two hours."""
FAULTS = [Fault.status(500), Fault.status(401), Fault.reset(), Fault.html(), Fault.cut_off()]


@dataclass
class Report:
    """What a soak found; sizes in MB (10^6 bytes)."""

    runs: int
    visitors: int
    seconds: float
    outcomes: dict[str, int]
    memory_warm: float
    memory_after: float
    disk_most: float
    disk_after: float
    open_files_warm: int
    open_files_after: int
    left_running: int


def photograph(seed: int) -> bytes:
    """A picture of its own for every seed, about 20 kB of JPEG."""
    rng = random.Random(seed)
    image = Image.effect_noise((320, 240), 40).convert("RGB")
    ImageDraw.Draw(image).rectangle([rng.randrange(120) for _ in "xy"] + [300, 200], fill=tuple(rng.randbytes(3)))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=70)
    return buffer.getvalue()


def one_run(app: RunningApp, number: int) -> str:
    """One visitor's run, of a kind that the number decides; says how it ended."""
    kind = number % 10
    task = list(TASKS)[number % len(TASKS)]
    given = {"text": "a dog", "classes": "dog, cat", "region": [0.1, 0.1, 0.9, 0.9], "task": task}
    if kind == 7:
        outcome = app.analyse(b"not a picture", **given)
    elif kind == 8:
        outcome = app.analyse(photograph(number), **given | {"task": "<OD>", "backend": "nowhere"})
    elif kind == 9:
        return left_in_the_middle(app, number)
    else:
        outcome = app.analyse(photograph(number), **given)
    if not outcome.ok:
        assert is_sentence(outcome.error), outcome.error
    return "answered" if outcome.ok else "refused"


def left_in_the_middle(app: RunningApp, number: int) -> str:
    """A page that is closed while it waits."""
    path = app.upload(photograph(number), "left.jpg").json()[0]
    called = app.client.post("/gradio_api/call/v2/analyse", json={"image": file_value(path), "task": "<OD>"})
    timeout = httpx.Timeout(30, read=0.05)
    with contextlib.suppress(httpx.TimeoutException):
        app.client.get(f"/gradio_api/call/analyse/{called.json()['event_id']}", timeout=timeout)
    return "left"


def soak(runs: int, visitors: int, temp_seconds: float = TEMP_SECONDS) -> Report:
    """Runs it all, and measures."""
    begun = time.monotonic()
    outcomes: Counter[str] = Counter()
    disk_most = 0
    with ScriptedBackend(keep_images=False, delay=0.05) as backend:
        environ = {
            "FLORENCE_UI_LOCAL_URL": backend.url, "FLORENCE_UI_RUNS_PER_MINUTE": "0", "FLORENCE_UI_RUNS_AT_ONCE": "0",
            "FLORENCE_UI_CACHE_MB": "4", "FLORENCE_UI_TEMP_SECONDS": str(temp_seconds),
        }  # fmt: skip
        with RunningApp(**environ) as app, ThreadPoolExecutor(visitors) as pool:

            def part(first: int, last: int) -> None:
                nonlocal disk_most
                for number, ended in enumerate(pool.map(lambda n: one_run(app, n), range(first, last)), first):
                    outcomes[ended] += 1
                    backend.fault = FAULTS[number // 50 % len(FAULTS)] if number % 50 < 5 else None
                    if number % 50 == 0:
                        disk_most = max(disk_most, app.disk)
                        backend.calls.clear()
                        print(
                            f"{number} runs, {app.memory / 1e6:.0f} MB, {app.disk / 1e6:.1f} MB on disk",
                            file=sys.stderr,
                        )
                backend.fault = None

            part(0, runs // 10)
            time.sleep(1.3 * temp_seconds)
            memory_warm, files_warm = app.memory, app.open_files
            part(runs // 10, runs)
            backend.wait_for(lambda b: b.running == 0)
            time.sleep(1.3 * temp_seconds)
            assert app.analyse(photograph(0), task="<OD>").ok, "after all that it still works"
            return Report(
                runs, visitors, round(time.monotonic() - begun, 1), dict(outcomes),
                memory_warm / 1e6, app.memory / 1e6, disk_most / 1e6, app.disk / 1e6,
                files_warm, app.open_files, backend.running,
            )  # fmt: skip


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description="Many visitors for a long while: memory and disk must stay flat.")
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--visitors", type=int, default=20)
    print(json.dumps(asdict(soak(**vars(parser.parse_args())))))


if __name__ == "__main__":
    main()
