"""Limits on what each visitor may write, and eviction of files when space is short."""

import contextlib
import os
import random
import time
from pathlib import Path

import pytest

from florence_ui.errors import StorageError
from florence_ui.storage import disk_budget
from florence_ui.storage.disk_budget import DiskBudget
from florence_ui.storage.disk_space import BLOCK, DiskSpace, measure
from florence_ui.storage.writing import Lease

FILE = 9 * BLOCK
"""What a file of 8 blocks takes, with its folder."""


class Clock:
    """Seconds that pass when a test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def budget(tmp_path: Path, clock: Clock) -> DiskBudget:
    """Room for ten files of 8 blocks."""
    folder = tmp_path / "private"
    folder.mkdir()
    return DiskBudget(folder, DiskSpace(10 * FILE, 100), idle_seconds=300, clock=clock)


def put(budget: DiskBudget, owner: str, size: int = 8 * BLOCK) -> Path:
    """A file of that visitor's."""
    with Lease(budget, owner) as lease:
        lease.grow(DiskSpace(size, 1))
        (lease.folder / "file").write_bytes(b"x" * size)
        lease.keep()
    return lease.folder / "file"


def on_disk(budget: DiskBudget) -> DiskSpace:
    """What the folder really holds."""
    space = DiskSpace()
    for path in budget.folder.iterdir():
        space += measure(path)
    return space


def test_what_is_counted_is_what_is_there(budget: DiskBudget) -> None:
    paths = [put(budget, "anna"), put(budget, "ben", 10)]
    assert budget.used == on_disk(budget) == DiskSpace(FILE + 2 * BLOCK, 4)
    assert sum(path.stat().st_blocks * 512 for path in paths) <= budget.used.size


def test_nothing_is_written_that_does_not_fit(budget: DiskBudget) -> None:
    with pytest.raises(StorageError, match="more space than one visitor gets"):
        put(budget, "anna", 6 * FILE)
    assert budget.used == on_disk(budget) == DiskSpace()


def test_a_visitor_alone_may_use_all_the_room_and_then_waits(budget: DiskBudget, clock: Clock) -> None:
    first, *_ = [put(budget, "anna") for _ in range(10)]
    with pytest.raises(StorageError, match="no space for more files"):
        put(budget, "anna")
    clock.now += 301
    put(budget, "anna")
    assert not first.exists()
    assert budget.used == on_disk(budget) == DiskSpace(10 * FILE, 20)


def test_who_comes_later_gets_an_equal_share_of_who_holds_most(budget: DiskBudget) -> None:
    theirs = [put(budget, "greedy") for _ in range(8)]
    modest = [put(budget, "anna"), put(budget, "ben")]
    late = [put(budget, "carl") for _ in range(2)]
    assert [path.exists() for path in theirs] == [False] * 2 + [True] * 6
    assert all(path.exists() for path in [*modest, *late])
    with pytest.raises(StorageError):
        put(budget, "greedy")


def test_who_holds_most_gets_no_room_of_others_who_are_away(budget: DiskBudget, clock: Clock) -> None:
    away = [put(budget, "anna") for _ in range(3)]
    clock.now += 301
    theirs = [put(budget, "greedy") for _ in range(7)]
    with pytest.raises(StorageError, match="no space for more files"):
        put(budget, "greedy")
    assert all(path.exists() for path in [*away, *theirs])


def test_a_file_that_is_used_stays_longer(budget: DiskBudget, clock: Clock) -> None:
    first, second, *_ = [put(budget, "anna") for _ in range(10)]
    clock.now += 200
    budget.touch(first)
    clock.now += 200
    put(budget, "anna")
    assert first.exists()
    assert not second.exists()


def test_a_file_that_is_used_ages_anew(budget: DiskBudget, clock: Clock) -> None:
    used, unused = put(budget, "anna"), put(budget, "anna")
    for path in (used, unused):
        os.utime(path, (0, 0))
    clock.now += 1500
    budget.touch(used)
    clock.now += 1500
    budget.delete_expired(1800)
    assert used.exists()
    assert not unused.exists()


def test_the_number_of_files_is_bounded_like_their_size(budget: DiskBudget, clock: Clock) -> None:
    budget.limit = DiskSpace(1 << 30, 40)
    for _ in range(20):
        put(budget, "greedy", 8)
    with pytest.raises(StorageError, match="no space"):
        put(budget, "greedy", 8)
    put(budget, "anna", 8)
    assert on_disk(budget).files <= 40


def test_a_nearly_full_disk_is_left_alone(budget: DiskBudget, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_budget, "MIN_FREE_BYTES", 1 << 60)
    with pytest.raises(StorageError, match="disk of this page's machine is full"):
        put(budget, "anna")
    assert on_disk(budget) == DiskSpace()


