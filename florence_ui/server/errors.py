"""The server's errors; importing them loads no engine."""

from collections.abc import Iterator
from contextlib import contextmanager

from florence_ui.errors import FlorenceUIError


class RefusalError(FlorenceUIError):
    """A refused call; `status` is the HTTP status, `retry_after` the seconds after which to try again."""

    def __init__(self, status: int, message: str, hint: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message, hint)
        self.status = status
        self.retry_after = retry_after


class EngineUnavailableError(Exception):
    """No engine can run on this machine; with a sentence for a person."""


class ModelUnavailableError(Exception):
    """A model is not available, with the reason for a person."""


class BrokenWeightsError(ModelUnavailableError):
    """The files exist, but are not a complete Florence-2 checkpoint that an engine can run."""


class UnknownModelError(BrokenWeightsError):
    """The files hold something else than a Florence-2 of a known shape; with what it is, for a person."""


@contextmanager
def as_broken_weights() -> Iterator[None]:
    """Blame the files for what a runtime raises while it loads them: a dozen kinds, which share no other class.

    Raises:
        BrokenWeightsError: If the tensors do not fit together.
        MemoryError: If they do not fit into memory.
    """
    try:
        yield
    except (BrokenWeightsError, MemoryError):
        raise
    except Exception as error:
        if "allocate" in str(error):
            raise MemoryError from error
        raise BrokenWeightsError(f"Its tensors do not fit together ({type(error).__name__}).") from error
