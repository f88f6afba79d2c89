"""Measure the page in Chromium on scripted answers, print the table and write it into a document.

    python -m florence_ui.bench.page [--check] [--table docs/speed.md]

Needs Chromium and tests/requirements.txt, but no network and no key. With --check the exit status is 1 when a target is
missed.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page

from florence_ui.bench.measuring import write_table
from florence_ui.bench.page import measures, visit
from florence_ui.bench.page.visit import Screen
from florence_ui.bench.photographs import photograph_jpeg
from florence_ui.bench.processes import free_port, program
from florence_ui.bench.scripted_backend import ScriptedBackend, plausible_answer
from florence_ui.tasks import TASKS

DELAY = 0.4
"""Seconds that a scripted answer takes."""
TIMES = 9
"""How often each time is measured."""
SCREENS = (
    Screen(1440, 900), Screen(1440, 760), Screen(1024, 768), Screen(390, 844), Screen(360, 640), Screen(720, 450),
)  # fmt: skip
"""The last is a window of 1440 x 900 at 200 %."""
LEAST_SHARE = {Screen(1440, 900): 60.0, Screen(1024, 768): 50.0}
TEXT_SCREENS = (
    Screen(320, 640, 2), Screen(390, 844, 3), Screen(1024, 768), Screen(1440, 900, 2), Screen(2560, 1300, 3),
)  # fmt: skip
TEXT_PICTURES = {
    "64 pixels": (64, 48), "VGA": (640, 480), "portrait": (1200, 1600), "panorama": (6000, 1500),
    "12 megapixels": (4000, 3000), "48 megapixels": (8000, 6000),
}  # fmt: skip
TOP = 0.4
"""Upper edge of the object in these, as a fraction of the picture's height."""
TEXT_HEIGHTS = 12.0, 15.0
MAX_SHIFT, MAX_LIGHT, MAX_RESTYLE = 0.02, 50.0, 150.0


@dataclass(frozen=True)
class Line:
    """One line of the table; `is_met` is None where there is no target."""

    what: str
    value: str
    target: str = ""
    is_met: bool | None = None

    def __str__(self) -> str:
        state = "" if self.is_met is None else "met" if self.is_met else "**MISSED**"
        return f"| {self.what} | {self.value} | {self.target} | {state} |"


@dataclass(frozen=True)
class Bench:
    """A browser and an app that asks a scripted backend."""

    browser: Browser
    url: str
    backend: ScriptedBackend
    folder: Path

    @contextmanager
    def page(self, screen: Screen, **options: Any) -> Iterator[Page]:
        """The page in a window of its own."""
        context = visit.new_context(self.browser, screen, **options)
        try:
            yield visit.open_page(context, self.url)
        finally:
            context.close()

    def picture(self, size: tuple[int, int]) -> Path:
        """A grey picture of (width, height)."""
        path = self.folder / f"{size[0]}x{size[1]}.jpg"
        if not path.exists():
            Image.new("RGB", size, (120, 120, 120)).save(path)
        return path

    def photograph(self) -> Path:
        """One of 12 megapixels."""
        path = self.folder / "photograph.jpg"
        if not path.exists():
            path.write_bytes(photograph_jpeg(12, 1))
        return path


