"""The benchmark in its short form, and checks that can fail."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from florence_ui.bench import __main__ as bench
from florence_ui.bench import hostile
from florence_ui.bench.hostile import ADDRESS_HEADER, ATTACKS
from florence_ui.bench.measuring import Measurement, Row, Scale, Target, measure_alternating, ratios
from florence_ui.bench.processes import Memory
from florence_ui.bench.rows import ROWS, visitors
from florence_ui.bench.scripted_backend import ScriptedBackend
from florence_ui.hosting.request_limits import MAX_FILES, MAX_JSON_BYTES
from florence_ui.images.loading import ImageLimits, check_size
from florence_ui.inference.batch import MAX_PICTURES
from florence_ui.visitor_identity import client_address

ROOT = Path(__file__).parents[2]
BEGIN, END = "<!-- speed -->", "<!-- end of speed -->"
DOCUMENT = ROOT / "docs" / "speed.md"


def row(number: int, *values: float, bound: float = 1.0) -> Row:
    return Row(number, lambda _: Measurement(number, "a thing", values, Target(bound)), short=True)


def run(monkeypatch, tmp_path, *arguments: str, rows: tuple[Row, ...]) -> int:
    monkeypatch.setattr(bench, "ROWS", rows)
    return bench.main([*arguments, "--json", str(tmp_path / "figures.json")])


@pytest.mark.parametrize(
    ("target", "value", "met"),
    [
        pytest.param(Target(0.5), 0.5, True, id="at the bound"),
        pytest.param(Target(0.5), 0.51, False, id="above it"),
        pytest.param(Target(20, at_least=True), 20.0, True, id="reaches it"),
        pytest.param(Target(20, at_least=True), 19.9, False, id="stays below it"),
    ],
)
def test_a_target_is_met_or_missed(target, value, met) -> None:
    assert target.met_by(value) is met


def test_the_median_decides_and_the_spread_is_shown() -> None:
    measured = Measurement(1, "a thing", [0.1, 9.0, 0.2], Target(0.5))
    assert measured.met
    assert measured.spread == (0.1, 9.0)


def test_a_missed_target_fails_the_check_and_is_named(monkeypatch, tmp_path, capsys) -> None:
    assert run(monkeypatch, tmp_path, "--check", rows=(row(1, 0.9), row(7, 1.2))) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "1 of 2 targets are met; missed: 7."


def test_without_the_check_a_missed_target_is_only_said(monkeypatch, tmp_path, capsys) -> None:
    assert run(monkeypatch, tmp_path, rows=(row(7, 1.2),)) == 0
    assert "MISSED" in capsys.readouterr().out


def test_met_targets_pass_the_check(monkeypatch, tmp_path, capsys) -> None:
    assert run(monkeypatch, tmp_path, "--check", rows=(row(1, 0.9), row(7, 1.0))) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "All 2 targets are met."


def test_the_figures_are_written(monkeypatch, tmp_path) -> None:
    run(monkeypatch, tmp_path, rows=(row(7, 1.2, 1.4),))
    (figures,) = json.loads((tmp_path / "figures.json").read_text())["rows"]
    assert figures["number"] == 7
    assert figures["values"] == [1.2, 1.4]
    assert figures["met"] is False


def test_a_row_that_fails_counts_as_missed_and_the_others_are_measured(monkeypatch, tmp_path, capsys) -> None:
    def broken(_: Scale) -> Measurement:
        raise RuntimeError("no server")

    assert run(monkeypatch, tmp_path, "--check", rows=(Row(6, broken), row(7, 0.9))) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "1 of 2 targets are met; missed: 6."
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["failed"] == [6]
    assert [measured["number"] for measured in figures["rows"]] == [7]


def test_the_table_goes_between_the_marks_of_a_file(monkeypatch, tmp_path) -> None:
    document = tmp_path / "speed.md"
    document.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    run(monkeypatch, tmp_path, "--table", str(document), rows=(row(7, 0.9),))
    text = document.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| 7 | a thing | 0.9 x |" in text
    assert "All 1 targets are met." in text


def test_the_document_has_the_place_for_the_table() -> None:
    text = DOCUMENT.read_text("utf-8")
    assert text.count(BEGIN) == text.count(END) == 1


def test_the_documents_table_is_of_the_run_whose_figures_are_shipped() -> None:
    figures = json.loads((ROOT / "assets" / "benchmark.json").read_text("utf-8"))
    kept = ("number", "what", "values", "notes")
    measured = [
        Measurement(**{name: row[name] for name in kept}, target=Target(**row["target"])) for row in figures["rows"]
    ]
    table = DOCUMENT.read_text("utf-8").split(BEGIN)[1].split(END)[0]
    rows = [line for line in table.splitlines() if line.startswith("| ") and line.split()[1].isdigit()]
    assert rows == [bench.format_row(row) for row in measured]


def test_every_row_is_part_of_the_shipped_run() -> None:
    figures = json.loads((ROOT / "assets" / "benchmark.json").read_text("utf-8"))
    assert [row["number"] for row in figures["rows"]] == [row.number for row in ROWS]


def test_every_visitor_of_the_benchmark_counts_as_one() -> None:
    addresses = {client_address(None, {ADDRESS_HEADER: visitors.address_of(k)}, ADDRESS_HEADER) for k in range(60)}
    assert len(addresses - {""}) == 60


def test_hostile_visitors_stay_within_what_one_request_may_carry() -> None:
    """Beyond that they would be turned away at the door, and the row would say nothing."""
    limits = ImageLimits()
    assert min(MAX_PICTURES, MAX_FILES) >= hostile.REPEATS
    assert hostile.BODY_BYTES < MAX_JSON_BYTES
    check_size((hostile.SIDE, hostile.SIDE), limits)
    assert max(map(len, (hostile.large_jpeg(), hostile.large_png(), hostile.heavy_jpeg()))) < limits.max_bytes


@pytest.mark.parametrize("visitors", [6, 10, 30, 45])
def test_hostile_visitors_share_out_the_attacks(visitors: int) -> None:
    roles = hostile.roles(visitors)
    assert len(roles) == visitors
    assert set(roles) == set(ATTACKS)
    assert set(hostile.roles(visitors, ["queue"])) == {"queue"}


def test_an_unknown_row_is_refused() -> None:
    with pytest.raises(SystemExit):
        bench.read_options(["--rows", "99"])


def test_the_sides_take_turns_and_the_first_pair_is_not_counted() -> None:
    order: list[str] = []

    def ours() -> float:
        order.append("ours")
        return 1.0

    def theirs() -> float:
        order.append("theirs")
        return 2.0

    taken = measure_alternating(ours, theirs, 3)
    assert order == ["theirs", "ours", "ours", "theirs"] * 2
    assert ratios(taken) == [0.5, 0.5, 0.5]


@pytest.mark.alone
def test_a_slower_pipeline_would_be_noticed() -> None:
    import time

    from florence_ui.bench.rows import answering

    class SlowDesk(answering.PipelineRunner):
        def new_question(self, source):
            time.sleep(0.15)
            return super().new_question(source)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answering, "PipelineRunner", SlowDesk)
        patch.setattr(answering, "ScriptedBackend", lambda delay: ScriptedBackend())
        measured = answering.overhead(Scale(pairs=1, short=True))
    assert measured.median > 100
    assert not measured.met


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system's own figure is taken")
def test_memory_that_was_taken_and_given_back_is_seen() -> None:
    memory = Memory()
    taken = bytearray(200 * 2**20)
    taken[::4096] = b"x" * len(taken[::4096])
    del taken
    assert memory.peak() > 150 * 2**20
    assert Memory().peak() < 50 * 2**20, "the peak of before is not counted"


@pytest.mark.alone
@pytest.mark.slow
def test_the_short_form_runs_its_rows(tmp_path) -> None:
    figures = tmp_path / "figures.json"
    done = subprocess.run(
        [sys.executable, "-m", "florence_ui.bench", "--short", "--pairs", "1", "--json", str(figures)],
        cwd=ROOT, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = json.loads(figures.read_text())["rows"]
    assert [row["number"] for row in rows] == [row.number for row in ROWS if row.short]
    assert all(row["values"] for row in rows)
    assert "targets are met" in done.stdout.splitlines()[-1]
