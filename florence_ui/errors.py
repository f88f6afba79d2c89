"""The errors that reach a person: one sentence for what happened, one for what to do next.

FlorenceUIError
├── InputError                 what the person gave cannot be used
│   ├── ImageError             not a picture, broken, or beyond the limits
│   ├── LinkError              the link cannot be fetched
│   └── PromptError            the task lacks its input, or has one it cannot take
├── BackendError               the model's server did not give a usable answer
│   ├── KeyRefusedError        no key, a wrong key, or a key without the right
│   ├── CreditsError           out of credits, or the account is paused
│   ├── ModelNotFoundError     the server does not have that model
│   ├── BackendUnreachableError  nobody answers there
│   ├── BackendTimeoutError    no answer within the deadline
│   ├── BackendBusyError       the server has too much to do
│   └── AnswerError            an answer came, but not one of Florence-2's
├── StorageError               a file cannot be written: no room for it, or a full disk
├── BusyError                  this page has too much to do, or this visitor asked too often
└── SettingsError              an environment variable has a value that cannot be used

Messages never contain a key, a path of this machine or a traceback. `quote` cuts a server's words to `MAX_QUOTE`
characters and removes control characters.
"""

import unicodedata

MAX_QUOTE = 300
"""Maximum number of characters that an error quotes."""


class FlorenceUIError(Exception):
    """An error with words for a person.

    Args:
        message: What happened, one sentence.
        hint: What to do next, one sentence; may be empty.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class InputError(FlorenceUIError):
    """The person's input cannot be used; `field` names the input next to which to show the error."""

    def __init__(self, message: str, hint: str = "", *, field: str = "") -> None:
        super().__init__(message, hint)
        self.field = field


class ImageError(InputError):
    """Not a picture, broken, or beyond the limits."""

    def __init__(self, message: str, hint: str = "", *, field: str = "image") -> None:
        super().__init__(message, hint, field=field)


class LinkError(InputError):
    """The link cannot be fetched."""

    def __init__(self, message: str, hint: str = "", *, field: str = "image_url") -> None:
        super().__init__(message, hint, field=field)


class PromptError(InputError):
    """The task lacks its input, or has one that the model cannot take."""


class BackendError(FlorenceUIError):
    """The model's server did not give a usable answer; `status` is the HTTP status, if there was one."""

    def __init__(self, message: str, hint: str = "", *, status: int | None = None) -> None:
        super().__init__(message, hint)
        self.status = status


class KeyRefusedError(BackendError):
    """No key, a wrong key, or a key without the right."""


class CreditsError(BackendError):
    """Out of credits, or the account is paused."""


class ModelNotFoundError(BackendError):
    """The server does not have that model."""


class BackendUnreachableError(BackendError):
    """Nobody answers there."""


class BackendTimeoutError(BackendError):
    """No answer within the deadline."""


class BackendBusyError(BackendError):
    """The server has too much to do."""


class AnswerError(BackendError):
    """An answer came, but not one of Florence-2's."""


class StorageError(FlorenceUIError):
    """A file cannot be written: there is no room for it, or the disk is full."""


class BusyError(FlorenceUIError):
    """This page has too much to do, or this visitor asked too often; retry after `seconds`."""

    def __init__(self, message: str, hint: str = "", *, seconds: float = 0.0) -> None:
        super().__init__(message, hint)
        self.seconds = seconds


class SettingsError(FlorenceUIError):
    """An environment variable has a value that cannot be used; the value itself is never repeated."""

    def __init__(self, variable: str, expected: str) -> None:
        super().__init__(f"{variable} has a value that cannot be used.", f"It takes {expected}.")
        self.variable = variable


def quote(text: object) -> str:
    """Make somebody else's words safe to quote: one line, no control or direction characters, truncated."""
    visible = "".join(c if not unicodedata.category(c).startswith("C") else " " for c in str(text)[: MAX_QUOTE * 4])
    line = " ".join(visible.split())
    return line if len(line) <= MAX_QUOTE else line[: MAX_QUOTE - 1] + "…"
