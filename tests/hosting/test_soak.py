"""A short soak: 200 mixed runs of 20 visitors beside hostile ones leave memory, disk and open files flat."""

import pytest
from hosting.soak import TEMP_MB, soak


@pytest.mark.slow
def test_two_hundred_runs_leave_no_trace() -> None:
    report = soak(runs=200, visitors=20, hostile=6, temp_seconds=15)
    assert sum(report.outcomes.values()) == 200
    assert report.outcomes["answered"] >= 80
    assert report.outcomes["turned away"] + report.outcomes["lost"] == 0, report
    assert sum(report.hostile.values()) > 50, report
    assert report.left_running == 0
    assert report.memory_after - report.memory_warm < 150, report
    assert report.disk_most < 1.1 * TEMP_MB, report
    assert report.disk_after < 3, report
    assert report.open_files_after - report.open_files_warm < 30, report
