"""Measure florence-2-nano through the local server, on scenes that training never saw.

    python -m florence_ui.nano.evaluate --scenes 500 --tasks-per-scene 3
    python -m florence_ui.nano.evaluate --short

Without ``--url`` it starts a local server and stops it afterward.
"""

import argparse
import base64
import io
import json
import os
import random
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import requests
from PIL import Image

from florence_ui.nano.answers import TASKS, Question, ask
from florence_ui.nano.scenes import Scene, draw_scene
from florence_ui.nano.scoring import Answer, Measures, mean_of, score_answer
from florence_ui.nano.vocabulary import UNSEEN_FROM

FIRST_SEED = 2 * UNSEEN_FROM
CAPTIONS = ("<CAPTION>", "<DETAILED_CAPTION>", "<MORE_DETAILED_CAPTION>")
REQUESTED = ("<CAPTION_TO_PHRASE_GROUNDING>", "<OPEN_VOCABULARY_DETECTION>")
MASKS = ("<REFERRING_EXPRESSION_SEGMENTATION>", "<REGION_TO_SEGMENTATION>")


@dataclass(frozen=True)
class TableRow:
    """A row of the table: a measure, its target, its mean over so many values."""

    task: str
    measure: str
    target: float
    value: float
    count: int

    @property
    def passed(self) -> bool:
        """Whether the target is met: from above, or from below for seconds."""
        enough = self.value <= self.target if self.measure.endswith("seconds") else self.value >= self.target
        return enough and self.count > 0


def summarize(measures: Measures) -> list[TableRow]:
    """The table."""

    def row(task: str, measure: str, target: float, *names: str) -> TableRow:
        return TableRow(task, measure, target, *mean_of(measures, *names))

    seconds = measures["seconds"]
    return [
        row("<OD>", "recall at IoU 0.5, right label", 0.95, "<OD> recall"),
        row("<OD>", "precision at IoU 0.5, right label", 0.95, "<OD> precision"),
        row("<OD>", "mean IoU of matched boxes", 0.85, "<OD> iou"),
        *(row(task, "names exactly the objects that are there", 0.95, f"{task} exact") for task in CAPTIONS),
        row("<OCR>", "whole word right", 0.95, "<OCR> word"),
        row("<OCR_WITH_REGION>", "whole word right", 0.95, "<OCR_WITH_REGION> word"),
        row("<OCR_WITH_REGION>", "quad IoU of words read right", 0.70, "<OCR_WITH_REGION> iou"),
        *(row(task, "recall at IoU 0.5 of what is there", 0.90, f"{task} recall") for task in REQUESTED),
        *(row(task, "nothing for what is not there", 0.85, f"{task} silence") for task in REQUESTED),
        *(row(task, "mean mask IoU", 0.75, f"{task} iou") for task in MASKS),
        row("<REGION_TO_CATEGORY>", "right object", 0.95, "<REGION_TO_CATEGORY> right"),
        row("<REGION_TO_DESCRIPTION>", "right object", 0.95, "<REGION_TO_DESCRIPTION> right"),
        row("<REGION_TO_OCR>", "word right", 0.90, "<REGION_TO_OCR> word"),
        row("<REGION_PROPOSAL>", "recall at IoU 0.5", 0.90, "<REGION_PROPOSAL> recall"),
        row("<DENSE_REGION_CAPTION>", "recall at IoU 0.5, right label", 0.90, "<DENSE_REGION_CAPTION> recall"),
        TableRow("any", "median seconds", 1.0, median(seconds) if seconds else 0.0, len(seconds)),
    ]


def draw_questions(seed: int, scenes: int, tasks_per_scene: int) -> Iterator[tuple[Scene, Question]]:
    """Scenes from ``seed`` on, each with that many different tasks, every task being asked equally often."""
    rng = random.Random(seed)
    deck: list[str] = []
    for number in range(seed, seed + scenes):
        scene = draw_scene(number)
        hand: list[str] = []
        while len(hand) < tasks_per_scene:
            usable = [t for t in deck if t not in hand and (scene.signs or t != "<REGION_TO_OCR>")]
            if usable:
                deck.remove(usable[0])
                hand.append(usable[0])
            else:
                deck += rng.sample(TASKS, len(TASKS))
        for task in hand:
            yield scene, ask(task, scene, rng)