def test_unused_files_age_out_and_read_ones_stay(budget: DiskBudget, clock: Clock) -> None:
    old, read = put(budget, "anna"), put(budget, "anna")
    os.utime(old, (time.time() - 5000, time.time() - 5000))
    clock.now += 3600
    young = put(budget, "anna")
    budget.delete_expired(1800)
    assert not old.parent.exists()
    assert read.exists(), "the file system says that it was read just now"
    assert young.exists()
    assert budget.used == on_disk(budget)


def test_what_is_evicted_while_its_age_is_looked_up_is_forgotten(
    budget: DiskBudget, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    (budget.folder / "strange").mkdir()
    budget.delete_expired(1800)  # what nobody owns is counted too
    first, *others = [put(budget, "anna") for _ in range(9)]
    look, ages = disk_budget._seconds_since_read, []

    def look_late(path: Path) -> float:
        ages.append(look(path))
        if path == first.parent:
            put(budget, "ben")
        return ages[-1]

    monkeypatch.setattr(disk_budget, "_seconds_since_read", look_late)
    clock.now += 3600
    budget.delete_expired(1800)
    assert not first.exists()
    assert all(path.exists() for path in others)
    assert budget.used == on_disk(budget)


def test_a_folder_that_is_gone_was_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "is_dir", lambda path: True)  # evicted right after it was seen
    assert disk_budget._seconds_since_read(tmp_path / "gone") > 3600


def test_what_is_handed_over_counts_once(budget: DiskBudget) -> None:
    with Lease(budget, "anna") as lease:
        lease.grow(DiskSpace(4 * FILE, 2))
        (lease.folder / "upload").mkdir()
        (lease.folder / "upload" / "file").write_bytes(b"x" * (4 * FILE - BLOCK))
        apart = lease.keep_subfolder(lease.folder / "upload")
        assert budget.used == on_disk(budget)
        other = put(budget, "ben", 3 * FILE)  # would not fit beside it if it counted twice
    assert apart.exists()
    assert other.exists()
    assert budget.used == on_disk(budget)


def test_what_came_and_went_without_being_counted_is_counted(budget: DiskBudget) -> None:
    gone = put(budget, "anna")
    gone.unlink()
    gone.parent.rmdir()
    (budget.folder / "strange").mkdir()
    (budget.folder / "strange" / "file").write_bytes(b"x" * 5 * BLOCK)
    with Lease(budget, "ben") as unfinished:
        unfinished.grow(DiskSpace(BLOCK, 1))
        budget.delete_expired(100)
        assert budget.used == DiskSpace(6 * BLOCK, 2) + DiskSpace(2 * BLOCK, 2)
    assert budget.used == on_disk(budget)


def test_unfinished_files_of_some_leave_room_for_the_next(budget: DiskBudget) -> None:
    with contextlib.ExitStack() as leases:
        for owner in ("ann", "ben", "cleo"):
            lease = leases.enter_context(Lease(budget, owner))
            with contextlib.suppress(StorageError):
                while True:
                    lease.grow(DiskSpace(BLOCK, 0))
        assert put(budget, "dan", 2 * BLOCK).exists()
    assert budget.used == on_disk(budget)


def test_who_still_writes_after_the_end_gets_no_more_space(budget: DiskBudget) -> None:
    with Lease(budget, "anna") as lease:
        pass
    with pytest.raises(StorageError, match="has ended"):
        lease.grow(DiskSpace(BLOCK, 1))
    assert budget.used == on_disk(budget) == DiskSpace()


def test_whatever_happens_the_count_is_right_and_the_limit_holds(budget: DiskBudget, clock: Clock) -> None:
    rng = random.Random(5)
    paths: list[Path] = []
    for _ in range(800):
        clock.now += rng.choice([0, 1, 50, 400])
        with contextlib.suppress(StorageError):
            paths.append(put(budget, rng.choice("abcdef"), rng.randrange(1, 20 * BLOCK)))
        if rng.random() < 0.3 and paths:
            budget.touch(rng.choice(paths))
        if rng.random() < 0.01:
            budget.delete_expired(0)
        assert budget.used.fits(budget.limit)
    assert budget.used == on_disk(budget)
    assert sum((account.used for account in budget._accounts.values()), DiskSpace()) == budget.used


@pytest.mark.slow
def test_asking_costs_the_same_however_many_files_there_are(budget: DiskBudget) -> None:
    def seconds() -> float:
        begun = time.perf_counter()
        for _ in range(100):
            put(budget, "anna", 8)
        return time.perf_counter() - begun

    budget.limit = DiskSpace(1 << 40, 10**6)
    few = min(seconds() for _ in range(3))
    for _ in range(4000):
        put(budget, "greedy", 8)
    many = min(seconds() for _ in range(3))
    assert many < 5 * few, (few, many)