@contextmanager
def start() -> Iterator[Bench]:
    """Start Chromium, the scripted backend and the app."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        backend = stack.enter_context(ScriptedBackend(delay=DELAY))
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        settings = {
            "FLORENCE_UI_LOCAL_URL": backend.url, "FLORENCE_UI_CACHE_SECONDS": "0",
            "FLORENCE_UI_RUNS_PER_MINUTE": "0", "GRADIO_SERVER_PORT": str(port), "GRADIO_TEMP_DIR": str(folder / "app"),
        }  # fmt: skip
        stack.enter_context(program(["app.py"], url, settings))
        yield Bench(stack.enter_context(visit.chromium()), url, backend, folder)


def measure_share(bench: Bench) -> Iterator[Line]:
    for screen in SCREENS:
        with bench.page(screen) as page:
            visit.bring(page, bench.picture((800, 600)))
            share = measures.stage_share(page)
        least, value = LEAST_SHARE.get(screen), (share.before, share.during, share.after)
        yield Line(
            f"stage's share of a window of {screen}, before, during and after a run, picture of 4:3",
            ", ".join(f"{part:.1f} %" for part in value),
            f">= {least:g} %" if least else "",
            min(value) >= least if least else None,
        )
        yield Line(
            f"layout shift over a run, {screen}", f"{share.shift:.4f}", f"< {MAX_SHIFT}", share.shift < MAX_SHIFT
        )


def top_of(size: tuple[int, int]) -> float:
    """`TOP` in whole pixels of a picture of (width, height), as the answer has it."""
    return round(TOP * size[1]) / size[1]


def answer_with_letters(prompt: str, size: tuple[int, int]) -> dict[str, Any]:
    """An answer whose only label has a letter as high and one as deep as any."""
    token = prompt[: prompt.find(">") + 1]
    box = [round(part * side) for part, side in zip((0.3, TOP, 0.7, 0.8), size * 2, strict=True)]
    return {token: {"bboxes": [box], "labels": ["dg"]}}


def measure_text(bench: Bench) -> Iterator[Line]:
    bench.backend.answer = answer_with_letters
    try:
        for screen in TEXT_SCREENS:
            heights = {}
            with bench.page(screen) as page:
                for name, size in TEXT_PICTURES.items():
                    visit.bring(page, bench.picture(size))
                    visit.ask(page)
                    heights[name] = measures.text_height(page, top_of(size))
            low, high = TEXT_HEIGHTS
            pixel = 1 / screen.ratio
            yield Line(
                f"height of text on a screen of {screen}",
                ", ".join(f"{name} {height:.1f}" for name, height in heights.items()),
                f"{low:g} to {high:g} CSS pixels, to a device pixel",
                all(low - pixel <= height <= high + pixel for height in heights.values()),
            )
    finally:
        bench.backend.answer = plausible_answer


def measure_fields(bench: Bench) -> Iterator[Line]:
    for screen in SCREENS:
        with bench.page(screen) as page:
            hidden = {task.token: measures.hidden_fields(page, task) for task in TASKS.values()}
        wrong = [f"`{token}`: {'; '.join(reasons)}" for token, reasons in hidden.items() if reasons]
        yield Line(
            f"tasks whose fields, task, model and Run are seen, {screen}",
            "; ".join([f"{len(TASKS) - len(wrong)} of {len(TASKS)}", *wrong]),
            f"{len(TASKS)} of {len(TASKS)}",
            not wrong,
        )


def measure_first_answer(bench: Bench) -> Iterator[Line]:
    with bench.page(SCREENS[0]) as page:
        visit.bring(page, bench.picture((800, 600)))
        visit.ask(page)
    yield Line("actions to the first own answer", "2: drop, Run", "<= 2", True)


def measure_times(bench: Bench) -> Iterator[Line]:
    with bench.page(Screen(1440, 900, 2)) as page:
        visit.bring(page, bench.photograph())
        visit.ask(page)
        page.wait_for_timeout(measures.SETTLE)
        for what, by_click in (("pointing at an object", False), ("clicking an object", True)):
            lit, painted = measures.time_to_light(page, (0.2, 0.3), TIMES, by_click=by_click)
            yield Line(
                f"from {what} to its light, 12 megapixels", f"{lit:.0f} ms, painted after {painted:.0f} ms",
                f"<= {MAX_LIGHT:g} ms", lit <= MAX_LIGHT,
            )  # fmt: skip
        taken = measures.time_to_restyle(page, TIMES)
        yield Line(
            "from a change of style to the new drawing, painted, 12 megapixels at 2 device pixels per CSS pixel",
            f"{taken:.0f} ms", f"<= {MAX_RESTYLE:g} ms", taken <= MAX_RESTYLE,
        )  # fmt: skip


def measure_axe(bench: Bench) -> Iterator[Line]:
    for screen in (Screen(1440, 900), Screen(390, 844)):
        for is_dark in (False, True):
            with bench.page(screen, is_dark=is_dark, bypass_csp=True) as page:
                found = {"first visit": measures.violations(page)}
                visit.bring(page, bench.picture((800, 600)))
                visit.ask(page)
                found |= {state: measures.violations(page) for state in measures.states(page)}
            wrong = [f"{state}: {', '.join(rules)}" for state, rules in found.items() if rules]
            for one in wrong:
                print(one, file=sys.stderr)
            yield Line(
                f"states with a violation by axe, {screen}, {'dark' if is_dark else 'light'}",
                f"{len(wrong)} of {len(found)}", "0", not wrong,
            )  # fmt: skip


MEASURES: tuple[Callable[[Bench], Iterator[Line]], ...] = (
    measure_share, measure_text, measure_fields, measure_first_answer, measure_times, measure_axe,
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m florence_ui.bench.page", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--check", action="store_true", help="exit with 1 when a target is missed")
    parser.add_argument("--table", type=Path, help="also update the table in this document")
    options = parser.parse_args(arguments)
    text = ["| what | measured | target | |", "| --- | --- | --- | --- |"]
    missed = 0
    print(*text, sep="\n")
    with start() as bench:
        for measure in MEASURES:
            for line in measure(bench):
                missed += line.is_met is False
                text.append(str(line))
                print(line, flush=True)
    if options.table:
        write_table(options.table, "page", "\n".join(text))
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
