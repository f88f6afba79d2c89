"""The container: the files that the Dockerfile copies exist and are not ignored, and its health check is a route."""

import json
import re
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from florence_ui.hosting.health import Availability, Health
from florence_ui.models import DEFAULT_PORT
from florence_ui.settings import Settings

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", "")
IGNORE = [line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line and line[0] != "#"]


def copied() -> set[str]:
    """What the image gets from this repository."""
    return {name for line in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()}


def test_everything_that_is_copied_exists_and_nothing_else_is_sent() -> None:
    assert IGNORE[0] == "*"
    assert {line[1:].rstrip("/") for line in IGNORE if line.startswith("!")} == copied()
    assert [name for name in copied() if not (ROOT / name).exists()] == []


def test_everything_that_the_app_imports_or_reads_is_copied() -> None:
    assert {"app.py", "florence_ui", "assets", "requirements.txt", "packages.txt"} <= copied()
    left_out = [line for line in IGNORE[1:] if not line.startswith("!")]
    kept = ["florence_ui/tasks.py", "florence_ui/ui/page.js", "assets/examples/park.jpg"]
    assert not [(path, line) for path in kept for line in left_out if fnmatch(path, line.replace("**/", "*"))]


def test_the_page_does_not_run_as_root() -> None:
    assert re.findall(r"^USER (\d+)$", DOCKERFILE, re.MULTILINE) == ["1000"]


def test_the_health_check_asks_a_route_of_the_page() -> None:
    async def probe() -> tuple[Availability, str]:
        return Availability.OK, ""

    (command,) = re.findall(r"^HEALTHCHECK .*?CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    program, option, code = json.loads(command)
    assert (program, option) == ("python", "-c")
    compile(code, "health check", "exec")
    (route,) = re.findall(r"\}(/\w+)'", code)
    assert route in {route.path for route in Health(probe).routes}


COMPOSED = sorted((ROOT / "docs" / "compose").glob("*.yaml"))


@pytest.mark.parametrize("path", COMPOSED, ids=lambda path: path.name)
def test_a_compose_file_builds_this_image_and_names_real_settings(path: Path) -> None:
    services = yaml.safe_load(path.read_text("utf-8"))["services"]
    page = services["page"]
    assert (path.parent / page["build"] / "Dockerfile").resolve() == ROOT / "Dockerfile"
    known = {name for variable in Settings.variables() for name in variable.names}
    assert page["environment"].keys() <= known
    (exposed,) = re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE)
    assert page["ports"] == [f"{exposed}:{exposed}"]


def test_the_compose_files_do_not_replace_each_others_containers() -> None:
    """Docker Compose calls a project after its folder, which is one, unless a file names it."""
    names = [yaml.safe_load(path.read_text("utf-8"))["name"] for path in COMPOSED]
    assert len(names) == len(set(names)) > 1


def test_a_page_beside_roboflow_calls_a_service_that_is_there() -> None:
    composed = yaml.safe_load((ROOT / "docs" / "compose" / "roboflow.yaml").read_text("utf-8"))
    (default,) = re.findall(r":-(http://\S+)}", composed["services"]["page"]["environment"]["FLORENCE_UI_LOCAL_URL"])
    assert urlsplit(default).hostname in composed["services"]
    assert urlsplit(default).port == DEFAULT_PORT
    for service in composed["services"].values():
        for volume in service.get("volumes", ()):
            assert volume.partition(":")[0] in composed["volumes"]
