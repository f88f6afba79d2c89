"""Errors are sentences for a person."""

import re

from florence_ui.errors import FlorenceUIError

START = re.compile(r"[A-Z](?![A-Z])|[0-9]|<[A-Z_]+> [a-z]")
"""A capital letter and no second one, a number, or a task's token."""


def reads_as_sentences(error: FlorenceUIError) -> bool:
    """Whether an error's message is a sentence, and its next step begins one (it may end with an example)."""
    return bool(START.match(error.message)) and error.message.endswith(".") and bool(START.match(error.hint))
