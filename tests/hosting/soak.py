"""Many visitors for a long time, hostile ones among them, with flat memory and disk.

    python tests/hosting/soak.py --runs 2000 --visitors 20 --hostile 6

Start the whole app against the scripted backend, let visitors do typical things (all tasks, bad files, bad fields,
failing and slow servers, abandoned runs) while others attack the page, and print one line of JSON with memory and disk
before and after. The first tenth of the runs is a warm-up, in which everything that is loaded once is loaded.
"""

import argparse
import contextlib
import io
import json
import queue
import random
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from PIL import Image, ImageDraw

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

import faults
from hosting.running import Caller, RunningApp, file_value, is_sentence

from florence_ui.bench.hostile import ADDRESS_HEADER, hostile_visitors
from florence_ui.bench.scripted_backend import ScriptedBackend
from florence_ui.tasks import TASKS

TEMP_SECONDS = 40.0
"""Files and sessions age out this fast here, instead of in two hours."""
TEMP_MB = 200
"""What the app may keep on the disk: little enough for the hostile visitors to fill it."""
PATIENCE = 60.0
EMPTY_DISK = 2e6
"""Bytes on the disk that are left when everything has expired."""
FAULTS = [faults.status(500), faults.status(401), faults.reset(), faults.html(), faults.cut_off()]
BUSY = ("429", "503", "507", "busy", "Try again in")
"""By one of these one knows that a visitor was turned away because of the others."""


@dataclass
class Report:
    """What a soak found; sizes in MB (10^6 bytes)."""

    runs: int
    visitors: int
    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    hostile: Counter[str] = field(default_factory=Counter)
    memory_warm: float = 0.0
    memory_most: float = 0.0
    memory_after: float = 0.0
    disk_most: float = 0.0
    disk_after: float = 0.0
    open_files_warm: int = 0
    open_files_most: int = 0
    open_files_after: int = 0
    left_running: int = 0

    def look(self, app: RunningApp) -> None:
        """Keep the largest of what is seen while visitors are at work."""
        self.memory_most = max(self.memory_most, app.memory / 1e6)
        self.disk_most = max(self.disk_most, app.disk / 1e6)
        self.open_files_most = max(self.open_files_most, app.open_files)


class Visitor(Caller):
    """A visitor with connections of their own."""

    patience = PATIENCE

    def __init__(self, app: RunningApp) -> None:
        self.client = httpx.Client(base_url=app.url, timeout=120)

    def come_from(self, number: int) -> None:
        """Be somebody else: an address of its own for each of some hundred visitors."""
        self.client.headers[ADDRESS_HEADER] = f"198.51.100.{number % 200}"


def photograph(seed: int) -> bytes:
    """A picture of its own for every seed, about 20 kB of JPEG."""
    rng = random.Random(seed)
    image = Image.effect_noise((320, 240), 40).convert("RGB")
    ImageDraw.Draw(image).rectangle([rng.randrange(120) for _ in "xy"] + [300, 200], fill=tuple(rng.randbytes(3)))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=70)
    return buffer.getvalue()


def one_run(visitor: Caller, number: int) -> str:
    """One visitor's run, of a kind that the number decides; says how it ended."""
    kind = number % 10
    task = list(TASKS)[number % len(TASKS)]
    given = {"text": "a dog", "classes": "dog, cat", "region": [0.1, 0.1, 0.9, 0.9], "task": task}
    try:
        if kind == 7:
            outcome = visitor.analyze(b"not a picture", **given)
        elif kind == 8:
            outcome = visitor.analyze(photograph(number), **given | {"task": "<OD>", "backend": "nowhere"})
        elif kind == 9:
            return left_in_the_middle(visitor, number)
        else:
            outcome = visitor.analyze(photograph(number), **given)
    except (TimeoutError, httpx.TransportError):
        return "lost"
    if outcome.ok:
        return "answered"
    if any(word in outcome.error for word in BUSY):
        print(f"{number} was turned away: {outcome.error}", file=sys.stderr)
        return "turned away"
    assert is_sentence(outcome.error), outcome.error
    return "refused"


