"""The disk: only the page's own folder is touched, its space is shared, and a full disk gives an error message."""

import contextlib
import io
import os
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hosting.running import Outcome, RunningApp, file_value, is_sentence
from hosting.soak import photograph
from PIL import Image

from florence_ui.bench.scripted_backend import ScriptedBackend
from florence_ui.exports.formats import FORMATS

MB = 1 << 20
ADDRESS = "X-Visitor"
"""The header that says which visitor a test is."""


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The operator's folder for temporary files, which holds others' files too."""
    folder = tmp_path_factory.mktemp("operator") / "temp"
    (folder / "album" / "summer").mkdir(parents=True)
    (folder / "album" / "photo.png").write_bytes(photograph(1))
    (folder / "album" / "summer" / "beach.png").write_bytes(photograph(2))
    (folder / "letter.txt").write_text("Dear Anna,")
    for path in folder.rglob("*"):
        os.utime(path, (0, 0))
    return folder


def started(backend: ScriptedBackend, parent: Path, **environ: str) -> RunningApp:
    """The whole app, with the operator's folder for its temporary files."""
    return RunningApp(
        FLORENCE_UI_LOCAL_URL=backend.url,
        GRADIO_TEMP_DIR=str(parent),
        FLORENCE_UI_ADDRESS_HEADER=ADDRESS,
        FLORENCE_UI_RUNS_PER_MINUTE="0",
        FLORENCE_UI_CACHE_SECONDS="0",
        **environ,
    )


@pytest.fixture(scope="module")
def page(model_server: ScriptedBackend, parent: Path) -> Iterator[RunningApp]:
    """The app with space for 50 MB; it ends without a traceback."""
    with started(model_server, parent, FLORENCE_UI_TEMP_MB="50", FLORENCE_UI_TEMP_SECONDS="10") as running:
        yield running
    assert "Traceback" not in running.log, running.log


@pytest.fixture(autouse=True)
def _another_visitor(request: pytest.FixtureRequest) -> None:
    """Each test is a visitor of its own, whose files age out before the next."""
    if "page" in request.fixturenames:
        running = request.getfixturevalue("page")
        running.client.headers[ADDRESS] = f"10.0.{secrets.randbelow(256)}.{secrets.randbelow(256)}"
        assert until(lambda: blocks(running_folder(running)) < MB), "files do not age out"


def running_folder(page: RunningApp) -> Path:
    """The private folder of a page."""
    return next(f for f in private_folders(Path(page.environ["GRADIO_TEMP_DIR"])) if is_open(page.process.pid, f))


def until(happens: Callable[[], bool], seconds: float = 40.0) -> bool:
    """Whether that becomes true in time."""
    end = time.monotonic() + seconds
    while not happens() and time.monotonic() < end:
        time.sleep(0.1)
    return happens()


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path in it."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def private_folders(parent: Path) -> list[Path]:
    """The folders that pages have made."""
    return sorted(parent.glob("florence-ui-*"))


def blocks(folder: Path) -> int:
    """Bytes of disk that everything in a folder takes."""
    total = 0
    for place, folders, files in os.walk(folder):  # what goes meanwhile is passed over
        for name in [*folders, *files]:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_blocks * 512
    return total


# --- others' files -----------------------------------------------------------------------------------------------


def test_others_files_in_the_folder_for_temporary_files_are_left_alone(
    backend: ScriptedBackend, parent: Path, picture: bytes
) -> None:
    before = contents(parent)
    with started(backend, parent, FLORENCE_UI_TEMP_SECONDS="10") as page:
        assert page.analyze(picture, task="<OD>").ok
        for name in before:
            path = parent / name
            response = page.client.get(f"/gradio_api/file={path}")
            assert response.status_code >= 400, f"{name} is served"
            assert not page.analyze(task="<CAPTION>", image=file_value(str(path))).ok, f"{name} is read"
            assert not page.call("many", {"images": [file_value(str(path))], "task": "<CAPTION>"}).ok
        time.sleep(6)  # two sweeps
        own = running_folder(page)
        assert own.stat().st_mode & 0o777 == 0o700
        marks = [path for path in own.iterdir() if path.is_file()]
        assert all(page.client.get(f"/gradio_api/file={path}").status_code >= 400 for path in marks)
    assert until(lambda: not own.exists())
    assert contents(parent) == before
    assert "Traceback" not in page.log


