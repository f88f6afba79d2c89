"""A thread that runs one function after another and never keeps the process alive.

torch keeps a pool of helper threads for every thread that calls it, so all generations go through the same one; and
Python waits at its end for the threads of its own executors, which a download or a generation could hold for minutes.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any


class Worker:
    """Runs functions in the order of their arrival, in one daemon thread."""

    def __init__(self, name: str) -> None:
        self._tasks: queue.SimpleQueue[tuple[Future, Callable[[], Any]]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def submit(self, function: Callable[[], Any]) -> Future:
        """Queues a function; its result or exception comes by the future."""
        future: Future = Future()
        self._tasks.put((future, function))
        return future

    def _run(self) -> None:
        while True:
            future, function = self._tasks.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(function())
            except BaseException as error:
                future.set_exception(error)
            del future, function
