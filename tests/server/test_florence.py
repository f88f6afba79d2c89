"""The checkpoint around a network: the prompt that it is asked, the answer that is made of its ids, kept features."""

import json
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tokenizers import Tokenizer

from florence_ui.server.engine import EngineInfo, Question
from florence_ui.server.errors import BrokenWeightsError, RefusalError
from florence_ui.server.florence import Florence2, Inquiry, content_key, load

CONTRACT = json.loads((Path(__file__).parents[1] / "data" / "answers.json").read_text())
BY_PROMPT = [pytest.param(case, id=case["request"]["body"]["prompt"][:40]) for case in CONTRACT]


class ScriptedNetwork:
    """A network that remembers what it is asked, and an engine that loads it from anywhere."""

    info = EngineInfo("scripted", "cpu", "float32")
    max_positions = 64
    max_batch = 4

    def __init__(self) -> None:
        self.seen: list[list[np.ndarray]] = []
        self.asked: list[Question] = []
        self.ids = [0, 2]

    def load(self, directory: Path) -> "ScriptedNetwork":
        return self

    def see(self, pictures: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
        self.seen.append(list(pictures))
        return [pixels.mean((1, 2)) for pixels in pictures]

    def answer(self, questions: Sequence[Question]) -> list[list[int]]:
        self.asked.extend(questions)
        return [self.ids for _ in questions]


@pytest.fixture
def network() -> ScriptedNetwork:
    return ScriptedNetwork()


@pytest.fixture
def florence(network: ScriptedNetwork, checkpoint: Path) -> Florence2:
    """The checkpoint's processor around the scripted network."""
    return load(checkpoint, network)


def inquire(florence: Florence2, picture: Image.Image, prompt: str, max_new_tokens: int | None = None) -> Inquiry:
    return florence.inquire(picture, prompt, max_new_tokens, threading.Event())


def ask(florence: Florence2, picture: Image.Image, prompt: str, max_new_tokens: int | None = None) -> dict:
    inquiry = inquire(florence, picture, prompt, max_new_tokens)
    (ids,) = florence.generate([inquiry])
    return florence.read(inquiry, ids)


@pytest.mark.parametrize("case", BY_PROMPT)
def test_a_scripted_generation_becomes_the_genuine_servers_answer(
    case: dict, florence: Florence2, network: ScriptedNetwork, checkpoint: Path
) -> None:
    tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    network.ids = tokenizer.encode(case["generated_text"], add_special_tokens=False).ids
    size = case["response"]["image"]

    response = ask(florence, Image.new("RGB", (size["width"], size["height"])), case["request"]["body"]["prompt"])

    assert response == case["response"]["response"]
    assert tokenizer.decode(network.asked[0].token_ids, skip_special_tokens=False) == case["expanded_prompt"]


def test_a_picture_is_seen_once(florence: Florence2, network: ScriptedNetwork, picture: Image.Image) -> None:
    for prompt in ("<OD>", "<CAPTION>", "<OD>"):
        ask(florence, picture, prompt)
    assert len(network.seen) == 1
    assert len({id(question.features) for question in network.asked}) == 1


def test_another_picture_is_seen_anew(florence: Florence2, network: ScriptedNetwork, picture: Image.Image) -> None:
    for shown in (picture, picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT), picture):
        ask(florence, shown, "<OD>")
    first, mirrored, again = (question.features for question in network.asked)
    assert len(network.seen) == 2
    assert first is again is not mirrored


def test_kept_features_are_bounded_in_memory(
    network: ScriptedNetwork, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    black, gray, white = (Image.new("RGB", (30, 20), color) for color in ("black", "gray", "white"))
    monkeypatch.setattr("florence_ui.server.florence.MAX_FEATURES", 2 * np.zeros(3, np.float32).nbytes)
    florence = load(checkpoint, network)
    for shown in (black, gray, black, white, black, gray):
        ask(florence, shown, "<OD>")
    assert len(network.seen) == 4, "the one unused for longest had to go"


def test_features_beyond_the_bound_are_used_and_not_kept(
    network: ScriptedNetwork, checkpoint: Path, picture: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("florence_ui.server.florence.MAX_FEATURES", 1)
    florence = load(checkpoint, network)
    for _ in range(2):
        assert ask(florence, picture, "<OD>")
    assert len(network.seen) == 2


def test_pictures_are_told_apart_by_a_single_value() -> None:
    picture = Image.new("RGB", (8, 8))
    other = picture.copy()
    other.putpixel((2, 3), (0, 1, 0))
    assert content_key(picture) == content_key(picture.copy())
    assert content_key(picture) != content_key(other)


@pytest.mark.parametrize(
    ("asked", "most"),
    [pytest.param(5, 5, id="short"), pytest.param(10**6, 64, id="longer-than-the-model-writes")],
)
def test_the_length_is_limited_by_the_model(
    asked: int, most: int, florence: Florence2, network: ScriptedNetwork, picture: Image.Image
) -> None:
    ask(florence, picture, "<OD>", asked)
    assert network.asked[0].max_new_tokens == most


def test_a_prompt_is_too_long_with_its_picture(
    florence: Florence2, network: ScriptedNetwork, picture: Image.Image
) -> None:
    with pytest.raises(RefusalError, match="tokens with the picture; the model reads 64"):
        ask(florence, picture, "word " * 60)
    assert network.seen == []


def test_pictures_are_seen_together_and_each_once(
    florence: Florence2, network: ScriptedNetwork, picture: Image.Image
) -> None:
    mirrored, gray = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT), Image.new("RGB", (30, 20), "gray")
    ask(florence, gray, "<OD>")
    florence.generate([inquire(florence, shown, "<OD>") for shown in (picture, gray, mirrored, picture)])
    assert [len(pictures) for pictures in network.seen] == [1, 2]
    first, gray_again, _, last = (question.features for question in network.asked[1:])
    assert first is last
    assert gray_again is network.asked[0].features


def test_a_stopped_question_is_not_asked(florence: Florence2, network: ScriptedNetwork, picture: Image.Image) -> None:
    inquiries = [inquire(florence, picture, prompt) for prompt in ("<OD>", "<CAPTION>")]
    inquiries[0].stop.set()
    assert florence.generate(inquiries) == [[], network.ids]
    assert [list(question.token_ids) for question in network.asked] == [inquiries[1].token_ids]
    inquiries[1].stop.set()
    assert florence.generate(inquiries) == [[], []]
    assert len(network.asked) == 1


def test_a_tokenizer_with_more_tokens_than_the_weights_is_refused(
    network: ScriptedNetwork, checkpoint: Path, tmp_path: Path
) -> None:
    """An id beyond the embeddings would fail in an answer, and on a card end all later ones."""
    copy = Path(shutil.copytree(checkpoint, tmp_path / "copy"))
    tokenizer = Tokenizer.from_file(str(copy / "tokenizer.json"))
    rows = tokenizer.get_vocab_size()
    tokenizer.add_tokens(["another"])
    tokenizer.save(str(copy / "tokenizer.json"))
    with pytest.raises(BrokenWeightsError, match=f"ids up to {rows:,}, and its weights only {rows:,} tokens"):
        load(copy, network)
