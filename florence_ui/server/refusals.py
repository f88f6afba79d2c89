"""The one exception by which the server refuses, with the HTTP status that it becomes."""

from florence_ui.errors import FlorenceUIError


class RefusalError(FlorenceUIError):
    """A call that is not answered; `status` is the HTTP status, `retry_after` the seconds after which to come back."""

    def __init__(self, status: int, message: str, hint: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message, hint)
        self.status = status
        self.retry_after = retry_after
