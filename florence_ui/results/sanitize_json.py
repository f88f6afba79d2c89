"""Parsed JSON from a server -> bounded JSON that every writer can encode."""

from collections import Counter
from typing import Any

from florence_ui.errors import AnswerError

RETRY_HINT = "Run it again. If it persists, choose another model or backend."

MAX_DEPTH = 16
MAX_VALUES = 500_000
MAX_CHARACTERS = 1_000_000


def sanitize_json(value: Any, depth: int = 0, budget: Counter[str] | None = None) -> Any:
    """Copy a value as JSON that any writer can encode: no NaN, no huge number, no lone surrogate.

    Args:
        value: What a JSON parser returned.
        depth: How deeply it is nested, for the recursion.
        budget: Values and characters so far, for the recursion.

    Raises:
        AnswerError: If it is too deep, too large, or contains anything that is not JSON.
    """
    budget = Counter() if budget is None else budget
    budget["values"] += 1
    if depth > MAX_DEPTH or budget["values"] > MAX_VALUES:
        raise AnswerError("The answer is larger or more deeply nested than Florence-2's can be.", RETRY_HINT)
    match value:
        case None | bool():
            return value
        case str():
            budget["characters"] += len(value)
            if budget["characters"] > MAX_CHARACTERS:
                raise AnswerError("The answer is longer than Florence-2's can be.", RETRY_HINT)
            return _replace_lone_surrogates(value)
        case int() | float():
            if not -(2**53) <= value <= 2**53:  # false for NaN as well
                raise AnswerError("The answer contains a number that cannot be used.", RETRY_HINT)
            return value
        case list():
            return [sanitize_json(item, depth + 1, budget) for item in value]
        case dict() if all(isinstance(key, str) for key in value):
            return {
                sanitize_json(key, depth, budget): sanitize_json(item, depth + 1, budget) for key, item in value.items()
            }
    raise AnswerError("The answer contains values that are not JSON.", RETRY_HINT)


def _replace_lone_surrogates(text: str) -> str:
    """Replace lone surrogates, which UTF-8 cannot encode, by U+FFFD."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
