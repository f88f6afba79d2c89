"""The exception with which the server refuses a call."""

from florence_ui.errors import FlorenceUIError


class RefusalError(FlorenceUIError):
    """A refused call; `status` is the HTTP status, `retry_after` the seconds after which to try again."""

    def __init__(self, status: int, message: str, hint: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message, hint)
        self.status = status
        self.retry_after = retry_after
