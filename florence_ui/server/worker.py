"""Threads for work that would block the event loop; none of them keeps the process alive.

On exit, Python waits for the threads of its own executors, which a download or a generation could block for minutes.

torch keeps a pool of helper threads for every thread that calls it, for as long as that thread lives. Once there are
more of them than processors, OpenMP makes each sleep whenever it waits for another, many times per layer, and an answer
takes a tenth longer. So all generations run in one thread, and a thread that loads a model ends afterwards.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class Worker:
    """A daemon thread that runs functions in order of arrival."""

    def __init__(self, name: str) -> None:
        self._tasks: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def submit(self, function: Callable[[], T]) -> Future[T]:
        """Queue a function; the future gets its result or exception."""
        future: Future[T] = Future()
        self._tasks.put((future, function))
        return future

    def _run(self) -> None:
        while True:
            _settle(*self._tasks.get())


def run_in_thread(name: str, function: Callable[[], T]) -> Future[T]:
    """Run a function in a daemon thread that ends with it; the future gets its result or exception."""
    future: Future[T] = Future()
    threading.Thread(target=_settle, args=(future, function), name=name, daemon=True).start()
    return future


def _settle(future: Future[T], function: Callable[[], T]) -> None:
    """Run the function for the future, unless the future was cancelled."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(function())
    except BaseException as error:
        future.set_exception(error)
