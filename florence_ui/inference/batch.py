"""One question about many pictures, several at a time, each with a state; it can stop, continue, and retry failures.

Only the names of a picture's files and its answer are kept: a decoded picture lives as long as its call.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from pathlib import Path

from florence_ui.concurrency.fair_pool import decode_pool, draw_pool
from florence_ui.concurrency.run_bounded import run_bounded
from florence_ui.errors import ImageError, InputError
from florence_ui.images.load_once import open_file
from florence_ui.images.loading import ImageLimits, Picture
from florence_ui.inference.drawing import write_preview, write_thumbnail
from florence_ui.inference.request import Analysis, Analyze, RequestTemplate, StoredAnalysis
from florence_ui.rendering.colors import color_keys
from florence_ui.rendering.style import Style
from florence_ui.results.result import Result

MAX_PICTURES = 200
DEFAULT_LIMITS = ImageLimits()
Turn = Callable[[], AbstractAsyncContextManager[Analyze]]
"""A wait for permission to open a picture; it yields the function that asks the model about it."""
THUMBNAILS_AT_ONCE = 4
READY_AHEAD = 4
"""Pictures that may be read or previewed while others are with the model, so that it never waits for them."""

OpenLink = Callable[[str], Awaitable[Picture]]
"""A function that opens the picture behind a link."""


class ItemState(StrEnum):
    """The state of one picture."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNREADABLE = "unreadable"
    """Not a picture that can be opened: it is never asked about."""


@dataclass(eq=False)
class Item:
    """One picture of many.

    Attributes:
        path: A file of ours with the picture; None for a link that has not been fetched yet.
        name: Its owner's name for it.
        state: Its state.
        analysis: Its answer, without the decoded picture; None until it is done.
        thumbnail: A file of ours with a small copy of the picture; None until there is one.
        preview: The same with the answer drawn on it; None until it is done.
        reason: Why it failed, or cannot be opened.
        link: Its link, if it was given as one.
    """

    path: Path | None
    name: str
    state: ItemState = ItemState.WAITING
    analysis: StoredAnalysis | None = None
    thumbnail: Path | None = None
    preview: Path | None = None
    reason: str = ""
    link: str = ""

    @property
    def result(self) -> Result | None:
        """The answer's result; None until it is done."""
        return self.analysis.result if self.analysis else None


@dataclass(eq=False)
class Batch:
    """Many pictures, one question, and their progress. Only one `run` may be active at a time.

    Attributes:
        items: The pictures in the order given.
        question: The question of the answers (prompt, model, backend); empty before the first one.
        color_order: What the answers give colors to, as it came; see `Style.color_order`.
    """

    items: list[Item]
    question: tuple[str, ...] = ()
    color_order: tuple[str, ...] = ()
    _began: float = field(default=0.0, init=False, repr=False)
    _ended: int = field(default=0, init=False, repr=False)
    _running: bool = field(default=False, init=False, repr=False)

    @classmethod
    def of(cls, paths: Sequence[Path], names: Sequence[str] = ()) -> "Batch":
        """Create a batch of the pictures in these files.

        Raises:
            InputError: If there are none, or more than `MAX_PICTURES`.
        """
        if not paths:
            raise InputError("There are no pictures.", "Choose some.", field="pictures")
        if len(paths) > MAX_PICTURES:
            raise InputError(
                f"Those are {len(paths)} pictures.", f"Choose {MAX_PICTURES} at a time at the most.", field="pictures"
            )
        names = names or [path.name for path in paths]
        return cls([Item(path, name) for path, name in zip(paths, names, strict=True)])

    def copied(self) -> "Batch":
        """A batch that goes on where this one is now; pictures in progress wait again."""
        return replace(self, items=[replace(each, state=_at_rest(each.state)) for each in self.items])

    def styled(self, style: Style) -> Style:
        """A style in which a class has one color in all pictures, however many answers are still to come."""
        return replace(style, color_order=self.color_order)

    def count(self, state: ItemState) -> int:
        """The number of pictures in that state."""
        return sum(item.state == state for item in self.items)

    @property
    def ended(self) -> int:
        """The number of pictures that are done or have failed."""
        return self.count(ItemState.DONE) + self.count(ItemState.FAILED)

    @property
    def done(self) -> list[Item]:
        """The pictures with an answer, in the order given."""
        return [item for item in self.items if item.state is ItemState.DONE]

    @property
    def count_asked(self) -> int:
        """The number of pictures that have an answer or may get one: all but those that cannot be opened."""
        return len(self.items) - self.count(ItemState.UNREADABLE)

    def seconds_left(self) -> float | None:
        """Seconds that the rest will take at the pace of the present run; None while that is unknown."""
        left = self.count_asked - self.ended
        if not left:
            return 0.0
        if not self._running or not self._ended:
            return None
        return left * (time.monotonic() - self._began) / self._ended

    def ask(self, question: tuple[str, ...]) -> None:
        """Set the question; all start over if the answers are about another one, or every picture has ended."""
        if self.ended and (question != self.question or self.ended == self.count_asked):
            self.items = [item if item.state is ItemState.UNREADABLE else _unasked(item) for item in self.items]
            self.color_order = ()
        self.question = question

    def retry_failed(self) -> int:
        """Requeue the failed pictures, and only them; return how many."""
        failed = [item for item in self.items if item.state is ItemState.FAILED]
        for item in failed:
            item.state, item.reason = ItemState.WAITING, ""
        return len(failed)

    async def make_thumbnails(self, limits: ImageLimits = DEFAULT_LIMITS) -> AsyncGenerator[Item]:
        """Make the missing thumbnails, and yield each picture that has got one, or turned out to be unreadable."""
        lacking = [
            (item, item.path)
            for item in self.items
            if item.thumbnail is None and item.path is not None and item.state is not ItemState.UNREADABLE
        ]
        jobs = [partial(decode_pool.run, write_thumbnail, path, limits) for _, path in lacking]
        async with contextlib.aclosing(run_bounded(jobs, THUMBNAILS_AT_ONCE)) as outcomes:
            async for index, thumbnail in outcomes:
                item, _ = lacking[index]
                if isinstance(thumbnail, Path):
                    item.thumbnail = thumbnail
                    yield item
                elif isinstance(thumbnail, ImageError) and item.state is ItemState.WAITING:
                    item.state, item.reason = ItemState.UNREADABLE, str(thumbnail)
                    yield item

    async def run(
        self,
        analyze: Analyze,
        template: RequestTemplate,
        *,
        max_concurrency: int = 8,
        limits: ImageLimits = DEFAULT_LIMITS,
        style: Style | None = None,
        turn: Turn | None = None,
        previews: bool = True,
        open_link: OpenLink | None = None,
    ) -> AsyncGenerator[Item]:
        """Ask about every picture that waits, and yield each as it ends.

        Args:
            analyze: Ask the model.
            template: The question.
            max_concurrency: Calls that the backend takes at a time.
            limits: Limits for every picture.
            style: How to draw the previews.
            previews: Whether to draw them.
            turn: What each picture waits for first; it yields a function to call in place of `analyze`.
            open_link: Open the picture behind a link; needed if an item has one.

        When the caller leaves the loop or is cancelled, pictures in progress are requeued; those that have ended stay
        so. Another `run` continues with the rest.
        """
        waiting = _group_by_file([item for item in self.items if item.state is ItemState.WAITING])
        calls = asyncio.Semaphore(max(1, max_concurrency))
        work = _Work(
            self, turn or (lambda: nullcontext(analyze)), template, calls, limits, style or Style(), previews, open_link
        )
        jobs = [partial(work.do, item) for item in waiting]
        self._began, self._ended, self._running = time.monotonic(), 0, True
        try:
            async with contextlib.aclosing(run_bounded(jobs, max(1, max_concurrency) + READY_AHEAD)) as outcomes:
                async for index, error in outcomes:
                    item = waiting[index]
                    if error is not None:
                        item.state, item.reason = ItemState.FAILED, str(error)
                    self._ended += 1
                    yield item
        finally:
            self._running = False
            for item in waiting:
                item.state = _at_rest(item.state)


