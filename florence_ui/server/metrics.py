"""`GET /metrics`: recent answers in Prometheus' text format, under the names of Roboflow Inference.

The format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import re
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

WINDOW_SECONDS = 10.0
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class _Answer:
    at: float
    model_id: str
    seconds: float
    failed: bool


class Metrics:
    """Counts of recent answers, and a report of them with the server's load."""

    def __init__(self) -> None:
        self._answers: deque[_Answer] = deque()

    def record(self, model_id: str, seconds: float, *, failed: bool) -> None:
        """Record one answer, successful or not."""
        self._answers.append(_Answer(time.monotonic(), model_id, seconds, failed))
        self._forget()

    def text(self, models: Iterable[str], *, waiting: int, running: int) -> str:
        """The whole page.

        Args:
            models: The loaded models.
            waiting: The number of waiting calls.
            running: The number of calls being answered.
        """
        self._forget()
        lines = [line for model_id in sorted(models) for line in self._about(model_id)]
        lines += self._about("total", whole=True)
        lines += gauge("calls_waiting", "Calls waiting for their turn or their model", waiting)
        lines += gauge("calls_running", "Calls being answered", running)
        return "\n".join([*lines, ""])

    def _about(self, name: str, *, whole: bool = False) -> Iterator[str]:
        answers = [answer for answer in self._answers if whole or answer.model_id == name]
        seconds = [answer.seconds for answer in answers if not answer.failed]
        within, suffix = f"in the last {WINDOW_SECONDS:g} s", re.sub(r"\W", "_", name, flags=re.ASCII)
        yield from gauge(f"num_inferences_{suffix}", f"Answers {within}", len(seconds))
        mean = sum(seconds) / len(seconds) if seconds else 0.0
        yield from gauge(f"avg_inference_time_{suffix}", f"Mean seconds of an answer {within}", mean)
        yield from gauge(f"num_errors_{suffix}", f"Calls refused or failed {within}", len(answers) - len(seconds))

    def _forget(self) -> None:
        while self._answers and time.monotonic() - self._answers[0].at > WINDOW_SECONDS:
            self._answers.popleft()


def gauge(name: str, help_text: str, value: float) -> Iterator[str]:
    """One value with its meaning."""
    yield f"# HELP {name} {help_text}"
    yield f"# TYPE {name} gauge"
    yield f"{name} {value:g}"
