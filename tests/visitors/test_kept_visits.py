"""A visit that is opened again: by its secret name only, as a copy, within limits of number, memory and time."""

import base64
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from florence_ui.images.loading import ImageLimits
from florence_ui.inference.batch import Batch, Item, ItemState
from florence_ui.inference.request import Question, StoredAnalysis
from florence_ui.rendering.style import Style
from florence_ui.results.result import Result
from florence_ui.tasks import TASKS
from florence_ui.ui.batch.state import BatchState
from florence_ui.ui.compare.pair import SideChoice
from florence_ui.ui.compare.state import SIDES, Answers, CompareState, Subject
from florence_ui.ui.components.verdict_bar import Layout
from florence_ui.visitors.kept_visits import NAME_BYTES, Visits
from florence_ui.visitors.runs import Note, Place, Run
from florence_ui.visitors.session import PageSession

ME, YOU = "192.0.2.1", "192.0.2.2"
QUESTION = Question("<OD>")


def run_with(raw: str = "") -> Run:
    """An answer with a server's response of some size."""
    result = Result(TASKS["<OD>"], "<OD>", (4, 3), raw={"<OD>": raw})
    return Run(QUESTION, StoredAnalysis(result, "m", "local", "host", 0.1), Path("in"), ImageLimits(), Path("shown"))


def asked_with(text: str) -> Run:
    """An answer to a question with a text of some size."""
    run = run_with()
    run.question = replace(QUESTION, text=text)
    return run


def session_with(*runs: Run) -> PageSession:
    """A session with recent answers, the first of which is shown."""
    session = PageSession(shown=Path("shown"), run=runs[0] if runs else None, question=QUESTION)
    session.recent.extend(runs)
    return session


