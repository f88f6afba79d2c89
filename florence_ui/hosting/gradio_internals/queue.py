"""Gradio's queue: waiting and running events, how it is woken, and what it keeps of finished calls."""

import asyncio
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from gradio.blocks import Blocks
from gradio.queueing import Event, Queue
from gradio.routes import App
from gradio.utils import run_coro_in_background, set_task_name


class WakingQueue(Queue):
    """Gradio's queue, woken by its events instead of polling.

    Gradio polls every millisecond for waiting events and every 10 ms for running ones, which permanently uses 7 % of a
    core.
    """

    @classmethod
    def install(cls, blocks: Blocks) -> None:
        """Convert the queue of these `gr.Blocks`; call it before they are launched."""
        queue = blocks._queue
        queue.__class__ = cls
        assert isinstance(queue, cls)
        queue._pushed, queue._running = asyncio.Event(), asyncio.Event()

    def start(self) -> None:
        """Start the queue; call it inside the event loop that it runs in."""
        self._loop = asyncio.get_running_loop()
        self._pushed, self._running = asyncio.Event(), asyncio.Event()  # for this loop
        super().start()

    def close(self) -> None:
        """Stop, from any thread."""
        super().close()
        with suppress(AttributeError, RuntimeError):  # never started, or its loop has ended already
            for event in (self._pushed, self._running):
                self._loop.call_soon_threadsafe(event.set)

    async def push(self, *args: Any, **options: Any) -> Any:
        """Enqueue an event."""
        try:
            return await super().push(*args, **options)
        finally:
            self._pushed.set()

    async def start_processing(self) -> None:
        """Start waiting events until the queue is closed."""
        try:
            while not self.stopped:
                if not len(self):
                    self._pushed.clear()
                    await self._pushed.wait()
                elif None not in self.active_jobs or not await self._start_next():
                    await asyncio.sleep(self.sleep_when_free)  # there is work, but no free slot
        finally:
            self.stopped = True
            self._cancel_asyncio_tasks()

    async def _start_next(self) -> bool:
        """Start the next events that may run; return whether there were any."""
        async with self.delete_lock:
            found = self.get_events()
        if found is None:
            return False
        events, is_batch, concurrency_id = found
        self.active_jobs[self.active_jobs.index(None)] = events
        self._running.set()
        begun, function = time.time(), events[0].fn
        event_queue = self.event_queue_per_concurrency_id[concurrency_id]
        event_queue.current_concurrency += 1
        event_queue.start_times_per_fn[function].add(begun)
        for event in events:
            if event._id in self.event_analytics:
                self.event_analytics[event._id]["status"] = "processing"
        task = run_coro_in_background(self.process_events, events, is_batch, begun, function)
        set_task_name(task, events[0].session_hash, function._id, events[0]._id, is_batch)
        self._asyncio_tasks.add(task)
        task.add_done_callback(self._asyncio_tasks.discard)
        if self.live_updates:
            self.broadcast_estimations(concurrency_id)
        return True

    async def start_progress_updates(self) -> None:
        """Pass on the progress of running events."""
        while not self.stopped:
            events: list[Event] = [event for job in self.active_jobs for event in job or ()]
            if not events:
                self._running.clear()
                await self._running.wait()
            for event in events:
                if event.progress_pending and event.progress:
                    event.progress_pending = False
                    self.send_message(event, event.progress)
            await asyncio.sleep(self.progress_update_sleep_when_free)


def raise_concurrency(app: App, max_events: int) -> None:
    """Give the queue a slot for each of `max_events`, so that no admitted event waits for another visitor's."""
    app.get_blocks()._queue.max_thread_count = max_events


def pending_events(app: App) -> Iterator[Event]:
    """Every event that waits or runs."""
    queue = app.get_blocks()._queue
    for waiting in queue.event_queue_per_concurrency_id.values():
        yield from waiting.queue
    for running in queue.active_jobs:
        yield from running or ()


def finished_sessions(app: App) -> list[str]:
    """Sessions whose calls are all finished, although Gradio may still keep unfetched answers."""
    queue = app.get_blocks()._queue
    return [
        session
        for session, events in queue.pending_event_ids_session.items()
        if not any(event in queue.event_ids_to_events for event in events)
    ]


def forget_answers(app: App, sessions: Iterable[str]) -> None:
    """Drop the unfetched answers of these sessions, and the iterators of all finished calls."""
    queue = app.get_blocks()._queue
    for session in sessions:
        queue.pending_event_ids_session.pop(session, None)
        queue.pending_messages_per_session.pop(session, None)
    app.iterators_to_reset.intersection_update(queue.event_ids_to_events)
