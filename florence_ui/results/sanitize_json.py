"""An answer as JSON gave it -> one that every writer can write, within bounds."""

from collections import Counter
from typing import Any

from florence_ui.errors import AnswerError

RETRY_HINT = "Run it again; if it stays, choose another model or backend."

MAX_DEPTH = 16
MAX_VALUES = 500_000
MAX_CHARACTERS = 1_000_000


def sanitize_json(value: Any, depth: int = 0, budget: Counter | None = None) -> Any:
    """A copy made of plain JSON values that any writer can write: no NaN, no huge number, no half characters.

    Raises:
        AnswerError: If it is too deep, too large, or holds anything else.
    """
    budget = Counter() if budget is None else budget
    budget["values"] += 1
    if depth > MAX_DEPTH or budget["values"] > MAX_VALUES:
        raise AnswerError("The answer is larger or deeper than any answer of the model.", RETRY_HINT)
    match value:
        case None | bool():
            return value
        case str():
            budget["characters"] += len(value)
            if budget["characters"] > MAX_CHARACTERS:
                raise AnswerError("The answer is longer than any answer of the model.", RETRY_HINT)
            return _replace_lone_surrogates(value)
        case int() | float():
            if not -(2**53) <= value <= 2**53:  # false for NaN as well
                raise AnswerError("The answer holds a number that cannot be used.", RETRY_HINT)
            return value
        case list():
            return [sanitize_json(item, depth + 1, budget) for item in value]
        case dict() if all(isinstance(key, str) for key in value):
            return {
                sanitize_json(key, depth, budget): sanitize_json(item, depth + 1, budget) for key, item in value.items()
            }
    raise AnswerError("The answer is not one of the model's.", RETRY_HINT)


def _replace_lone_surrogates(text: str) -> str:
    """Text that UTF-8 can hold: a lone surrogate becomes the replacement character."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
