"""Compare: one picture, two answers side by side or on top of each other, and what they come to."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from pathlib import Path

import gradio as gr

from florence_ui.errors import FlorenceUIError, InputError
from florence_ui.exports.tables import escape_cell
from florence_ui.images.loading import Picture
from florence_ui.inference.request import Analysis, Question, Request, StoredAnalysis
from florence_ui.results.compare import LEFT, comparison_columns
from florence_ui.ui.compare import views
from florence_ui.ui.compare.downloads import ComparisonFile, record_of, rows_of, write_comparison
from florence_ui.ui.compare.found_by_view import found_by_value
from florence_ui.ui.compare.pair import default_pair, describe, side_names, tell_apart
from florence_ui.ui.compare.panel import ComparePanel
from florence_ui.ui.compare.state import SIDES, Answers, CompareState, Outcome, Subject
from florence_ui.ui.components.drawer_bar import DrawerValue
from florence_ui.ui.components.drawing import DrawingValue
from florence_ui.ui.components.found_by import FoundByValue
from florence_ui.ui.components.notice import NoticeValue, error_notice, text_notice
from florence_ui.ui.components.side_button import SideValue
from florence_ui.ui.components.verdict_bar import Layout, VerdictValue
from florence_ui.ui.downloads import wire_download
from florence_ui.ui.layout import Page, queued, unqueued
from florence_ui.ui.stoppable_run import StoppableRun, wire_run
from florence_ui.ui.updates import Inputs, Updates, merge_updates, read_question, read_view, tab_state
from florence_ui.visitors.multi_call import ask_sides

ENTER = "() => window.florencePage.enter('compare')"
SAME_SIDES, CHOOSE_ANOTHER = "Both sides ask the same.", "Choose another model or task for one of them."
NO_ANSWERS = "Compare asks both sides at once. Their results appear here."


class CompareTab(ComparePanel):
    """The parts of Compare with their events."""

    def __init__(self, page: Page, tab: gr.Tab) -> None:
        super().__init__(page)
        fields = {*page.question_fields, *page.style.controls, *self.choosers}
        parts = [*self.shown, *self.choosers, *self.buttons]
        tab.select(None, js=ENTER)
        tab.select(self.open_mode, fields, parts, **queued())
        for side in self.sides.values():
            for changed in (side.model.input, side.backend.input, side.task.input):
                changed(self.choose, fields, parts, **unqueued())
        self.verdict.picture(self.show_choice, fields, parts, **unqueued())
        page.dock.task.input(self.follow_dock, fields, parts, **unqueued())
        latest = queued(trigger_mode="always_last")
        self.verdict.layout(self.lay_out_anew, fields, self.shown, **latest)
        for stage in self.stages:
            stage.view(self.look, fields, [*self.drawings, self.notice], **latest)
        run = StoppableRun(self.stream_comparison, self.show_stop, self.show_failure)
        running = [*parts, self.run, self.stop]
        wire_run({self.run.click: run.events}, self.stop, self.show_stopped, fields, running)
        for kind, button in self.downloads.items():
            wire_download(page, button, partial(self.write, kind), {page.session, *page.style.controls}, self.notice)

    def state(self, inputs: Inputs) -> CompareState:
        """The visitor's comparison."""
        return tab_state(self.page, inputs, CompareState)

    def read_questions(self, inputs: Inputs) -> tuple[Question, Question]:
        """The question to each side, unchecked."""
        asked = read_question(self.page, inputs)
        left, right = self.read(inputs)
        return left.question(asked), right.question(asked)

    def names_of(self, questions: tuple[Question, Question]) -> tuple[str, str]:
        """What to call the two sides."""
        titles = {name: backend.title for name, backend in self.page.services.pipeline.backends.items()}
        return side_names(*questions, titles)

    async def open_mode(self, inputs: Inputs) -> Updates:
        """The mode as it opens: with the picture and the question on the page, and a pair that can answer."""
        state = self.state(inputs)
        if state.choice is not None:
            return await self.show_again(inputs) if state.reopened else self.follow_dock(inputs)
        filled = await self.usual_pair(inputs)
        if state.choice is not None:  # the visitor was faster than the server
            return {}
        return merge_updates(filled, self.show_choice({**inputs, **filled}))

    async def usual_pair(self, inputs: Inputs) -> Updates:
        """The fields of both sides with a pair that can answer."""
        services, question = self.page.services, read_question(self.page, inputs)
        status = await services.pipeline.status(question.backend)
        return self.filled(default_pair(question.token, question.backend, status, services.settings.model or ""))

    async def show_again(self, inputs: Inputs) -> Updates:
        """The comparison as it was before the page was loaded again."""
        state = self.state(inputs)
        state.reopened = False
        filled = self.filled(state.choice) if state.choice else {}
        inputs = {**inputs, **filled}
        return merge_updates(filled, self.show_choice(inputs), await self.show(inputs))

    def follow_dock(self, inputs: Inputs) -> Updates:
        """The sides with the task that is now in the dock; one of them takes another if both would ask the same."""
        state, chosen = self.state(inputs), self.read(inputs)
        pair = tell_apart(chosen, read_question(self.page, inputs).token)
        if pair == chosen:
            return self.show_choice(inputs)
        state.choice = state.choice and pair
        filled = self.filled(pair)
        return merge_updates(filled, self.show_choice({**inputs, **filled}))

    def choose(self, inputs: Inputs) -> Updates:
        """Keep the sides that the visitor has chosen."""
        self.state(inputs).choice = self.read(inputs)
        return self.show_choice(inputs)

    def show_choice(self, inputs: Inputs) -> Updates:
        """The chosen sides; answers to other questions are marked, those about another picture taken off the stages."""
        state, services = self.state(inputs), self.page.services
        state.asked = questions = self.read_questions(inputs)
        updates: Updates = {}
        for name, fields, question in zip(self.names_of(questions), self.sides.values(), questions, strict=True):
            needs_key = services.pipeline.backend(question.backend).needs_key and services.settings.api_key is None
            updates |= {fields.button: SideValue(name=name), fields.key: gr.update(visible=needs_key)}
        updates[self.notice] = same_sides(questions)
        if state.going:  # its words stay on the stages
            return updates
        answers = state.answers
        if answers and answers.subject.is_on(inputs[self.page.session]):
            return updates | self.show_stages(inputs, answers)
        return updates | self.reset(inputs)

    def reset(self, inputs: Inputs) -> Updates:
        """The mode before a comparison."""
        state = self.state(inputs)
        state.answers, questions = None, state.asked or self.read_questions(inputs)
        subject, names = Subject.of(inputs[self.page.session], questions), self.names_of(questions)
        words = VerdictValue(
            headline=f"{names[0]} and {names[1]}", details=describe(questions, names), layout=state.layout
        )
        return {
            self.verdict: words,
            **dict(zip(self.stages, views.waiting_stages(subject, state.layout), strict=True)),
            **dict.fromkeys(self.drawings, DrawingValue(group=views.GROUP)),
            self.found_by: FoundByValue(hint=NO_ANSWERS, names=list(names)),
            self.table: gr.update(headers=comparison_columns(names), value=[]),
            self.record: None,
            self.drawers: DrawerValue(),
        }

    async def stream_comparison(self, inputs: Inputs) -> AsyncGenerator[Updates]:
        """Ask both sides at the same time, and show what they come to."""
        state, services = self.state(inputs), self.page.services
        if state.asked is None:  # the mode is still opening
            filled = await self.usual_pair(inputs)
            inputs = {**inputs, **filled}
            yield merge_updates(filled, self.show_choice(inputs))
        state.choice, questions = self.read(inputs), self.read_questions(inputs)
        state.asked = questions
        subject, names = Subject.of(inputs[self.page.session], questions), self.names_of(questions)
        if subject is None:
            raise InputError("There is no picture yet.", "Open one from the strip.", field="image")
        sides: dict[str, Outcome] = {}
        words = dict.fromkeys(SIDES, "asking the model")
        yield self.show_busy(state, subject, words, names)
        requests, picture = dict[str, Request](), await subject.picture()
        for side, question in zip(SIDES, questions, strict=True):
            try:
                requests[side] = self.request(inputs, side, question, picture)
            except FlorenceUIError as error:
                sides[side] = error
                words.pop(side)
        if not requests and isinstance(refused := sides[LEFT], FlorenceUIError):
            raise refused
        state.going = True
        try:
            async with aclosing(ask_sides(services, requests)) as heard:
                async for side, said in heard:
                    if isinstance(said, str):
                        words[side] = said
                    else:
                        sides[side] = said.stored() if isinstance(said, Analysis) else said
                        words.pop(side)
                    if len(sides) < len(SIDES):
                        yield self.show_busy(state, subject, words, names)
        finally:
            state.going = False
        answered = questions_answered(questions, sides)
        state.answers = Answers(subject, {side: sides[side] for side in SIDES}, self.names_of(answered))
        services.visits.touch(inputs[self.page.session].visit)
        yield {**self.show_run(), **await self.show(inputs), self.notice: same_sides(questions)}

    def request(self, inputs: Inputs, side: str, question: Question, picture: Picture) -> Request:
        """The request to one side, with its own key, or the one of the header.

        Raises:
            InputError: If something is missing or cannot be used.
        """
        key = inputs[self.sides[side].key] or inputs[self.page.header.key]
        return self.page.services.template(question, key=key or "", nano_stands_in=True).about(picture)

    def show_busy(
        self, state: CompareState, subject: Subject, words: Mapping[str, str], names: tuple[str, str]
    ) -> Updates:
        """The mode during a comparison."""
        return {
            self.verdict: VerdictValue(headline=f"Asking {names[0]} and {names[1]}", layout=state.layout),
            **dict(zip(self.stages, views.busy_stages(subject, state.layout, words, names), strict=True)),
            self.found_by: FoundByValue(state="busy", names=list(names)),
        }

    async def lay_out_anew(self, inputs: Inputs, event: gr.EventData) -> Updates:
        """Show the answers in another layout."""
        name = getattr(event, "name", "")
        self.state(inputs).layout = Layout(name) if name in [*Layout] else Layout.ONE
        return await self.show(inputs)

    async def show(self, inputs: Inputs) -> Updates:
        """The answers in the chosen layout; without answers, the picture."""
        state = self.state(inputs)
        answers = state.answers
        if answers is None or not answers.subject.is_on(inputs[self.page.session]):
            return self.reset(inputs)
        cells = [[escape_cell(cell) for cell in row] for row in rows_of(answers)]
        return {
            self.verdict: views.verdict_value(answers, state.layout),
            **self.show_stages(inputs, answers),
            self.found_by: found_by_value(answers, colored=state.layout is Layout.ONE),
            self.table: gr.update(headers=comparison_columns(answers.names), value=cells),
            self.record: record_of(answers),
            self.drawers: DrawerValue(answered=answers.both is not None),
            **await self.show_drawings(inputs),
        }

    def show_stages(self, inputs: Inputs, answers: Answers) -> Updates:
        """The stages with the answers, marked if they are to other questions than the chosen ones."""
        layout, style = self.state(inputs).layout, answers.styled(self.page.style.read(inputs))
        stages = views.answered_stages(answers, layout, style)
        if self.state(inputs).asked != answers.subject.questions:
            stages = views.stale_stages(stages, answers, layout)
        return dict(zip(self.stages, stages, strict=True))

    async def look(self, inputs: Inputs, event: gr.EventData) -> Updates:
        """Draw anew for what a stage shows now."""
        self.state(inputs).views[0 if event.target is self.stages[0] else 1] = read_view(event)
        return await self.show_drawings(inputs)

    async def show_drawings(self, inputs: Inputs) -> Updates:
        """What supervision draws of the answers, for the stages as they are seen now."""
        state = self.state(inputs)
        if state.answers is None:
            return {}
        try:
            picture = await state.answers.subject.picture()
            drawn = await views.drawings(state, picture, state.answers.styled(self.page.style.read(inputs)))
        except FlorenceUIError as error:
            return {self.notice: error_notice(error)}
        return dict(zip(self.drawings, drawn, strict=True))

    async def write(self, kind: ComparisonFile, inputs: Inputs) -> tuple[Path, Sequence[str]]:
        """Write the comparison as a file of that kind; there is nothing to say about it."""
        state = self.state(inputs)
        return await write_comparison(kind, state.answers, state.layout, self.page.style.read(inputs)), ()

    def show_failure(self, inputs: Inputs, error: FlorenceUIError) -> Updates:
        """The mode after a comparison that failed."""
        return {**self.show_run(), **self.reset(inputs), self.notice: error_notice(error)}

    def show_stopped(self, inputs: Inputs) -> Updates:
        """The mode after Stop."""
        return {**self.show_run(), **self.reset(inputs), self.notice: text_notice("Stopped.")}

    def show_stop(self) -> Updates:
        """Show Stop instead of Compare."""
        return {self.run: gr.update(visible=False), self.stop: gr.update(visible=True), self.notice: NoticeValue()}

    def show_run(self) -> Updates:
        """Show Compare instead of Stop."""
        return {self.run: gr.update(visible=True), self.stop: gr.update(visible=False)}


def same_sides(questions: tuple[Question, Question]) -> NoticeValue:
    """A warning if there is nothing to compare: the two sides ask the same."""
    alike = questions[0] == questions[1]
    return text_notice(SAME_SIDES, CHOOSE_ANOTHER, "warning") if alike else NoticeValue()


def questions_answered(questions: tuple[Question, Question], sides: Mapping[str, Outcome]) -> tuple[Question, Question]:
    """The questions with the models that answered, where the choice was left to the pipeline."""
    left, right = (
        replace(question, model_id=side.model_id) if isinstance(side := sides[name], StoredAnalysis) else question
        for name, question in zip(SIDES, questions, strict=True)
    )
    return left, right
