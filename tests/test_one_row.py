"""A new task, backend, setting or endpoint is one row: page, API and documents have it without another change."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[1]

PROGRAM = '''
import json, os, sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path[:0] = [".", "docs"]
from florence_ui import backend_presets, settings, settings_readers, tasks

tasks.TASKS["<MADE_UP>"] = tasks.Task(
    "<MADE_UP>", "Made-up task", tasks.Family.DETECT, tasks.InputKind.NONE, tasks.OutputKind.BOXES, "Makes things up."
)
backend_presets.PRESETS["lab"] = backend_presets.BackendPreset(
    "lab", "Lab server", "http://lab.example", "", False, "Ask the lab."
)

@dataclass(frozen=True)
class Extended(settings.Settings):
    made_up: int = settings.setting("FLORENCE_UI_MADE_UP", 3, "What is made up.", settings_readers.integer(1, 9))

settings.Settings = Extended

import tables
from florence_ui.api import endpoints
from florence_ui.playground import build
from florence_ui.visitors.service import Services

@endpoints.endpoints.add("image", "text")
async def made_up_endpoint(services: Services, image: object, text: object) -> dict[str, Any]:
    """Makes up an answer."""

chosen = settings.Settings.from_environ({"FLORENCE_UI_MADE_UP": "7", "FLORENCE_UI_BACKEND": "lab"})
demo = build(Services.of(chosen))
api = json.dumps(demo.get_api_info())
print(json.dumps({
    "setting": chosen.made_up,
    "page": json.dumps(demo.config["components"], default=str),
    "api": api,
    "documents": tables.tasks() + tables.fields() + tables.settings(),
}))
'''


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What a program with one row more in each table shows."""
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("place", "words"),
    [
        pytest.param("page", '["Made-up task", "<MADE_UP>"]', id="task-on-the-page"),
        pytest.param("api", '"<MADE_UP>"', id="task-in-the-schema"),
        pytest.param("api", '"/made_up_endpoint"', id="endpoint-in-the-schema"),
        pytest.param("documents", "| Detect | **Made-up task** | `<MADE_UP>` |", id="task-in-the-documents"),
        pytest.param("page", '["Lab server", "lab"]', id="backend-on-the-page"),
        pytest.param("api", '"local", "lab"', id="backend-in-the-schema"),
        pytest.param("documents", "`local`, `lab` |", id="backend-in-the-documents"),
        pytest.param("documents", "| `FLORENCE_UI_MADE_UP` | 3 | What is made up. |", id="setting-in-the-documents"),
    ],
)
def test_one_row_is_seen_everywhere(place: str, words: str, grown: dict[str, object]) -> None:
    assert words in str(grown[place])


def test_a_new_setting_is_read(grown: dict[str, object]) -> None:
    assert grown["setting"] == 7
