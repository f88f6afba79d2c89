"""Programs and agents while base is not available: nano answers only if it is named, and adds a warning."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio
import pytest
from hosting.running import RunningApp, file_value

from florence_ui.backends.model_status import NANO_WARNING
from florence_ui.models import NANO

pytestmark = pytest.mark.slow

CHEETAH = Path(gradio.__file__).parent / "media_assets" / "images" / "cheetah1.jpg"


@pytest.fixture(scope="module")
def offline_app() -> Iterator[RunningApp]:
    """The app with its own local server; the Hub cannot be reached."""
    with RunningApp.with_local_server() as app:
        yield app


@pytest.fixture(scope="module")
def cheetah(offline_app: RunningApp) -> dict[str, Any]:
    return file_value(offline_app.upload(CHEETAH.read_bytes(), "cheetah.jpg").json()[0])


def test_a_photograph_without_a_named_model_is_a_sentence_with_the_next_step(
    offline_app: RunningApp, cheetah: dict[str, Any]
) -> None:
    for endpoint, given in (
        ("analyse", {"image": cheetah}),
        ("chain", {"image": cheetah}),
        ("many", {"images": [cheetah]}),
    ):
        outcome = offline_app.call(endpoint, given)
        assert not outcome.ok, outcome.record
        assert "Florence-2-base is not downloaded yet and " in outcome.error
        assert NANO in outcome.error


def test_every_record_of_nano_says_what_it_is_worth(offline_app: RunningApp, cheetah: dict[str, Any]) -> None:
    def record(endpoint: str, **given: Any) -> Any:
        outcome = offline_app.call(endpoint, given)
        assert outcome.ok, outcome.error
        return outcome.record

    analysed = record("analyse", image=cheetah, model_id=NANO)
    compared = record("compare", image=cheetah, left_model_id=NANO, right_model_id=NANO)
    chained = record("chain", image=cheetah, chain="detect-describe", model_id=NANO)
    many = record("many", images=[cheetah], model_id=NANO)
    exported = record("export", images=[cheetah], model_id=NANO, file_format="csv")
    answers = [analysed, compared["left"], compared["right"], many["pictures"][0]["answer"], exported["pictures"][0]]
    answers += [step["answer"] for step in chained["steps"]]
    for answer in answers:
        assert answer["warnings"].count(NANO_WARNING) == 1, answer


def test_the_exported_json_says_it_too(offline_app: RunningApp, cheetah: dict[str, Any]) -> None:
    outcome = offline_app.call("export", {"images": [cheetah], "model_id": NANO, "file_format": "json"})
    assert outcome.ok, outcome.error
    (exported,) = json.loads(offline_app.client.get(outcome.picture).text)
    assert exported["warnings"][0] == NANO_WARNING
