"""Threads for work that would hold up the event loop; none of them keeps the process alive.

Python waits at its end for the threads of its own executors, which a download or a generation could hold for minutes.

torch keeps a pool of helper threads for every thread that calls it, as long as that lives. Once there are more of them
than processors, OpenMP lets each sleep wherever it has to wait for another, many times in a layer, and an answer takes
a tenth longer. So all generations go through one thread, and a thread that loads a model ends with it.
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
            _settle(*self._tasks.get())


def run_in_thread(name: str, function: Callable[[], Any]) -> Future:
    """Runs a function in a daemon thread that ends with it; its result or exception comes by the future."""
    future: Future = Future()
    threading.Thread(target=_settle, args=(future, function), name=name, daemon=True).start()
    return future


def _settle(future: Future, function: Callable[[], Any]) -> None:
    """Runs the function for the future, unless that was cancelled."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(function())
    except BaseException as error:
        future.set_exception(error)