@pytest.fixture
def lookalikes(parent: Path, page: RunningApp) -> Iterator[list[Path]]:
    """Folders that no page of this user has made, each alike in another way."""
    [mark] = [path for path in running_folder(page).iterdir() if path.is_file()]
    unmarked, readable, elsewhere, theirs = (
        *(parent / f"florence-ui-{name}" for name in ("unmarked", "readable")),
        parent.parent / "elsewhere",
        parent / "florence-ui-theirs",
    )
    for folder in (unmarked, readable, elsewhere, theirs):
        folder.mkdir(mode=0o700)
        (folder / "file").write_text("not yours")
        if folder is not unmarked:
            (folder / mark.name).write_bytes(mark.read_bytes())
    readable.chmod(0o755)
    link = parent / "florence-ui-link"
    link.symlink_to(elsewhere)
    if os.getuid() == 0:
        for path in (theirs / mark.name, theirs):
            os.chown(path, 12345, 12345)
    yield [unmarked, readable, elsewhere, link, *([theirs] if os.getuid() == 0 else [])]
    link.unlink()
    for folder in (unmarked, readable, elsewhere, theirs):
        shutil.rmtree(folder, ignore_errors=True)


def test_the_next_start_removes_what_a_killed_page_left_and_nothing_else(
    backend: ScriptedBackend, page: RunningApp, parent: Path, lookalikes: list[Path], picture: bytes
) -> None:
    """Another page, `page`, lives beside it all the time."""
    with started(backend, parent) as killed:
        assert killed.upload(picture).status_code == 200
        dead = running_folder(killed)
        killed.process.kill()
        killed.process.wait()
    before = {folder: contents(folder) for folder in lookalikes}
    assert dead.exists()
    with started(backend, parent) as after:
        assert until(lambda: not dead.exists()), "the killed page's folder stays"
        assert after.upload(picture).status_code == 200
        assert {folder: contents(folder) for folder in lookalikes} == before
        assert page.analyze(picture, task="<OD>").ok, "a living page's folder is gone"
    assert (parent / "letter.txt").read_text() == "Dear Anna,"


def is_open(pid: int, path: Path) -> bool:
    """Whether a process has a path open."""
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            if Path(os.readlink(entry)) == path:
                return True
    return False


# --- space -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def noisy() -> bytes:
    """A picture whose file has 7 MB and stays as large in a data set."""
    buffer = io.BytesIO()
    Image.effect_noise((3000, 2400), 120).convert("RGB").save(buffer, "JPEG", quality=95, subsampling=0)
    assert len(buffer.getvalue()) > 5 * MB
    return buffer.getvalue()


class Watch:
    """Looks all the time how much disk a folder takes; a context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.most = folder, 0
        self._over = threading.Event()

    def __enter__(self) -> "Watch":
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def _look(self) -> None:
        while not self._over.wait(0.05):
            self.most = max(self.most, blocks(self.folder))

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def export(page: RunningApp, path: str, times: int, file_format: str) -> Outcome:
    images = [file_value(path)] * times
    return page.call("export", {"images": images, "task": "<OD>", "file_format": file_format})


@pytest.mark.parametrize("file_format", ["coco", "yolo", "voc"])
def test_a_data_set_larger_than_the_room_is_refused_before_it_is_written(
    page: RunningApp, noisy: bytes, file_format: str, parent: Path
) -> None:
    [path] = page.upload(noisy, "noise.jpg").json()
    with Watch(page.temp) as elsewhere, Watch(parent) as here:
        outcome = export(page, path, 40, file_format)
    assert not outcome.ok
    assert "space" in outcome.error, outcome.error
    assert is_sentence(outcome.error)
    assert here.most < 50 * MB
    assert elsewhere.most < 2 * MB, "written outside the budget"
    assert blocks(running_folder(page)) < 2 * len(noisy), "something half written stays"
    assert export(page, path, 1, "csv").ok, "the page goes on"


def test_downloads_one_after_the_other_stay_within_the_room(page: RunningApp, noisy: bytes, parent: Path) -> None:
    [path] = page.upload(noisy, "noise.jpg").json()
    with Watch(parent) as watch:
        outcomes = [export(page, path, 1, "png") for _ in range(6)]
    assert watch.most <= 50 * MB
    assert outcomes[0].ok, outcomes[0].error
    assert all(outcome.ok or "space" in outcome.error for outcome in outcomes)


def test_one_visitor_cannot_take_all_the_room(page: RunningApp, noisy: bytes, picture: bytes, parent: Path) -> None:
    with Watch(parent) as watch:
        answers = [page.upload(noisy, f"{number}.jpg") for number in range(12)]
        assert sum(len(noisy) for answer in answers) > 50 * MB
        refused = [answer for answer in answers if answer.status_code != 200]
        assert all(answer.status_code == 507 and "space" in answer.json()["error"] for answer in refused)
        page.client.headers[ADDRESS] = "10.1.1.1"
        assert page.upload(noisy, "theirs.jpg").status_code == 200
        assert page.analyze(picture, task="<OD>").ok
    assert watch.most <= 50 * MB


# --- accidents ---------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", str(disk)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("this user cannot mount a disk")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """A file that takes all the space there is."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(MB)):
            pass
    return ballast


