"""The private folder is removed when its process ends, however it ends, and nothing else is."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from florence_ui.storage.private_folder import MARK, PrivateFolder, remove_abandoned

ROOT = Path(__file__).parents[2]
OWNER = """
import sys, time
from pathlib import Path
from florence_ui.storage.private_folder import PrivateFolder
folder = PrivateFolder(Path(sys.argv[1]))
for number in range(int(sys.argv[2])):
    (folder.path / str(number)).mkdir()
    (folder.path / str(number) / "file").write_bytes(b"12345678")
print(folder.path, flush=True)
sys.stdin.read()
begun = time.monotonic()
folder.remove(float(sys.argv[3]))
print(time.monotonic() - begun, flush=True)
"""


def owner(parent: Path, files: int = 3, seconds: float = 2.0) -> tuple[subprocess.Popen, Path]:
    """A process with a private folder of so many files, which it removes when its input ends."""
    command = [sys.executable, "-c", OWNER, str(parent), str(files), str(seconds)]
    environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return process, Path(process.stdout.readline().strip())


def goes(path: Path, seconds: float = 60.0) -> bool:
    """Whether a path vanishes in that time."""
    end = time.monotonic() + seconds
    while path.exists() and time.monotonic() < end:
        time.sleep(0.05)
    return not path.exists()


def test_it_goes_at_the_end(tmp_path: Path) -> None:
    process, path = owner(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o700
    process.communicate("", timeout=60)
    assert list(tmp_path.iterdir()) == []


def test_what_takes_too_long_is_done_by_another_process_afterwards(tmp_path: Path) -> None:
    process, path = owner(tmp_path, files=1500, seconds=0.05)
    took, _ = process.communicate("", timeout=60)
    assert float(took) < 2
    assert goes(path)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "ended without tidying up"])
def test_what_a_dead_process_left_is_removed_and_a_living_ones_stays(tmp_path: Path, number: int) -> None:
    (dead, left), (living, kept) = owner(tmp_path), owner(tmp_path)
    dead.send_signal(number)
    dead.communicate()
    remove_abandoned(tmp_path)
    assert not left.exists()
    assert len(list(kept.iterdir())) == 4
    living.communicate("")


def test_a_forked_child_leaves_its_parents_folder_alone(tmp_path: Path) -> None:
    folder = PrivateFolder(tmp_path)
    child = os.fork()
    if child == 0:
        folder.remove(1.0)  # does nothing: it is the parent's
        os._exit(0)
    os.waitpid(child, 0)
    assert folder.path.exists()
    remove_abandoned(tmp_path)
    assert folder.path.exists(), "its process lives"
    folder.remove(1.0)
    assert not folder.path.exists()


def test_a_folder_that_was_only_begun_to_be_removed_is_removed_the_next_time(tmp_path: Path) -> None:
    process, path = owner(tmp_path)
    process.kill()
    process.communicate()
    (path / "0" / "file").unlink()
    assert (path / MARK).is_file()
    remove_abandoned(tmp_path)
    assert not path.exists()


def test_folders_that_only_look_alike_stay(tmp_path: Path) -> None:
    process, path = owner(tmp_path)
    process.kill()
    process.communicate()
    unmarked, readable, other = (tmp_path / name for name in ("florence-ui-a", "florence-ui-b", "mine"))
    for folder in (unmarked, readable, other):
        folder.mkdir(mode=0o700)
        (folder / "file").write_text("mine")
    for folder in (readable, other):
        (folder / MARK).write_bytes((path / MARK).read_bytes())
    readable.chmod(0o755)
    (tmp_path / "florence-ui-c").symlink_to(other)
    (tmp_path / "florence-ui-d").write_text("a file")
    (tmp_path / "florence-ui-e").mkdir(mode=0o700)
    (tmp_path / "florence-ui-e" / MARK).symlink_to(other / MARK)
    remove_abandoned(tmp_path)
    assert not path.exists()
    left = {"florence-ui-a", "florence-ui-b", "florence-ui-c", "florence-ui-d", "florence-ui-e", "mine"}
    assert {entry.name for entry in tmp_path.iterdir()} == left
    assert all((folder / "file").read_text() == "mine" for folder in (unmarked, readable, other))


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make another user's files")
def test_another_users_folder_stays(tmp_path: Path) -> None:
    process, path = owner(tmp_path)
    process.kill()
    process.communicate()
    for each in (path / MARK, path):
        os.chown(each, 12345, 12345)
    remove_abandoned(tmp_path)
    assert (path / "0" / "file").exists()
