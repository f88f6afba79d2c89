"""Temporary files lie in one private place, and a full disk costs a sentence."""

import errno
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from florence_ui import storage
from florence_ui.errors import FlorenceUIError

ROOT = Path(__file__).parents[1]


def test_files_lie_two_levels_down_in_gradios_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    path = storage.write(b"abc", ".jpg", stem="result")
    assert path.parent.parent == tmp_path / "gradio"
    assert path.name == "result.jpg"
    assert path.read_bytes() == b"abc"
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


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "full"), (errno.EACCES, "cannot write")], ids=["full", "forbidden"]
)
def test_a_disk_that_takes_nothing_costs_a_sentence(
    number: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Path, data: bytes) -> int:
        self.touch()
        raise OSError(number, "no", str(self))

    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(FlorenceUIError, match=words) as caught:
        storage.write(b"abc", ".jpg")
    assert str(tmp_path) not in str(caught.value)
    assert not list(tmp_path.iterdir()), "nothing half written stays"