def _unasked(item: Item) -> Item:
    """The same picture before any question."""
    return Item(item.path, item.name, link=item.link, thumbnail=item.thumbnail)


def _at_rest(state: ItemState) -> ItemState:
    """The state of a picture that nobody works on any more."""
    return ItemState.WAITING if state is ItemState.RUNNING else state


def _group_by_file(items: Sequence[Item]) -> list[Item]:
    """The items in order, except that those of one file follow each other, so that it is decoded only once."""
    first = {item.path: index for index, item in reversed(list(enumerate(items)))}
    return sorted(items, key=lambda item: first[item.path])


@dataclass(eq=False)
class _Work:
    """The processing of each picture of one `Batch.run`."""

    batch: Batch
    turn: Turn
    template: RequestTemplate
    calls: asyncio.Semaphore
    limits: ImageLimits
    style: Style
    previews: bool
    open_link: OpenLink | None
    last: Picture | None = None
    """The picture that was opened last, as the next item may be of the same file."""

    async def do(self, item: Item) -> None:
        """Wait for a turn, open a picture, ask about it, and keep the answer and a preview."""
        async with self.turn() as analyze:
            item.state = ItemState.RUNNING
            picture = self.last = await self._open(item)
            async with self.calls:
                analysis = await analyze(self.template.about(picture))
        self.batch.color_order = tuple(dict.fromkeys([*self.batch.color_order, *color_keys(analysis.result)]))
        if self.previews:
            style = self.batch.styled(self.style)
            item.preview = await draw_pool.run(write_preview, picture, analysis.result, style)
        item.analysis, item.state = analysis.stored(), ItemState.DONE

    async def _open(self, item: Item) -> Picture:
        """The picture; one behind a link is fetched and kept as a file of ours."""
        if item.path is not None:
            return await open_file(item.path, self.limits)
        if self.open_link is None:
            raise InputError("Links cannot be opened here.", "Upload the picture.", field="image_urls")
        picture = await self.open_link(item.link)
        item.path = picture.path
        return picture


async def reopen(item: Item, limits: ImageLimits = DEFAULT_LIMITS) -> Analysis:
    """A finished picture's answer with the picture, opened again; no call is made.

    Raises:
        ImageError: If the file is gone.
        InputError: If it has no answer.
    """
    if item.analysis is None or item.path is None:
        raise InputError("This picture has no answer yet.", "Wait for it, or try it again.", field="pictures")
    return item.analysis.with_picture(await open_file(item.path, limits))
