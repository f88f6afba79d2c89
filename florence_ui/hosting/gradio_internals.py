"""What this app changes inside Gradio; `tests/hosting/test_gradio_internals.py` fails where a new version breaks it."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from gradio import http_server
from gradio.queueing import Event, Queue
from gradio.utils import run_coro_in_background, set_task_name

from florence_ui.network.connections import limit_connections


class WakingQueue(Queue):
    """Gradio's queue, woken when there is something to do.

    Gradio looks every millisecond whether somebody waits, and every hundredth of a second whether something runs,
    which costs 7 % of a core for as long as the app is up.
    """

    @classmethod
    def take_over(cls, blocks: Any) -> None:
        """Lets the queue of these `gr.Blocks` work this way; called before they are launched."""
        queue = blocks._queue
        queue.__class__ = cls
        queue._pushed, queue._running = asyncio.Event(), asyncio.Event()

    def start(self) -> None:
        """`Queue.start`; called inside the loop that the queue runs in."""
        self._loop = asyncio.get_running_loop()
        self._pushed, self._running = asyncio.Event(), asyncio.Event()  # for this loop
        super().start()

    def close(self) -> None:
        """`Queue.close`; called from any thread."""
        super().close()
        with suppress(AttributeError, RuntimeError):  # never started, or its loop has ended already
            for event in (self._pushed, self._running):
                self._loop.call_soon_threadsafe(event.set)

    async def push(self, *args: Any, **options: Any) -> Any:
        """`Queue.push`, which puts an event in line."""
        try:
            return await super().push(*args, **options)
        finally:
            self._pushed.set()

    async def start_processing(self) -> None:
        """`Queue.start_processing`: starts what waits, for as long as the app is up."""
        try:
            while not self.stopped:
                if not len(self):
                    self._pushed.clear()
                    await self._pushed.wait()
                elif None not in self.active_jobs or not await self._start_next():
                    await asyncio.sleep(self.sleep_when_free)  # there is work, but no place for it
        finally:
            self.stopped = True
            self._cancel_asyncio_tasks()

    async def _start_next(self) -> bool:
        """Starts the next events that may run; False if none may."""
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
        """`Queue.start_progress_updates`: passes on the progress of what runs."""
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


class LimitedServer(http_server.Server):
    """Gradio's own uvicorn server, with bounded connections."""

    def __init__(self, config: Any, *args: Any, **options: Any) -> None:
        limit_connections(config)
        super().__init__(config, *args, **options)


@contextmanager
def limited_server() -> Iterator[None]:
    """Lets a page that is launched inside this block be served by `LimitedServer`."""
    usual = http_server.Server
    http_server.Server = LimitedServer
    try:
        yield
    finally:
        http_server.Server = usual
