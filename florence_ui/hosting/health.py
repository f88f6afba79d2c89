"""The page's health, for load balancers, container health checks and the operator."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

log = logging.getLogger(__name__)


class Availability(StrEnum):
    """The availability of the default backend."""

    OK = "ok"
    STARTING = "starting"
    UNAVAILABLE = "unavailable"


Probe = Callable[[], Awaitable[tuple[Availability, str]]]
"""A probe of the backend, which returns its availability and a sentence about it."""


class Health:
    """The routes `/healthz` and `/readiness`: `{"page", "backend", "detail"}`.

    `/healthz` is 200 as long as the page answers, regardless of its backend: restarting the page because of a 503 would
    end every visit and every download in progress, and repair nothing. `/readiness` is 503 until the backend answers,
    for routing and alerts.

    Args:
        probe: The probe of the backend.
        cache_seconds: How long its answer is reused.
        timeout: Seconds that the probe may take.
    """

    def __init__(self, probe: Probe, *, cache_seconds: float = 5.0, timeout: float = 5.0) -> None:
        self._probe = probe
        self._cache_seconds = cache_seconds
        self._timeout = timeout
        self._lock = asyncio.Lock()
        self._probed = -cache_seconds
        self._answer = Availability.UNAVAILABLE, ""

    @property
    def routes(self) -> list[Route]:
        """Both routes."""
        return [
            Route("/healthz", partial(self._respond, needs_backend=False), methods=["GET"]),
            Route("/readiness", partial(self._respond, needs_backend=True), methods=["GET"]),
        ]

    async def _respond(self, _: Request, *, needs_backend: bool) -> JSONResponse:
        availability, detail = await self.check()
        status = 503 if needs_backend and availability is not Availability.OK else 200
        body = {"page": "ok", "backend": availability.value, "detail": detail}
        return JSONResponse(body, status, headers={"Cache-Control": "no-store"})

    async def check(self) -> tuple[Availability, str]:
        """The backend's availability, at most `cache_seconds` old."""
        async with self._lock:
            if time.monotonic() - self._probed >= self._cache_seconds:
                try:
                    async with asyncio.timeout(self._timeout):
                        self._answer = await self._probe()
                except TimeoutError:
                    self._answer = Availability.UNAVAILABLE, "The backend does not answer."
                except Exception:
                    log.exception("The backend could not be probed.")
                    self._answer = Availability.UNAVAILABLE, "The backend could not be probed."
                self._probed = time.monotonic()
            return self._answer
