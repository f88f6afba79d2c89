"""The code snippets, run against a real server on the loopback."""

import ast
import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from florence_ui.bench.scripted_backend import ScriptedBackend
from florence_ui.exports.snippet_steps import FollowUp
from florence_ui.exports.snippets import curl_snippet, python_snippet
from florence_ui.inference.per_object import crop_box
from florence_ui.models import MAX_NEW_TOKENS
from florence_ui.prompts import build_prompt
from florence_ui.rendering.annotators import ANNOTATORS
from florence_ui.rendering.style import Style
from florence_ui.tasks import CUSTOM, TASKS, InputKind, OutputKind

SIZE = (320, 240)
KEY = "the-key-of-nobody"
HOSTILE = [
    'a dog\'s "ball" & `touch /tmp/x` $(id) ${HOME} \\',
    "'; rm -rf . #",
    "line\nbreak '''\"\"\" \x1b[31m \u202e",
    "%s %n %% \\x41 \\u0041",
    "Привет 漢字 😀",
    "--data @/etc/passwd",
]


def prompt_for(token: str) -> str:
    task = TASKS[token]
    classes = ["dog", "cat"] if task.input_kind is InputKind.CLASSES else ()
    region = (0.1, 0.2, 0.5, 0.6) if task.input_kind is InputKind.REGION else None
    return build_prompt(task, text=task.example, classes=classes, region=region)


