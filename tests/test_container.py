"""The container: the files that the Dockerfile copies exist and are not ignored, and its health check is a route."""

import json
import re
from fnmatch import fnmatch
from pathlib import Path

from florence_ui.hosting.health import Availability, Health

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