class Clock:
    """A clock that stands still until it is set."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_page_that_is_loaded_again_has_all_it_had() -> None:
    visits, session = Visits(60), session_with(run_with(), run_with())
    session.style = Style(palette="bright")
    name = visits.keep(session, ME)
    session.selected = 1
    again = visits.resume(name, ME)
    assert again is not None
    assert again.shown == session.shown
    assert (again.question, again.style, again.selected) == (session.question, session.style, session.selected)
    assert [run.analysis for run in again.recent] == [run.analysis for run in session.recent]
    assert again.run is again.recent[0]


def compared(raw: str = "") -> CompareState:
    """A comparison that was made."""
    subject = Subject((Path("in"), ImageLimits()), Path("shown"), (4, 3), (QUESTION, QUESTION))
    answers = Answers(subject, {side: run_with(raw).analysis for side in SIDES}, ("one", "two"))
    return CompareState(answers, Layout.TWO, choice=(SideChoice("one", "local"), SideChoice("two", "local")))


def many(raw: str = "", name: str = "a.jpg") -> BatchState:
    """A run on three pictures that has just been left."""
    states = [ItemState.DONE, ItemState.RUNNING, ItemState.WAITING]
    items = [Item(Path(name), name, state) for state in states]
    items[0].analysis = run_with(raw).analysis
    return BatchState(Batch(items, ("asked",)), viewed=items[0], asked=("asked",), going=True, waits_for="A slot.")


def test_the_other_tabs_are_as_they_were_and_at_rest() -> None:
    visits, session = Visits(60), session_with()
    session.tab, session.tabs = "compare", {CompareState: compared(), BatchState: many()}
    again = visits.resume(visits.keep(session, ME), ME)
    before, after = session.of_tab(CompareState), again.of_tab(CompareState)
    assert again.tab == "compare"
    assert after is not before
    assert (after.answers, after.layout, after.choice) == (before.answers, before.layout, before.choice)
    assert (before.reopened, after.reopened) == (False, True)
    batch = again.of_tab(BatchState)
    assert [item.state for item in batch.items] == [ItemState.DONE, ItemState.WAITING, ItemState.WAITING]
    assert (batch.going, batch.waits_for, batch.viewed) == (False, "", None)
    assert (batch.batch.question, batch.asked) == (("asked",), ("asked",))
    assert session.of_tab(BatchState).items[1].state is ItemState.RUNNING


def test_a_name_cannot_be_guessed() -> None:
    visits = Visits(60)
    names = [visits.keep(PageSession(), ME) for _ in range(100)]
    assert len(set(names)) == 100
    assert all(len(base64.urlsafe_b64decode(name)) == NAME_BYTES >= 16 for name in names)


@pytest.mark.parametrize(
    "name",
    ["", "made-up", "../x", None, 7, True, ["a"], {"a": 1}, "x" * 10**6, "\x00", "\ud800"],
    ids=["empty", "made-up", "path", "none", "number", "true", "list", "object", "huge", "zero", "surrogate"],
)
def test_a_name_that_the_server_did_not_make_opens_nothing_and_is_not_taken_over(name: object) -> None:
    visits = Visits(60)
    mine = visits.keep(session_with(run_with()), ME)
    assert visits.resume(name, YOU) is None
    assert len(visits) == 1
    assert visits.resume(mine, ME) is not None


def test_whoever_plants_or_keeps_a_name_sees_nothing_of_what_comes_later() -> None:
    """Session fixation, and tabs that were duplicated: each opening is a visit of its own."""
    visits = Visits(60)
    planted = visits.keep(PageSession(), YOU)
    mine = visits.resume(planted, ME)
    assert mine.visit != planted
    mine.shown = Path("secret")
    mine.recent.appendleft(run_with())
    seen = visits.resume(planted, YOU)
    assert seen.shown is None
    assert not seen.recent


def test_what_is_changed_in_a_copy_does_not_change_the_original() -> None:
    session = session_with(run_with())
    copied = session.copied()
    copied.run.hidden = frozenset({0})
    copied.recent.clear()
    assert session.run.hidden == frozenset()
    assert len(session.recent) == 1
    assert copied.visit == ""


def test_an_old_visit_is_forgotten_and_a_used_one_kept() -> None:
    clock = Clock()
    visits = Visits(60, clock=clock)
    idle, used = visits.keep(PageSession(), ME), visits.keep(PageSession(), ME)
    clock.now += 59
    visits.touch(used)
    clock.now += 1
    assert visits.resume(idle, ME) is None
    assert visits.resume(used, ME) is not None


def test_one_visitor_who_opens_page_after_page_loses_only_their_own() -> None:
    visits = Visits(60, max_visits=10)
    mine = visits.keep(PageSession(), ME)
    for _ in range(50):
        visits.keep(PageSession(), YOU)
    assert len(visits) == 10
    assert visits.resume(mine, ME) is not None


def test_one_visitor_with_huge_answers_loses_only_their_own() -> None:
    visits = Visits(60, max_bytes=100_000)
    mine = visits.keep(session_with(run_with()), ME)
    grown = session_with()
    name = visits.keep(grown, YOU)
    grown.recent.append(run_with("x" * 50_000))
    visits.touch(name)
    assert visits.resume(name, YOU) is None
    assert visits.resume(mine, ME) is not None


@pytest.mark.parametrize(
    "grow",
    [
        pytest.param(lambda session: setattr(session, "question", replace(QUESTION, text="x" * 100_000)), id="words"),
        pytest.param(lambda session: setattr(session, "opened_with", "x" * 100_000), id="link"),
        pytest.param(lambda session: session.notes.update({Place("read"): Note("x" * 100_000)}), id="note"),
        pytest.param(lambda session: session.recent.append(asked_with("x" * 100_000)), id="question of an answer"),
        pytest.param(lambda session: session.tabs.update({CompareState: compared("x" * 100_000)}), id="comparison"),
        pytest.param(lambda session: session.tabs.update({BatchState: many("x" * 100_000)}), id="pictures"),
        pytest.param(lambda session: session.tabs.update({BatchState: many(name="x" * 100_000)}), id="names"),
    ],
)
def test_whatever_a_visit_keeps_counts(grow: Callable[[PageSession], None]) -> None:
    visits, session = Visits(60, max_bytes=100_000), session_with()
    name = visits.keep(session, ME)
    grow(session)
    visits.touch(name)
    assert visits.resume(name, ME) is None


def test_a_visit_that_grows_after_its_last_use_counts_soon() -> None:
    """As one whose page is closed in the middle of a run, or that is stopped."""
    visits, left = Visits(60, max_bytes=100_000), session_with()
    names = [visits.keep(session, YOU) for session in (session_with(), left, session_with())]
    mine = visits.keep(PageSession(), ME)
    left.recent.append(run_with("x" * 50_000))
    for _ in names:
        visits.touch(mine)
    assert visits.resume(names[1], YOU) is None
    assert visits.resume(mine, ME) is not None


def test_it_takes_no_notice_of_a_name_that_is_gone() -> None:
    visits = Visits(60)
    visits.touch("gone")
    assert len(visits) == 0


def test_no_key_is_kept() -> None:
    """A key is neither in a session nor in what it refers to, so none is in a visit."""
    names = {name for kind in (PageSession, Run, Question, StoredAnalysis, Style) for name in kind.__annotations__}
    assert not {name for name in names if "key" in name or "secret" in name}
    assert b"api_key" not in pickle.dumps(session_with(run_with()))
