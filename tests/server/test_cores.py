"""The number of processors that an engine uses."""

from pathlib import Path

import pytest

from florence_ui.server import cores


@pytest.mark.parametrize(
    ("content", "expected"),
    [("150000 100000", 2), ("50000 100000", 1), ("max 100000", 8), ("nonsense", 8)],
    ids=["one-and-a-half", "half", "no-limit", "nonsense"],
)
def test_a_containers_limit_counts(
    content: str, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpu.max").write_text(content)
    monkeypatch.setattr(cores, "CGROUP_CPU_MAX", tmp_path / "cpu.max")
    monkeypatch.setattr(cores.os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    assert cores.available_cores() == expected
