"""How the page is, for whoever watches over it: a load balancer, a container's health check, its operator."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum
from functools import partial
from typing import Any

from starlette.responses import JSONResponse
from starlette.routing import Route

log = logging.getLogger(__name__)


class Availability(StrEnum):
    """Whether the backend that is chosen at first answers."""

    OK = "ok"
    STARTING = "starting"
    UNAVAILABLE = "unavailable"


Probe = Callable[[], Awaitable[tuple[Availability, str]]]
"""Asks the backend how it is; gives a sentence with it."""


class Health:
    """What `/healthz` and `/readiness` say: `{"page", "backend", "detail"}`.

    `/healthz` is 200 for as long as the page answers, whatever its backend does: a watcher who starts the page again
    because of a 503 would end every visit and a download half done, and mend nothing. `/readiness` is 503 until the
    backend answers, for those who decide where visitors are sent, or want to be told.

    Args:
        probe: Asks the backend.
        keep: Seconds for which its answer is repeated, however often somebody asks.
        patience: Seconds that it may take to answer.
    """

    def __init__(self, probe: Probe, *, keep: float = 5.0, patience: float = 5.0) -> None:
        self._probe = probe
        self._keep = keep
        self._patience = patience
        self._lock = asyncio.Lock()
        self._asked = -keep
        self._answer = Availability.UNAVAILABLE, ""

    @property
    def routes(self) -> list[Route]:
        """Both addresses."""
        return [
            Route("/healthz", partial(self._say, needs_backend=False), methods=["GET"]),
            Route("/readiness", partial(self._say, needs_backend=True), methods=["GET"]),
        ]

    async def _say(self, _: Any, *, needs_backend: bool) -> JSONResponse:
        works, words = await self.state()
        status = 503 if needs_backend and works is not Availability.OK else 200
        body = {"page": "ok", "backend": works.value, "detail": words}
        return JSONResponse(body, status, headers={"Cache-Control": "no-store"})

    async def state(self) -> tuple[Availability, str]:
        """The backend's state, at most `keep` seconds old."""
        async with self._lock:
            if time.monotonic() - self._asked >= self._keep:
                try:
                    async with asyncio.timeout(self._patience):
                        self._answer = await self._probe()
                except TimeoutError:
                    self._answer = Availability.UNAVAILABLE, "The backend does not answer."
                except Exception:
                    log.exception("The backend could not be asked how it is.")
                    self._answer = Availability.UNAVAILABLE, "The backend could not be asked."
                self._asked = time.monotonic()
            return self._answer
