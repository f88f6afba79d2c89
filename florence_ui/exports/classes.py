"""Classes of a dataset: the requested ones in that order, then others in the order in which they were found."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from florence_ui.prompts import task_of_prompt
from florence_ui.results.result import Result
from florence_ui.tasks import InputKind, OutputKind

NO_LABEL = "object"
"""Class of an instance without a label."""


def clean_class_name(label: str) -> str:
    """A label as XML, YAML and a line of text can hold it: one line without control characters."""
    kept = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in label)
    return " ".join(kept.split()) or NO_LABEL


def class_names(results: Sequence[Result]) -> list[str]:
    """The classes of these answers; a class's index is its id.

    Requested classes are included even if not found, so that two exports of one question agree.
    """
    seen = list(dict.fromkeys(clean_class_name(label) for result in results for label in result.labels))
    asked = (clean_class_name(name) for result in results for name in _asked_for(result.prompt, seen))
    return list(dict.fromkeys([*asked, *seen]))


def _asked_for(prompt: str, seen: Sequence[str]) -> Iterable[str]:
    """The names in a prompt, in its order; of a sentence, its items if it is a list, otherwise those found."""
    task = task_of_prompt(prompt)
    words = prompt.removeprefix(task.token)
    match task.input_kind, task.output_kind:
        case InputKind.CLASSES, _:
            return words.split("<and>")
        case InputKind.PHRASE, OutputKind.POLYGONS:
            return [words]
        case InputKind.PHRASE, _:
            listed = re.split(r",? and |, ", words.rstrip("."))
            if set(seen) <= set(map(clean_class_name, listed)):
                return listed
            places = {name: words.casefold().find(name.casefold()) for name in seen}
            return sorted((name for name in seen if places[name] >= 0), key=places.__getitem__)
    return []
