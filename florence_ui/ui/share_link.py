"""A question and its style as flat text, for the browser's memory and for links; never a key."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from florence_ui.errors import PromptError
from florence_ui.inference.request import Question, Strategy
from florence_ui.prompts import MAX_TEXT, Region, check_region, split_classes
from florence_ui.rendering.style import Style
from florence_ui.tasks import TASKS

MAX_CHARS = 2000
NUMBERS = ("thickness", "opacity", "text_size")
TEXTS = ("task", "text", "classes", "strategy", "region", "model", "backend", "draw", "labels", "palette")
NAMES = frozenset((*TEXTS, *NUMBERS, "example"))
"""The parts of a link that the page reads."""


def encode(question: Question, style: Style) -> dict[str, str]:
    """The differences from an empty question in the default style, as text."""
    usual = Style()
    parts = {
        "task": question.token,
        "text": question.text[:MAX_TEXT],
        "classes": ",".join(question.classes)[:MAX_CHARS],
        "strategy": question.strategy.value if question.strategy is not Strategy.TOGETHER else "",
        "region": ",".join(f"{v:.4f}" for v in question.region or ()),
        "model": question.model_id,
        "backend": question.backend,
        "draw": ",".join(style.annotators),
        "labels": "" if style.labels else "off",
        "palette": style.palette if style.palette != usual.palette else "",
        **{name: f"{getattr(style, name):g}" for name in NUMBERS if getattr(style, name) != getattr(usual, name)},
    }
    return {name: value for name, value in parts.items() if value}


def decode(kept: Any, usual: Question, backends: Collection[str]) -> tuple[Question, Style]:
    """Read a question and style; unusable values get their defaults.

    Args:
        kept: The output of `encode`, but untrusted: it comes from a browser or a link.
        usual: The default question.
        backends: Names that may be chosen.
    """
    kept = kept if isinstance(kept, Mapping) else {}

    def text(name: str) -> str:
        return str(kept.get(name) or "")[:MAX_CHARS].strip()

    numbers: dict[str, Any] = {name: number for name in NUMBERS if (number := _number(text(name))) is not None}
    style = Style(
        tuple(text("draw").split(",")),
        labels=text("labels") != "off",
        palette=text("palette") or Style.palette,
        **numbers,
    )
    model, backend = text("model") or usual.model_id, text("backend")
    backend = backend if backend in backends else usual.backend
    if text("task") not in TASKS:
        return replace(usual, model_id=model, backend=backend), style
    question = Question(
        text("task"),
        text("text")[:MAX_TEXT],
        tuple(split_classes(text("classes"))),
        _region(text("region")),
        model,
        backend,
        strategy=_strategy(text("strategy")),
    )
    return question, style


def _strategy(text: str) -> Strategy:
    return Strategy(text) if text in set(Strategy) else Strategy.TOGETHER


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _region(text: str) -> Region | None:
    try:
        return check_region([float(v) for v in text.split(",")]) if text else None
    except (PromptError, ValueError):
        return None
