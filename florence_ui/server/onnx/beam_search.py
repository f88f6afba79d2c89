"""Beam search in numpy."""

import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from florence_ui.server.onnx.beams import Beams

Step = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]]
"""A step of the decoder: (ids, order) -> logits, shapes (beams), (beams) and (beams, vocabulary).

`order` says of which beam each continues the keys and values.
"""


def beam_search(step: Step, beams: Beams, stop: threading.Event) -> list[int]:
    """Generate an answer, with the token before it; one that is cut off if `stop` is set meanwhile."""
    while not (beams.done or stop.is_set()):
        scores = _log_softmax(step(beams.ids, beams.order))
        _apply_rules(scores, beams)
        scores += beams.scores[:, None]
        vocabulary = scores.shape[1]
        best = _top(scores.ravel(), beams.num_candidates)
        beams.advance(scores.ravel()[best], (best // vocabulary).tolist(), (best % vocabulary).tolist())
    return beams.best()


def _log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    shifted: NDArray[np.float32] = logits - logits.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def _apply_rules(scores: NDArray[np.float32], beams: Beams) -> None:
    penalty = beams.config.repetition_penalty
    for row, ids in zip(scores, beams.penalized_ids(), strict=True):
        row[ids] = np.where(row[ids] < 0, row[ids] * penalty, row[ids] / penalty)
    if forced := beams.forced_ids():
        scores[:] = -np.inf
        scores[:, forced] = 0
    for row, ids in zip(scores, beams.forbidden_ids(), strict=True):
        row[ids] = -np.inf


def _top(scores: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Indices of the highest scores, the highest first."""
    best = np.argpartition(scores, -count)[-count:]
    return best[np.argsort(-scores[best], kind="stable")]
