"""What is published starts and answers, as a Space starts it: nothing that the page needs was left out.

The tests that install a folder's `requirements.txt` into an environment of its own need a network and minutes, and for
ZeroGPU 6 GB of disk. They run where they are asked for: `TEST_INSTALL=1 pytest tests/publish`.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hosting.running import ROOT, RunningApp
from hosting.zero_gpu_simulation import DeviceAPI, lay_out_cache, space_variables

from florence_ui.models import BASE, NANO, REPOSITORIES
from florence_ui.publish import __main__ as command
from florence_ui.publish.folder import pinned

pytestmark = [pytest.mark.server, pytest.mark.slow]

installs = pytest.mark.skipif(not os.environ.get("TEST_INSTALL"), reason="installs packages; set TEST_INSTALL=1")
BUILDER = (f"gradio[oauth,mcp]=={pinned('gradio')}", "spaces")
"""What the Hub installs in every Gradio Space besides."""
SPACE = {"SYSTEM": "spaces", "SPACE_ID": "ann/demo", "SPACE_HOST": "ann-demo.hf.space"}
PARK = (ROOT / "assets" / "examples" / "park.jpg").read_bytes()


@pytest.fixture
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The folder of the hardware that is the test's parameter."""
    assert command.main(["ann/demo", "--hardware", request.param, "--dry-run", str(tmp_path / "space")]) == 0
    return tmp_path / "space"


@pytest.fixture
def fresh_python(folder: Path, tmp_path: Path) -> str:
    """The Python of a new environment with what the folder asks for and the Hub adds, and nothing else."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "environment"], check=True)
    python = tmp_path / "environment" / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--no-compile", "-r", folder / "requirements.txt", *BUILDER]
    subprocess.run(install, check=True)
    return str(python)


def check(space: RunningApp, folder: Path, python: str, program: str | Path, model: str) -> None:
    """Started in that folder, the page comes up, and the model answers a program about a drawn scene."""
    space.root, space.command = folder, (python, str(program))
    with space:
        assert "gradio" in space.client.get("/").text
        outcome = space.analyze(PARK, "park.jpg", task="<OD>", model_id=model)
        assert outcome.ok, f"{outcome.error}\n{space.log}"
        assert len(outcome.record["detections"]) >= 3
        # Gradio leaves event loops to the garbage collector, which tells of it on a Space with Python 3.12.
        assert "florence_ui/" not in space.log, f"a traceback through our code:\n{space.log}"


@pytest.mark.parametrize("folder", ["cpu-basic"], indirect=True)
def test_the_folder_holds_all_that_the_page_needs(folder: Path) -> None:
    check(RunningApp.with_local_server(**SPACE), folder, sys.executable, "app.py", NANO)


@installs
@pytest.mark.parametrize("folder", ["cpu-basic"], indirect=True)
def test_its_requirements_are_enough(folder: Path, fresh_python: str) -> None:
    check(RunningApp.with_local_server(**SPACE), folder, fresh_python, "app.py", NANO)


@installs
@pytest.mark.parametrize("folder", ["zero-gpu"], indirect=True)
def test_its_requirements_are_enough_on_zero_gpu(folder: Path, fresh_python: str, tmp_path: Path) -> None:
    """With nano in the place of base, so that the answer means something."""
    lay_out_cache(tmp_path / "cache", REPOSITORIES[BASE], folder / "assets" / "florence-2-nano")
    program = ROOT / "tests" / "hosting" / "zero_gpu_simulation.py"
    with DeviceAPI() as api:
        space = RunningApp(**SPACE | space_variables(api, tmp_path / "cache", BASE))
        check(space, folder, fresh_python, program, BASE)