def left_in_the_middle(visitor: Caller, number: int) -> str:
    """A page that is closed while it waits."""
    upload = visitor.upload(photograph(number), "left.jpg")
    if upload.status_code != 200:
        print(f"{number} was turned away: {upload.text}", file=sys.stderr)
        return "turned away"
    body = {"image": file_value(upload.json()[0]), "task": "<OD>"}
    called = visitor.client.post("/gradio_api/call/v2/analyse", json=body)
    timeout = httpx.Timeout(30, read=0.05)
    with contextlib.suppress(httpx.TimeoutException):
        visitor.client.get(f"/gradio_api/call/analyse/{called.json()['event_id']}", timeout=timeout)
    return "left"


def wait_until_expired(app: RunningApp, temp_seconds: float) -> None:
    """Wait for files and sessions to expire: they do in `temp_seconds`, counted from the last request to end."""
    time.sleep(1.3 * temp_seconds)
    deadline = time.monotonic() + temp_seconds
    while app.disk > EMPTY_DISK and time.monotonic() < deadline:
        time.sleep(0.5)


def soak(runs: int, visitors: int, hostile: int = 6, temp_seconds: float = TEMP_SECONDS, cache_mb: float = 4) -> Report:
    """Run it all, and measure.

    Args:
        runs: Runs of the visitors, all together.
        visitors: Visitors at a time.
        hostile: Hostile visitors beside them, who come from two addresses.
        temp_seconds: How fast files and sessions age out.
        cache_mb: Memory for answers that are remembered.
    """
    begun = time.monotonic()
    report = Report(runs, visitors)
    with ScriptedBackend(keep_images=False, delay=0.05) as backend:
        environ = {
            "FLORENCE_UI_LOCAL_URL": backend.url, "FLORENCE_UI_ADDRESS_HEADER": ADDRESS_HEADER,
            "FLORENCE_UI_CACHE_MB": str(cache_mb), "FLORENCE_UI_TEMP_SECONDS": str(temp_seconds),
            "FLORENCE_UI_TEMP_MB": str(TEMP_MB),
        }  # fmt: skip
        with RunningApp(**environ) as app, ThreadPoolExecutor(visitors) as pool:
            free: queue.SimpleQueue[Visitor] = queue.SimpleQueue()
            for _ in range(visitors):
                free.put(Visitor(app))

            def run(number: int) -> str:
                visitor = free.get()
                visitor.come_from(number)
                try:
                    return one_run(visitor, number)
                finally:
                    free.put(visitor)

            def part(first: int, last: int) -> None:
                with hostile_visitors(app.url, visitors=hostile, addresses=2) as counts:
                    for number, ended in enumerate(pool.map(run, range(first, last)), first):
                        report.outcomes[ended] += 1
                        backend.fault = FAULTS[number // 50 % len(FAULTS)] if number % 50 < 5 else None
                        if number % 10 == 0:
                            report.look(app)
                        if number % 50 == 0:
                            backend.calls.clear()
                            seen = f"{app.memory / 1e6:.0f} MB, {app.disk / 1e6:.1f} MB on disk"
                            print(f"{number} runs, {seen}", file=sys.stderr)
                for outcomes in counts.values():
                    report.hostile.update(outcomes)
                backend.fault = None
                backend.wait_for(lambda b: b.running == 0)
                wait_until_expired(app, temp_seconds)

            part(0, runs // 10)
            report.memory_warm, report.open_files_warm = app.memory / 1e6, app.open_files
            part(runs // 10, runs)
            assert app.analyze(photograph(0), task="<OD>").ok, "after all that it still works"
            report.memory_after, report.disk_after = app.memory / 1e6, app.disk / 1e6
            report.open_files_after, report.left_running = app.open_files, backend.running
            report.seconds = round(time.monotonic() - begun, 1)
            return report


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description="Many visitors for a long while: memory and disk must stay flat.")
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--hostile", type=int, default=6)
    parser.add_argument("--cache-mb", type=float, default=4)
    print(json.dumps(vars(soak(**vars(parser.parse_args())))))


if __name__ == "__main__":
    main()
