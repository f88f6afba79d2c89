"""The page's sentences about where it runs, who answered, and what to do after a failure."""

from dataclasses import replace
from datetime import date

import pytest

from florence_ui.backends.backend import Backend, available_backends
from florence_ui.backends.model_status import ServerState, ServerStatus
from florence_ui.errors import (
    AnswerError,
    BackendBusyError,
    BackendUnreachableError,
    BusyError,
    FlorenceUIError,
    InputError,
    KeyRefusedError,
    ModelNotFoundError,
)
from florence_ui.inference.request import StoredAnalysis
from florence_ui.models import BASE, NANO
from florence_ui.results.result import Result
from florence_ui.settings import Settings
from florence_ui.tasks import TASKS
from florence_ui.ui import labels

BACKENDS = available_backends(Settings(dedicated_url="https://a.example"))
LOCAL, SERVERLESS = BACKENDS["local"], BACKENDS["serverless"]
ANALYSIS = StoredAnalysis(Result(TASKS["<OD>"], "<OD>", (4, 3)), BASE, "local", "localhost:9001", 1.234)


@pytest.mark.parametrize(
    ("backend", "same_machine", "sentence"),
    [
        pytest.param(LOCAL, True, "Pictures stay on this machine.", id="ones-own-machine"),
        pytest.param(LOCAL, False, "Pictures stay on this server.", id="somebody-elses"),
        pytest.param(
            replace(LOCAL, url="http://10.0.0.7:9001"), True, "Pictures will be sent to 10.0.0.7:9001.", id="lan"
        ),
        pytest.param(SERVERLESS, True, "Pictures will be sent to serverless.roboflow.com.", id="cloud"),
    ],
)
def test_where_the_picture_goes_is_true(backend: Backend, same_machine: bool, sentence: str) -> None:
    assert labels.destination(backend, same_machine=same_machine) == sentence


@pytest.mark.parametrize("state", ServerState)
def test_only_a_backend_that_is_ready_is_green(state: ServerState) -> None:
    line = labels.backend_line(LOCAL, ServerStatus(state, "Its detail."), BASE)
    assert (line.tone == "good") is (state is ServerState.READY)
    assert (line.word == "ready") is (state is ServerState.READY)
    assert line.sentence.endswith(".")
    assert line.word


def test_a_backend_that_was_not_asked_yet_says_so() -> None:
    line = labels.backend_line(SERVERLESS, ServerStatus(ServerState.UNTRIED, ""), BASE)
    assert line.sentence == "Roboflow serverless has not answered for Florence-2-base yet."


def test_a_model_that_is_ready_says_what_computes_it() -> None:
    models = {NANO: {"state": "ready", "engine": "ONNX Runtime, CPU, float32"}}
    line = labels.backend_line(LOCAL, ServerStatus(ServerState.READY, "", models=models), NANO)
    assert line.sentence == "Florence-2-nano is ready (ONNX Runtime, CPU, float32)."


def test_where_nano_stands_in_it_is_said_why() -> None:
    models = {BASE: {"state": "unavailable", "reason": "The Hugging Face Hub cannot be reached."}}
    status = ServerStatus(ServerState.READY, "", models=models)
    line = labels.backend_line(LOCAL, status, NANO)
    assert line.sentence == "Florence-2-nano is ready."
    assert line.hint == "Florence-2-base is not downloaded yet and the Hugging Face Hub cannot be reached."
    assert not labels.backend_line(LOCAL, status, "florence-2-large").hint


@pytest.mark.parametrize(
    ("analysis", "line"),
    [
        pytest.param(ANALYSIS, "Florence-2-base, 1.23 s", id="live"),
        pytest.param(replace(ANALYSIS, seconds=83.4), "Florence-2-base, 83 s", id="slow"),
        pytest.param(replace(ANALYSIS, remembered=True), "Florence-2-base, answered earlier", id="remembered"),
        pytest.param(
            replace(ANALYSIS, model_id=NANO, recorded=date(2026, 11, 6)), "Florence-2-nano, recorded 6 Nov 2026",
            id="recorded",
        ),
        pytest.param(replace(ANALYSIS, model_id="my/1"), "my/1, 1.23 s", id="own-model"),
    ],
)  # fmt: skip
def test_one_line_says_who_answered(analysis: StoredAnalysis, line: str) -> None:
    assert labels.source_line(analysis) == line


@pytest.mark.parametrize(
    ("error", "names"),
    [
        pytest.param(
            BackendUnreachableError(""), ["retry", "backend:serverless", "backend:dedicated"], id="unreachable"
        ),
        pytest.param(AnswerError(""), ["retry", "backend:serverless", "backend:dedicated"], id="odd-answer"),
        pytest.param(ModelNotFoundError(""), ["backend:serverless", "backend:dedicated"], id="no-such-model"),
        pytest.param(KeyRefusedError(""), ["backend:serverless", "backend:dedicated"], id="key"),
        pytest.param(BusyError(""), ["retry"], id="page-is-busy"),
        pytest.param(FlorenceUIError(""), ["retry"], id="unexpected"),
        pytest.param(InputError(""), [], id="input"),
    ],
)
def test_a_failure_offers_what_may_help(error: FlorenceUIError, names: list[str]) -> None:
    assert [name for name, _ in labels.failure_actions(error, "local", "", BACKENDS)] == names


@pytest.mark.parametrize(
    ("backend", "model_id", "is_offered"),
    [
        pytest.param("local", BASE, True, id="chosen"),
        pytest.param("local", "", False, id="automatic already"),
        pytest.param("local", NANO, False, id="nano, of which automatic may make base"),
        pytest.param("serverless", BASE, False, id="elsewhere"),
    ],
)
def test_a_failure_of_a_chosen_local_model_offers_the_automatic_choice(
    backend: str, model_id: str, is_offered: bool
) -> None:
    actions = labels.failure_actions(BackendBusyError(""), backend, model_id, BACKENDS)
    assert (("automatic", "Use automatic") in actions) is is_offered
