"""Count the answers of the light engine that equal those of plain transformers to the token, and show the others.

python tests/server/agreement.py nano --scenes 200
python tests/server/agreement.py base
python tests/server/agreement.py large
"""

import argparse
import random
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from server.plain_transformers import PlainTransformers  # noqa: E402

from florence_ui.assets import ASSETS  # noqa: E402
from florence_ui.bench.base_sized import write_checkpoint  # noqa: E402
from florence_ui.nano.answers import TASKS, ask  # noqa: E402
from florence_ui.nano.evaluate import FIRST_SEED  # noqa: E402
from florence_ui.nano.scenes import draw_scene  # noqa: E402
from florence_ui.server.engine import Network, Question  # noqa: E402
from florence_ui.server.onnx.engine import OnnxEngine  # noqa: E402
from florence_ui.server.processing.processor import Processor  # noqa: E402

NANO = ASSETS / "florence-2-nano"
PROMPTS = [
    *("<OD>", "<CAPTION>", "<DETAILED_CAPTION>", "<MORE_DETAILED_CAPTION>", "<OCR>", "<OCR_WITH_REGION>"),
    *("<DENSE_REGION_CAPTION>", "<REGION_PROPOSAL>", "<REGION_TO_CATEGORY><loc_1><loc_2><loc_900><loc_901>"),
    *("<OPEN_VOCABULARY_DETECTION>a dog</s>", "<CAPTION_TO_PHRASE_GROUNDING>Ein Hund, zwei Äpfel", "What is it?"),
    *("<REGION_TO_DESCRIPTION><loc_0><loc_0><loc_999><loc_999>", "どこですか", "\u202e🙂 \u0301", "<s>", "a" * 300),
    *("<REFERRING_EXPRESSION_SEGMENTATION>the red one", "<loc_5>", "one two three four five six seven eight nine"),
]
"""Prompts for random weights, some with a visitor's words."""
INIT_STD = {"base": 0.05, "large": 0.1}
"""Spreads of random weights; the smaller, the less the next word depends on those before, and the more answers tie."""

PromptedPicture = tuple[str, Image.Image]


class Answers:
    """An engine's token ids for a prompt and a picture.

    Args:
        network: A checkpoint in an engine.
        directory: Its files.
    """

    def __init__(self, network: Network, directory: Path) -> None:
        self.network = network
        self.processor = Processor(directory)
        self._seen: tuple[Image.Image, np.ndarray] | None = None

    def ids(self, picture: Image.Image, prompt: str, max_new_tokens: int) -> list[int]:
        """The answer's token ids, with those that start and end it."""
        token_ids = self.processor.tokenizer.encode(prompt)
        (ids,) = self.network.answer([Question(self._features(picture), token_ids, max_new_tokens, threading.Event())])
        return ids

    def _features(self, picture: Image.Image) -> np.ndarray:
        """What the network sees in a picture; several questions in a row see it once."""
        if self._seen is None or self._seen[0] is not picture:
            (features,) = self.network.see([self.processor.pixel_values(picture)])
            self._seen = picture, features
        return self._seen[1]


def scene_questions(scenes: int) -> Iterator[PromptedPicture]:
    """Nano's fifteen tasks and a free question about scenes that training never saw."""
    for seed in range(FIRST_SEED, FIRST_SEED + scenes):
        scene, rng = draw_scene(seed), random.Random(seed)
        for task in TASKS:
            if scene.signs or task != "<REGION_TO_OCR>":
                yield ask(task, scene, rng).prompt, scene.image
        yield "What is in the picture?", scene.image


def noise_questions() -> Iterator[PromptedPicture]:
    """A different picture for each prompt."""
    noise = np.random.default_rng(0)
    for prompt in PROMPTS:
        yield prompt, Image.fromarray(noise.integers(0, 255, (120, 160, 3), dtype=np.uint8)).resize((800, 600))


@dataclass(frozen=True)
class Difference:
    """Two answers to one prompt.

    Attributes:
        prompt: The prompt.
        expected: The token ids of transformers.
        found: The token ids of the light engine.
        distance: How close the beam search came to a tie: the smallest difference of the two answers' scores, by
            transformers, from where they part; log-probabilities.
    """

    prompt: str
    expected: list[int]
    found: list[int]
    distance: float


def different_answers(
    directory: Path, reference: Path, questions: Iterator[PromptedPicture], max_new_tokens: int
) -> Iterator[Difference | None]:
    """For each question None, or how transformers' answer for one directory and the engine's for another differ."""
    plain, own = PlainTransformers(reference), Answers(OnnxEngine().load(directory), directory)
    for prompt, picture in questions:
        expected = plain.ids(picture, prompt, max_new_tokens)
        found = own.ids(picture, prompt, max_new_tokens)
        if found == expected:
            yield None
            continue
        scores = [np.array(plain.scores(picture, prompt, ids)) for ids in (expected, found)]
        common = min(map(len, scores))
        parted = next((k for k in range(common) if expected[k] != found[k]), common - 1)
        distance = abs(scores[0][parted:common] - scores[1][parted:common]).min()
        yield Difference(prompt, expected, found, float(distance))


def main() -> None:
    """Compare one checkpoint and print what is found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("size", choices=["nano", "base", "large"])
    parser.add_argument("--scenes", type=int, default=200, help="scenes for nano")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.size == "nano":
            outcomes = different_answers(NANO, NANO, scene_questions(arguments.scenes), 300)
        else:
            write_checkpoint(Path(folder), arguments.size, init_std=INIT_STD[arguments.size])
            outcomes = different_answers(Path(folder), Path(folder), noise_questions(), 40)
        equal = count = 0
        for count, difference in enumerate(outcomes, 1):
            equal += difference is None
            if difference:
                print(difference)
            print(f"{equal} of {count} answers equal to the token", flush=True)


if __name__ == "__main__":
    main()
