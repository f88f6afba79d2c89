"""Temporary files are in one private folder, and a full disk gives an error message."""

import contextlib
import os
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image
from workbench import request_about, template, workbench

from florence_ui import storage
from florence_ui.errors import StorageError
from florence_ui.exports.formats import FORMATS, export_answer, export_batch
from florence_ui.images.loading import open_picture
from florence_ui.inference.batch import Batch
from florence_ui.rendering.style import Style
from florence_ui.storage import DiskSpace, disk_budget

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This process's private folder inside a folder of the test."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "parent"))
    return storage.folder()


def entries(folder: Path) -> list[str]:
    """What lies in a private folder, besides its mark."""
    return [path.name for path in folder.iterdir() if not path.name.startswith(".")]


def test_files_lie_two_levels_down_in_a_private_folder_inside_the_one_that_is_named(
    folder: Path, tmp_path: Path
) -> None:
    path = storage.write(b"abc", ".jpg", stem="result")
    assert path.parent.parent == folder
    assert folder.parent == tmp_path / "parent"
    assert path.name == "result.jpg"
    assert path.read_bytes() == b"abc"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert storage.write(b"d", ".jpg", stem="result") != path


def test_without_gradio_the_folder_is_private_and_goes_with_the_program() -> None:
    code = (
        "import os, stat; from florence_ui import storage; path = storage.write(b'1', '.txt'); "
        "print(path); assert stat.S_IMODE(path.parents[1].stat().st_mode) == 0o700"
    )
    environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert not Path(done.stdout.strip()).parents[1].exists()


def test_what_a_writer_could_not_finish_is_gone(folder: Path) -> None:
    def break_off() -> None:
        with storage.create(".zip") as file:
            file.write(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        break_off()
    assert entries(folder) == []
    assert storage.budget().used == DiskSpace()


@pytest.fixture
def small_budget(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A private folder for four megabytes."""
    monkeypatch.setattr(storage.budget(), "limit", DiskSpace(4 << 20, 1000))
    return folder


@pytest.mark.parametrize("writer", ["bytes", "zip", "picture"])
def test_a_file_ends_where_the_budget_ends(small_budget: Path, writer: str) -> None:
    """In the middle of the file, whoever writes it: nothing is measured only afterwards."""
    most = 0

    def write(file: storage.StoredFile) -> None:
        nonlocal most
        try:
            if writer == "bytes":
                for _ in range(100):
                    file.write(os.urandom(1 << 18))
            elif writer == "zip":
                with zipfile.ZipFile(file, "w") as archive:
                    for number in range(100):
                        archive.writestr(f"{number}", os.urandom(1 << 18))
            else:
                Image.effect_noise((4000, 4000), 100).save(file, "PNG", compress_level=0)
        finally:
            most = file.path.stat().st_size

    with pytest.raises(StorageError, match="space"), storage.create(".bin") as file:
        write(file)
    assert 0 < most <= 2 << 20, "one visitor's unfinished files take half of the space at most"
    assert entries(small_budget) == []
    assert storage.budget().used == DiskSpace()


def test_a_writer_that_hides_the_failure_hands_out_no_broken_file(small_budget: Path) -> None:
    def hide() -> None:
        with storage.create(".bin") as file, contextlib.suppress(StorageError):
            file.write(bytes(100 << 20))

    with pytest.raises(StorageError, match="space"):
        hide()
    assert entries(small_budget) == []


LIMITED = """
import resource, sys
from florence_ui import storage
from florence_ui.errors import StorageError
storage.folder()
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    storage.write(bytes(200_000), ".jpg", stem="result")
except StorageError as error:
    print(error)
print([path.name for path in storage.folder().iterdir() if not path.name.startswith(".")], storage.budget().used)
"""


def test_a_system_that_lets_no_large_file_be_written_costs_a_sentence(tmp_path: Path) -> None:
    """The kernel itself breaks off the write, as on a full disk."""
    environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "GRADIO_TEMP_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", LIMITED], env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    words, left = done.stdout.splitlines()
    assert words.startswith("The disk of this page's machine is full.")
    assert left == "[] DiskSpace(size=0, files=0)"


def test_a_folder_that_takes_no_file_costs_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.write_bytes(b"in the way")
    with pytest.raises(StorageError, match="cannot write") as caught:
        storage.write(b"abc", ".jpg")
    assert str(folder) not in str(caught.value)


@pytest.fixture
def full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A private folder on a disk of its own, on which no block is free."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("this user cannot mount a disk")
    try:
        monkeypatch.setenv("GRADIO_TEMP_DIR", str(disk))
        monkeypatch.setenv("TMPDIR", str(disk))
        monkeypatch.setattr(tempfile, "tempdir", str(disk))
        monkeypatch.setattr(disk_budget, "MIN_FREE_BYTES", 0)
        monkeypatch.setattr(disk_budget.shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 40))
        folder = storage.folder()
        with (disk / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
            while True:
                ballast.write(bytes(4096))
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.anyio
async def test_a_full_disk_costs_a_sentence_in_every_format(full_disk: Path, tmp_path: Path) -> None:
    """A disk that is full although there was room when it was asked."""
    Image.effect_noise((400, 300), 90).convert("RGB").save(tmp_path / "noise.png")
    with workbench() as (_, pipeline):
        picture = open_picture(tmp_path / "noise.png")
        analysis = await pipeline.analyze(request_about(picture))
        outlined = await pipeline.analyze(request_about(picture, "<REFERRING_EXPRESSION_SEGMENTATION>", text="a car"))
        batches = {}
        for token in ("<OD>", "<REGION_TO_SEGMENTATION>"):
            batches[token] = Batch.of([tmp_path / "noise.png"])
            question = template(token, region=(0.1, 0.1, 0.9, 0.9))
            async for _ in batches[token].run(pipeline.analyze, question, previews=False):
                pass
    makers = {name: partial(export_answer, name, analysis, Style(), [0, 1, 2]) for name in FORMATS}
    makers["masks"] = partial(export_answer, "masks", outlined, Style(), [0])
    for name in FORMATS:
        batch = batches["<REGION_TO_SEGMENTATION>" if name == "masks" else "<OD>"]
        makers[f"many {name}"] = partial(export_batch, name, batch)
    for name, make in makers.items():
        with pytest.raises(StorageError, match="disk of this page's machine is full"):
            make()
        assert entries(full_disk) == [], f"{name} leaves something half written"