@pytest.fixture
def backend() -> Iterator[ScriptedBackend]:
    with ScriptedBackend() as server:
        yield server


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a picture in it, and a key in the environment."""
    noise = np.random.default_rng(1).integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "picture.jpg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("API_KEY", KEY)
    return tmp_path


@dataclass
class Ran:
    """What a program printed and left."""

    printed: str
    drawn: bool
    names: dict


def run(code: str) -> Ran:
    """Run a program as it would run from a file, in this process: its imports are here already."""
    printed, names = io.StringIO(), {"__name__": "__main__"}
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "snippet.py", "exec"), names)
    path = Path("annotated.png")
    if not path.exists():
        return Ran(printed.getvalue(), False, names)
    before = np.asarray(names["image"])
    return Ran(printed.getvalue(), bool((np.asarray(Image.open(path)) != before).any()), names)


def test_curl_says_when_more_calls_follow() -> None:
    call = {"url": "http://localhost:9001", "model_id": "m", "prompt": "<OD>"}
    assert curl_snippet(**call, alone=False).partition("\n")[2] == curl_snippet(**call)
    assert curl_snippet(**call, alone=False).startswith("# The first call;")


@pytest.mark.parametrize("token", TASKS)
def test_python_asks_what_was_asked_and_draws_what_comes(token: str, backend: ScriptedBackend) -> None:
    prompt = prompt_for(token)
    ran = run(python_snippet(url=backend.url + "/", model_id="florence-2-base", prompt=prompt, needs_key=True))
    (call,) = backend.calls
    assert (call.prompt, call.model_id) == (prompt, "florence-2-base")
    assert call.image_size == SIZE
    assert call.body["max_new_tokens"] == MAX_NEW_TOKENS
    assert call.headers["Authorization"] == f"Bearer {KEY}"
    assert ran.printed.strip()
    assert ran.drawn == (TASKS[token].output_kind not in (OutputKind.TEXT, OutputKind.ANY))


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="needs bash and curl")
@pytest.mark.parametrize("token", TASKS)
def test_curl_asks_what_was_asked_and_prints_the_answer(token: str, backend: ScriptedBackend) -> None:
    prompt = prompt_for(token)
    answer = bash(curl_snippet(url=backend.url + "/", model_id="florence-2-base", prompt=prompt, needs_key=True))
    (call,) = backend.calls
    assert (call.prompt, call.model_id) == (prompt, "florence-2-base")
    assert call.image == Path("picture.jpg").read_bytes(), "the picture arrives as it is"
    assert call.headers["Authorization"] == f"Bearer {KEY}"
    assert call.body["max_new_tokens"] == MAX_NEW_TOKENS
    assert answer["response"] == backend.answer(prompt, SIZE)


def bash(code: str, shell: str = "bash") -> dict:
    done = subprocess.run([shell, "-eu", "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_both_run_as_programs_of_their_own_without_a_key(
    backend: ScriptedBackend, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("API_KEY")
    monkeypatch.delenv("ROBOFLOW_API_KEY", raising=False)
    (desk / "program.py").write_text(python_snippet(url=backend.url, model_id="m", prompt="<OD>"), encoding="utf-8")
    environ = os.environ | {"PYTHONPATH": ""}
    done = subprocess.run([sys.executable, "program.py"], capture_output=True, text=True, timeout=300, env=environ)
    assert done.returncode == 0, done.stderr
    assert "car" in done.stdout
    assert (desk / "annotated.png").exists()
    if shutil.which("sh") and shutil.which("curl"):
        bash(curl_snippet(url=backend.url, model_id="m", prompt="<OD>"), "sh")
    assert not any("Authorization" in call.headers for call in backend.calls)


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_whatever_the_text_it_is_only_sent(text: str, backend: ScriptedBackend, desk: Path) -> None:
    before = sorted(path.name for path in desk.iterdir())
    model_id = "".join(c for c in text if c.isprintable())  # a server repeats it in a header
    run(python_snippet(url=backend.url, model_id=model_id, prompt=text))
    assert (backend.calls[0].prompt, backend.calls[0].model_id) == (text, model_id)
    if shutil.which("bash") and shutil.which("curl"):
        bash(curl_snippet(url=backend.url, model_id="m", prompt=text))
        assert backend.calls[1].prompt == text, "JSON escapes bring control characters through the shell"
    assert sorted(path.name for path in desk.iterdir()) == before


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_snippet_shows_no_character_that_hides_or_turns_text(text: str) -> None:
    for code in (
        python_snippet(url="http://localhost:9001", model_id=text, prompt=f"<OPEN_VOCABULARY_DETECTION>{text}"),
        curl_snippet(url="http://localhost:9001", model_id=text, prompt=text),
    ):
        assert all(c.isprintable() or c == "\n" for c in code)


@pytest.mark.parametrize("hidden", ["\x1b]0;x\x07", "\u202e", "\u200b", "\x7f", "\x85"], ids=ascii)
def test_no_hidden_character_of_an_address_reaches_the_shell(hidden: str) -> None:
    """JSON escapes those of a prompt; an address is written into the command as it is."""
    visible = "".join(c for c in hidden if c.isprintable())
    code = curl_snippet(url=f"http://localhost:9001/{hidden}", model_id="m", prompt="<OD>")
    assert all(c.isprintable() or c == "\n" for c in code)
    assert f"http://localhost:9001/{visible}/infer/lmm" in code


@pytest.mark.parametrize("keyed", [pytest.param(True, id="needed"), pytest.param(False, id="not-needed")])
def test_the_key_is_an_environment_variable(keyed: bool) -> None:
    call = {"url": "https://serverless.roboflow.com", "model_id": "m", "prompt": "<OD>", "needs_key": keyed}
    curl, python = curl_snippet(**call), python_snippet(**call)
    assert ("$API_KEY" in curl) == keyed
    assert ('os.environ["API_KEY"]' in python) == keyed
    assert KEY not in curl + python


FIRST = {
    FollowUp.GROUND: "<CAPTION>",
    FollowUp.READING_ORDER: "<OCR_WITH_REGION>",
    FollowUp.SEGMENT_EACH: "<OD>",
    FollowUp.DESCRIBE_EACH: "<OD>",
    FollowUp.NAME_EACH: "<OD>",
    FollowUp.READ_EACH: "<OD>",
    FollowUp.READ_CROP_EACH: "<OD>",
}


@pytest.mark.parametrize(
    ("prompt", "then"), [*((prompt_for(token), None) for token in TASKS), *((FIRST[then], then) for then in FollowUp)]
)
def test_a_program_imports_what_it_uses_and_nothing_else(prompt: str, then: FollowUp | None) -> None:
    tree = ast.parse(
        python_snippet(url="http://localhost:9001", model_id="m", prompt=prompt, then=then, needs_key=True)
    )
    aliases = [
        alias for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names
    ]
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert {alias.asname or alias.name for alias in aliases} <= used


@pytest.mark.parametrize("then", FollowUp)
def test_a_chain_goes_on_with_the_first_answer(then: FollowUp, backend: ScriptedBackend) -> None:
    ran = run(python_snippet(url=backend.url, model_id="m", prompt=FIRST[then], then=then))
    prompts = [call.prompt for call in backend.calls]
    assert ran.drawn
    assert prompts[0] == FIRST[then]
    match then:
        case FollowUp.GROUND:
            assert prompts[1:] == ["<CAPTION_TO_PHRASE_GROUNDING>A red car next to a person."]
        case FollowUp.READING_ORDER:
            assert prompts[1:] == []
            assert ran.printed.rstrip().endswith("STOP\nMAIN ST")
        case FollowUp.SEGMENT_EACH:
            assert prompts[1] == "<REGION_TO_SEGMENTATION><loc_50><loc_100><loc_400><loc_600>"
            assert len(prompts) == 4
            assert ran.names["detections"].mask.any(axis=(1, 2)).all()
        case FollowUp.READ_CROP_EACH:
            assert prompts[1:] == ["<OCR_WITH_REGION>"] * 3
            assert "car:\nSTOP\nMAIN ST\nperson:\n" in ran.printed
        case _:
            assert len(prompts) == 4
            assert prompts[1].endswith("><loc_50><loc_100><loc_400><loc_600>")
            assert "car: " in ran.printed


def test_reading_what_is_cut_out_makes_the_calls_of_the_page_and_puts_the_lines_back(backend: ScriptedBackend) -> None:
    ran = run(python_snippet(url=backend.url, model_id="m", prompt="<OD>", then=FollowUp.READ_CROP_EACH))
    car = crop_box(backend.answer("<OD>", SIZE)["<OD>"]["bboxes"][0], SIZE)
    width, height = car[2] - car[0], car[3] - car[1]
    assert backend.calls[1].image_size == (width, height), "what is sent is cut out as the page does it"
    quads = backend.answer("<OCR_WITH_REGION>", (width, height))["<OCR_WITH_REGION>"]["quad_boxes"]
    moved = np.array(quads[0]).reshape(4, 2) + car[:2]
    assert ran.names["detections"].data["xyxyxyxy"][0] == pytest.approx(moved)
    assert ran.names["detections"].xyxy[0] == pytest.approx([*moved.min(axis=0), *moved.max(axis=0)])
    assert ran.names["names"] == ["STOP", "MAIN ST"] * 3


@pytest.mark.parametrize("then", [None, *FollowUp])
def test_an_answer_without_objects_is_no_error(then: FollowUp | None) -> None:
    def nothing(prompt: str, _: tuple[int, int]) -> dict:
        token = prompt[: prompt.find(">") + 1]
        if token == "<CAPTION>":
            return {token: "Nothing."}
        return {token: {"bboxes": [], "quad_boxes": [], "labels": []}}

    with ScriptedBackend(answer=nothing) as backend:
        assert not run(python_snippet(url=backend.url, model_id="m", prompt=FIRST.get(then, "<OD>"), then=then)).drawn


def test_an_object_without_an_outline_is_no_error() -> None:
    def one_point(prompt: str, _: tuple[int, int]) -> dict:
        token = prompt[: prompt.find(">") + 1]
        if token == "<OD>":
            return {token: {"bboxes": [[90, 80, 10, 20]], "labels": ["</s>car"]}}
        return {token: {"polygons": [[[1, 1]]], "labels": [""]}}

    with ScriptedBackend(answer=one_point) as backend:
        ran = run(python_snippet(url=backend.url, model_id="m", prompt="<OD>", then=FollowUp.SEGMENT_EACH))
    assert ran.names["names"] == ["car"]
    assert ran.names["detections"].xyxy.tolist() == [[10, 20, 90, 80]]


def test_several_classes_are_several_calls_and_one_picture(backend: ScriptedBackend) -> None:
    prompts = [f"<OPEN_VOCABULARY_DETECTION>{name}" for name in ("dog", "cat's toy")]
    ran = run(python_snippet(url=backend.url, model_id="m", prompt=prompts))
    assert [call.prompt for call in backend.calls] == prompts
    assert ran.names["names"] == ["dog", "cat's toy"]
    assert ran.drawn


def test_what_is_segmented_by_words_is_named_by_them(backend: ScriptedBackend) -> None:
    prompt = '<REFERRING_EXPRESSION_SEGMENTATION>the dog\'s "ball"'
    ran = run(python_snippet(url=backend.url, model_id="m", prompt=prompt))
    assert set(ran.names["names"]) == {'the dog\'s "ball"'}
    assert ran.drawn


@pytest.mark.parametrize("token", ["<OD>", "<OCR_WITH_REGION>", "<REFERRING_EXPRESSION_SEGMENTATION>"])
@pytest.mark.parametrize("annotator", ANNOTATORS)
def test_every_style_is_drawn_with_supervision(token: str, annotator: str, backend: ScriptedBackend) -> None:
    style = Style((annotator,), labels=False, palette="pastel", thickness=2.5, opacity=0.8, text_size=1.5)
    code = python_snippet(url=backend.url, model_id="m", prompt=prompt_for(token), style=style)
    assert "RichLabelAnnotator" not in code
    assert run(code).drawn


def test_a_custom_prompt_of_a_fine_tuned_model_prints_what_it_says(backend: ScriptedBackend) -> None:
    ran = run(python_snippet(url=backend.url, model_id="project/3", prompt=TASKS[CUSTOM].example))
    assert ran.printed == "free answer: a red car\n"
