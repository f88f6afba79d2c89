"""What a comparison of two answers comes to, in one sentence: who finds more, and of what."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from florence_ui.results.compare import Comparison, Match, diff_texts, full_text, has_objects
from florence_ui.results.result import Result
from florence_ui.wording import count_noun

LISTED = 3
"""Kinds that a sentence lists; the others are counted."""
MAX_LABEL = 40
"""Characters of a label in a sentence."""
UNNAMED = "without a name"


@dataclass(frozen=True)
class Verdict:
    """A headline of a few words, and the details that follow it; they may be empty."""

    headline: str
    details: str = ""

    def __str__(self) -> str:
        return f"{self.headline}: {self.details}." if self.details else f"{self.headline}."


def conclude(left: Result, right: Result, comparison: Comparison, names: tuple[str, str]) -> Verdict:
    """Conclude a comparison.

    Args:
        left: One answer.
        right: The other one, about the same picture.
        comparison: What `compare` made of the two.
        names: What the sides are called, for example their models.
    """
    if left.task is not right.task:
        return _of_tasks(left, right, comparison, names)
    if not (has_objects(left) or has_objects(right)):
        return _of_texts(full_text(left), full_text(right), names)
    return _of_objects(left, right, comparison, names)


def _of_tasks(left: Result, right: Result, comparison: Comparison, names: tuple[str, str]) -> Verdict:
    """Who finds more, or the amounts side by side; the answers to different questions agree on places only."""
    counts, shared = (len(left.detections), len(right.detections)), len(comparison.both)
    if not (has_objects(left) and has_objects(right)):
        return Verdict("Different tasks", f"{_amount(left, names[0])}, {_amount(right, names[1])}")
    if counts[0] != counts[1]:
        more = count_noun(max(counts) - min(counts), "more object")
        details = f"{max(counts)} against {min(counts)}, {shared} in the same places"
        return Verdict(f"{names[counts.index(max(counts))]} finds {more}", details)
    found = f"Both find {count_noun(counts[0], 'object')}"
    if shared == counts[0]:
        return Verdict(f"{found} in the same {'place' if shared == 1 else 'places'}")
    if not shared:
        return Verdict(f"{found}, but in other places")
    return Verdict(found, f"{shared} of them in the same {'place' if shared == 1 else 'places'}")


def _amount(result: Result, name: str) -> str:
    if has_objects(result):
        return f"{name} finds {count_noun(len(result.detections), 'object')}"
    words = len(full_text(result).split())
    return f"{name} writes {count_noun(words, 'word')}" if words else f"{name} finds nothing"


def _of_texts(left: str, right: str, names: tuple[str, str]) -> Verdict:
    counts = len(left.split()), len(right.split())
    if not any(counts):
        return Verdict("Neither finds anything")
    if not all(counts):
        writer = counts.index(max(counts))
        return Verdict(f"Only {names[writer]} answers", count_noun(counts[writer], "word"))
    same = sum(len(text.split()) for text, mark in diff_texts(left, right)[0] if mark is None)
    if same == counts[0] == counts[1]:
        return Verdict("Same answer", f"both write the same {count_noun(same, 'word')}")
    if counts[0] == counts[1]:
        return Verdict(f"Both write {count_noun(counts[0], 'word')}", f"{same} of them the same")
    longer = counts.index(max(counts))
    more = count_noun(max(counts) - min(counts), "more word")
    return Verdict(f"{names[longer]} writes {more}", f"{max(counts)} against {min(counts)}, {same} of them the same")


def _of_objects(left: Result, right: Result, comparison: Comparison, names: tuple[str, str]) -> Verdict:
    totals = len(left.detections), len(right.detections)
    extras = _extras(left, right, comparison)
    if not all(totals):
        finder = totals.index(max(totals))
        return Verdict(f"Only {names[finder]} finds anything", _listing(extras[finder]))
    pairs = _pairs_of_names(left, right, comparison.renamed)
    if not any(extras):
        return Verdict("Only the names differ", pairs) if pairs else _agreement(comparison)
    others = len(comparison.renamed)
    renamed = f"{others} under {'another name' if others == 1 else 'other names'}, {pairs}" if pairs else ""
    if Counter(extras[0]) == Counter(extras[1]):
        return Verdict("Both find the same, but in other places", _joined(_listing(extras[0]), renamed))
    if not all(extras):
        details = _listing(extras[0] or extras[1])
    else:
        details = "; ".join(f"only {name}: {_listing(own)}" for name, own in zip(names, extras, strict=True))
    more = abs(totals[0] - totals[1])
    headline = (
        f"{names[totals.index(max(totals))]} finds {more} more" if more else f"Both find {totals[0]}, not the same"
    )
    return Verdict(headline, _joined(details, renamed))


def _extras(left: Result, right: Result, comparison: Comparison) -> tuple[list[str], list[str]]:
    """Labels of the objects for which the other answer has nothing, not even under another name."""
    renamed = {match.left for match in comparison.renamed}, {match.right for match in comparison.renamed}
    return (
        [left.labels[i] for i in comparison.left_only if i not in renamed[0]],
        [right.labels[j] for j in comparison.right_only if j not in renamed[1]],
    )


def _agreement(comparison: Comparison) -> Verdict:
    count = len(comparison.both)
    overlap = sum(match.iou for match in comparison.both) / count
    found = count_noun(count, "object")
    return Verdict("Same answer", f"both find the same {found}, and the places overlap by {100 * overlap:.0f} %")


def _pairs_of_names(left: Result, right: Result, renamed: Sequence[Match]) -> str:
    """What the two answers call the same objects; empty if there are none with two names."""
    pairs = [f"{_short(left.labels[m.left])} or {_short(right.labels[m.right])}" for m in renamed]
    return _enumerate(pairs[:LISTED], len(pairs[LISTED:]))


def _listing(labels: Sequence[str]) -> str:
    """Counted labels, the most frequent first: `4 hat, 3 person and 2 others`; without numbers if all occur once."""
    counts = Counter(_short(label) for label in labels).most_common()
    alone = all(count == 1 for _, count in counts) and len(counts) > 1
    listed = [label if alone else f"{count} {label}" for label, count in counts[:LISTED]]
    return _enumerate(listed, sum(count for _, count in counts[LISTED:]))


def _enumerate(parts: Sequence[str], others: int) -> str:
    return ", ".join(parts) + (f" and {count_noun(others, 'other')}" if others else "")


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _short(label: str) -> str:
    """A label for use in a sentence."""
    line = " ".join(label.split()) or UNNAMED
    return line if len(line) <= MAX_LABEL else line[: MAX_LABEL - 1] + "…"