def test_a_full_disk_costs_a_sentence_in_every_format(backend: ScriptedBackend, small_disk: Path) -> None:
    with started(backend, small_disk, TMPDIR=str(small_disk)) as page:
        [path] = page.upload(photograph(7)).json()
        folder = Path(path).parents[1]
        questions = [{"images": [file_value(path)], "task": "<OD>", "file_format": name} for name in FORMATS]
        for question in questions:
            if question["file_format"] == "masks":
                question |= {"task": "<REFERRING_EXPRESSION_SEGMENTATION>", "text": "car"}
        before = contents(folder)
        ballast = fill(small_disk)
        for question in questions:
            outcome = page.call("export", question)
            assert outcome.error.startswith("The disk of this page's machine is full."), (question, outcome)
        refused = page.upload(photograph(8))
        assert (refused.status_code, contents(folder)) == (507, before), "something half written stays"
        ballast.unlink()
        assert all(page.call("export", question).ok for question in questions)
    assert "Traceback" not in page.log, page.log


def head_of_an_upload(page: RunningApp, length: int) -> bytes:
    return (
        f"POST /gradio_api/upload?upload_id=abc HTTP/1.1\r\nHost: 127.0.0.1:{page.port}\r\nContent-Length: {length}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        '--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    ).encode()


@pytest.mark.parametrize("how", ["reset", "closed", "cut short"])
def test_an_upload_that_is_broken_off_leaves_nothing(page: RunningApp, parent: Path, how: str) -> None:
    [path] = page.upload(photograph(1)).json()
    folder = Path(path).parents[1]
    before, files = contents(folder), page.open_files
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", page.port)) as connection:
            connection.sendall(head_of_an_upload(page, 5 * MB) + b"x" * MB)
            time.sleep(0.2)
            if how == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif how == "cut short":
                connection.shutdown(socket.SHUT_WR)
                time.sleep(0.2)
    assert until(lambda: contents(folder) == before)
    assert "Traceback" not in page.log, page.log
    assert page.open_files <= files + 2


def test_a_part_that_is_no_upload_leaves_nothing(page: RunningApp) -> None:
    """Gradio keeps files of the field `files` only, and used to forget the others on the disk."""
    [path] = page.upload(photograph(1)).json()
    folder = Path(path).parents[1]
    before = contents(folder)
    assert page.client.post("/gradio_api/upload", files={"other": ("a.png", b"x" * MB)}).json() == []
    assert contents(folder) == before


# --- the end -----------------------------------------------------------------------------------------------------

SMALL_FILES = 24_600


@pytest.mark.slow
def test_it_ends_in_time_however_many_files_there_are(backend: ScriptedBackend, parent: Path) -> None:
    """Measured beside a page with one file, for a busy machine takes longer for both."""
    seconds = {}
    for count in (0, SMALL_FILES):
        with started(backend, parent) as page:
            [path] = page.upload(photograph(1)).json()
            own = Path(path).parents[1]
            for number in range(count):
                os.mkdir(f"{own}/many{number}")
                os.close(os.open(f"{own}/many{number}/a.png", os.O_CREAT | os.O_WRONLY))
            begun = time.monotonic()
            page.process.send_signal(signal.SIGTERM)
            assert page.process.wait(60) == 0
            seconds[count] = time.monotonic() - begun
            assert until(lambda own=own: not own.exists(), 120), "what was not deleted in time is deleted afterwards"
        assert "Traceback" not in page.log
    assert seconds[SMALL_FILES] < max(5, 1.5 * seconds[0] + 1), seconds
