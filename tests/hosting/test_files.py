"""Files of each kind through the running app; `tests/images/test_loading.py` opens all of them.

Of `CASES` the app gets the first one of each refusal and the first one of each supported format.
"""

from pathlib import PurePath

import httpx
import pytest
from bad_files import CASES, FileCase
from hosting.running import RunningApp, is_sentence

from florence_ui.bench.scripted_backend import ScriptedBackend

KINDS = {(case.says, PurePath(case.name).suffix if case.size else ""): case for case in reversed(CASES)}


@pytest.mark.parametrize("case", KINDS.values(), ids=[case.name for case in KINDS.values()])
def test_every_file_has_its_answer_or_its_sentence(app: RunningApp, case: FileCase) -> None:
    outcome = app.analyze(case.build(), case.name, task="<CAPTION>")
    if case.size is None:
        assert not outcome.ok
        assert case.says.lower() in outcome.error.lower() or outcome.error.startswith("413 ")
        assert is_sentence(outcome.error), outcome.error
    else:
        assert outcome.ok, outcome.error
        assert tuple(outcome.record["image_size"]) == case.size


def test_the_next_run_works(app: RunningApp, backend: ScriptedBackend, picture: bytes) -> None:
    outcome = app.analyze(picture, task="<OD>")
    assert outcome.ok, outcome.error
    assert len(outcome.record["detections"]) == 3
    assert backend.running == 0
    assert httpx.get(app.url + "/healthz").status_code == 200
