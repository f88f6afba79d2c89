"""Beam search in numpy.

It decides as transformers' `generate` does, one picture at a time and without sampling, and like there all scores are
float32. https://huggingface.co/docs/transformers/generation_strategies#beam-search
"""

import threading
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from florence_ui.server.processing.generation_config import GenerationConfig

HOPELESS = np.float32(-1e9)
"""The score of an answer that does not count."""

Step = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]]
"""A step of the decoder: (ids, order) -> logits, shapes (beams), (beams) and (beams, vocabulary).

`order` says of which beam each continues the keys and values.
"""


def beam_search(step: Step, beams: "Beams", stop: threading.Event) -> list[int]:
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


def _apply_rules(scores: NDArray[np.float32], beams: "Beams") -> None:
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


class Beams:
    """The answers to one question while they grow: which are pursued, and which are finished.

    Args:
        config: The checkpoint's options.
        max_new_tokens: Maximum length of the answer, at least 1.

    Attributes:
        num_candidates: Candidates of a turn: enough that `num_beams` remain if all others end.
        scores: The beams' log-probabilities, float32; at first all beams are the same and only one of them counts.
        order: For each beam the one of the turn before that it continues, whose keys and values are now its own.
        done: Whether the search is over.
    """

    def __init__(self, config: GenerationConfig, max_new_tokens: int) -> None:
        start = config.bos_token_id if config.decoder_start_token_id is None else config.decoder_start_token_id
        assert start is not None, "read_generation_config refuses a checkpoint without it"
        self.config = config
        self.num_candidates = max(2, 1 + len(config.eos_token_id)) * config.num_beams
        self.scores = np.full(config.num_beams, HOPELESS)
        self.scores[0] = 0
        self.order: NDArray[np.int64] = np.arange(config.num_beams)
        self.done = False
        self._max_length = max_new_tokens + 1
        self._sequences = [[start]] * config.num_beams
        self._finished: list[tuple[np.float32, list[int]]] = []

    @property
    def ids(self) -> NDArray[np.int64]:
        """The last token of each beam."""
        return np.array([sequence[-1] for sequence in self._sequences], np.int64)

    def penalized_ids(self) -> list[list[int]]:
        """For each beam the tokens whose log-probability is multiplied by `repetition_penalty`; empty without one."""
        if self.config.repetition_penalty == 1:
            return [[] for _ in self._sequences]
        return [sorted(set(sequence)) for sequence in self._sequences]

    def forced_ids(self) -> tuple[int, ...]:
        """The tokens whose log-probability is 0 in this turn while all others' is minus infinity; mostly empty."""
        if self._length == self._max_length - 1 and self.config.forced_eos_token_id:
            return self.config.forced_eos_token_id
        forced = self.config.forced_bos_token_id
        return (forced,) if self._length == 1 and forced is not None else ()

    def forbidden_ids(self) -> list[list[int]]:
        """For each beam the tokens whose log-probability is minus infinity in this turn."""
        config = self.config
        always = list(config.suppress_tokens)
        if self._length == (1 if config.forced_bos_token_id is None else 2):
            always += config.begin_suppress_tokens
        if self.forced_ids():
            return [always for _ in self._sequences]
        if self._length < (config.min_length if config.min_new_tokens is None else config.min_new_tokens + 1):
            always += config.eos_token_id
        return [always + self._repeating(sequence) + self._bad(sequence) for sequence in self._sequences]

    def advance(self, scores: NDArray[np.float32], beams: Sequence[int], ids: Sequence[int]) -> None:
        """Take one turn.

        Args:
            scores: Log-probabilities of the candidates with their beams', the best first.
            beams: For each candidate the beam that it continues.
            ids: Its token.
        """
        candidates = [[*self._sequences[beam], token] for beam, token in zip(beams, ids, strict=True)]
        full = len(candidates[0]) >= self._max_length
        ended = np.array([full or candidate[-1] in self.config.eos_token_id for candidate in candidates])
        self._finish(scores / self._normalizer(len(candidates[0]) - 1), candidates, ended)
        running = scores + np.where(ended, HOPELESS, np.float32(0))
        best = np.argsort(-running, kind="stable")[: self.config.num_beams]
        self._sequences = [candidates[candidate] for candidate in best]
        self.scores = running[best]
        self.order = np.array(beams)[best]
        self.done = bool(ended.all()) or self._is_decided()

    def best(self) -> list[int]:
        """The best finished answer with the token before it; only that token if none is finished."""
        return self._finished[0][1] if self._finished else self._sequences[0][:1]

    @property
    def _length(self) -> int:
        return len(self._sequences[0])

    def _normalizer(self, length: int) -> float:
        """The divisor of the scores of answers of that length."""
        return float(length**self.config.length_penalty)

    def _finish(self, scores: NDArray[np.float32], candidates: list[list[int]], ended: NDArray[np.bool_]) -> None:
        """Keep the best finished answers; candidates beyond the number of beams are mere replacements."""
        beams = self.config.num_beams
        new = [(scores[i], candidates[i]) for i in range(beams) if ended[i] and scores[i] > HOPELESS]
        self._finished = sorted(self._finished + new, key=lambda answer: -answer[0])[:beams]

    def _is_decided(self) -> bool:
        """Whether the best beam is not expected to surpass the finished answers."""
        full = len(self._finished) == self.config.num_beams
        if full and self.config.early_stopping is True:
            return True
        worst = self._finished[-1][0] if full else HOPELESS
        longest = self.config.early_stopping == "never" and self.config.length_penalty > 0
        length = (self._max_length if longest else self._length) - 1
        return not self.scores[0] / self._normalizer(length) > worst

    def _repeating(self, sequence: list[int]) -> list[int]:
        """Tokens with which the sequence's end would repeat an earlier run."""
        size = self.config.no_repeat_ngram_size
        if not 0 < size <= len(sequence):
            return []
        end = sequence[len(sequence) + 1 - size :]
        starts = range(len(sequence) + 1 - size)
        return [sequence[start + size - 1] for start in starts if sequence[start : start + size - 1] == end]

    def _bad(self, sequence: list[int]) -> list[int]:
        """Tokens with which the sequence's end would be a run that is not allowed."""
        return [
            last
            for *before, last in self.config.bad_words_ids
            if sequence[len(sequence) - len(before) :] == before and (before or last not in self.config.eos_token_id)
        ]