def infer(url: str, model_id: str, prompt: str, image: Image.Image) -> dict[str, Answer]:
    """The server's response to one prompt.

    Raises:
        requests.HTTPError: The server answered with an error.
    """
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    picture = {"type": "base64", "value": base64.b64encode(buffer.getvalue()).decode()}
    body: dict[str, str | int | dict[str, str]] = {
        "model_id": model_id,
        "prompt": prompt,
        "max_new_tokens": 200,
        "image": picture,
    }
    answer = requests.post(f"{url}/infer/lmm", json=body, timeout=600)
    answer.raise_for_status()
    response: dict[str, Answer] = answer.json()["response"]
    return response


def evaluate(url: str, questions: Iterator[tuple[Scene, Question]], model_id: str = "florence-2-nano") -> Measures:
    """Ask a server all the questions and score its answers."""
    measures: Measures = defaultdict(list)
    for number, (scene, question) in enumerate(questions):
        if number == 0:
            infer(url, model_id, "<CAPTION>", scene.image)  # the first call loads the model
        started = time.perf_counter()
        response = infer(url, model_id, question.prompt, scene.image)
        measures["seconds"].append(time.perf_counter() - started)
        score_answer(question, scene, response[question.task], measures)
        if number % 100 == 99:
            print(f"{number + 1} answers", file=sys.stderr, flush=True)
    return measures


@contextmanager
def running_server() -> Iterator[str]:
    """The URL of a local server on a free port, which is stopped when the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "florence_ui.server", "--port", str(port)]
    root = str(Path(__file__).resolve().parents[2])
    environ = os.environ | {"HF_HUB_OFFLINE": "1"}
    server = subprocess.Popen(command, cwd=root, env=environ, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            if server.poll() is not None:
                raise RuntimeError("The local server ended before it answered.")
            try:
                requests.get(f"{url}/info", timeout=5)
                break
            except requests.ConnectionError:
                time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        server.wait(30)


def as_markdown(table: list[TableRow]) -> str:
    """The table in Markdown, as in the model card."""
    lines = ["| task | measure | target | value | of | met |", "| --- | --- | --- | --- | --- | --- |"]
    for row in table:
        verdict = "yes" if row.passed else "**no**"
        task = f"`{row.task}`" if row.task != "any" else "any"
        lines.append(f"| {task} | {row.measure} | {row.target:.2f} | {row.value:.3f} | {row.count} | {verdict} |")
    return "\n".join(lines)


def describe_engine(url: str) -> str:
    """What computed a local server's answers, such as "onnx, cpu, float32"; empty for another server."""
    info = requests.get(f"{url}/info", timeout=5).json()
    return ", ".join(info[key] for key in ("engine", "device", "precision") if info.get(key))


def write_into_card(table: list[TableRow], engine: str, card: Path) -> None:
    """Replace the table and the engine between the markers of a model card."""
    begin, end = "<!-- measured -->", "<!-- end of measured -->"
    before, rest = card.read_text().split(begin)
    _, after = rest.split(end)
    card.write_text(f"{before}{begin}\n{as_markdown(table)}\n\nEngine: {engine}.\n{end}{after}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure florence-2-nano through the local server.")
    parser.add_argument("--scenes", type=int, default=500)
    parser.add_argument("--tasks-per-scene", type=int, default=3)
    parser.add_argument("--seed", type=int, default=FIRST_SEED, help="seed of the first scene")
    parser.add_argument("--url", help="a running server; without it one is started")
    parser.add_argument("--model-id", default="florence-2-nano")
    parser.add_argument("--short", action="store_true", help="60 scenes, two tasks each")
    parser.add_argument("--json", type=Path, help="also write the table as JSON here")
    parser.add_argument("--card", type=Path, help="also update the table in this model card")
    arguments = parser.parse_args()
    if arguments.short:
        arguments.scenes, arguments.tasks_per_scene = 60, 2
    questions = draw_questions(arguments.seed, arguments.scenes, arguments.tasks_per_scene)
    with nullcontext(arguments.url.rstrip("/")) if arguments.url else running_server() as url:
        measures, engine = evaluate(url, questions, arguments.model_id), describe_engine(url)
    table = summarize(measures)
    print(as_markdown(table))
    if arguments.card:
        write_into_card(table, engine, arguments.card)
    if arguments.json:
        found = [asdict(row) | {"passed": row.passed} for row in table]
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
