"""Beam search over several questions at once, entirely on the device.

The same operations in the same order as in transformers' `generate`, so that not even a tie between two tokens is
decided otherwise; but nothing depends on a value that only the device knows, so that a turn can be a CUDA graph.
https://huggingface.co/docs/transformers/generation_strategies#beam-search
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import (
    ForcedBOSTokenLogitsProcessor,
    ForcedEOSTokenLogitsProcessor,
    LogitsProcessorList,
    NoRepeatNGramLogitsProcessor,
)

from florence_ui.server.processing.generation_config import GenerationConfig

HOPELESS = -1e9
"""The score of an answer that does not count."""


def can_follow(config: GenerationConfig) -> bool:
    """Whether the search below follows all of a checkpoint's options: those that Microsoft's have."""
    others = (config.min_length, config.min_new_tokens, config.suppress_tokens, config.begin_suppress_tokens)
    return (
        config.early_stopping != "never"
        and config.repetition_penalty == 1
        and not any((*others, config.bad_words_ids))
        and len(config.forced_eos_token_id) <= 1
    )


class BeamSearch:
    """The state of a search, in tensors that never move.

    Args:
        config: The checkpoint's options, which `can_follow` accepts.
        questions: The number of questions.
        max_length: Maximum length of an answer with the token before it.
        device: Where it takes place.

    Attributes:
        order: For each beam of each question the beam whose keys and values are now its own, of shape (beams in all,).
        done: Which questions are answered.
    """

    def __init__(self, config: GenerationConfig, questions: int, max_length: int, device: str) -> None:
        shape = (questions, config.num_beams)
        integers, flags = partial(torch.zeros, dtype=torch.long), partial(torch.zeros, dtype=torch.bool)
        self.config = config
        self.candidates = max(2, 1 + len(config.eos_token_id)) * config.num_beams
        self.order = integers(questions * config.num_beams, device=device)
        self.first_beams = torch.arange(questions, device=device)[:, None] * config.num_beams
        self.eos_token_ids = torch.tensor(config.eos_token_id, dtype=torch.long, device=device)
        self.sequences = integers(*shape, max_length, device=device)
        self.scores = torch.zeros(shape, device=device)
        self.finished = integers(*shape, max_length, device=device)
        self.finished_scores = torch.zeros(shape, device=device)
        self.finished_lengths = integers(shape, device=device)
        self.is_finished = flags(shape, device=device)
        self.improvable = flags(questions, 1, device=device)
        self.done = flags(questions, device=device)

    def start(self) -> None:
        """Begin anew."""
        start = self.config.decoder_start_token_id
        start = self.config.bos_token_id if start is None else start
        assert start is not None, "read_generation_config refuses a checkpoint without it"
        self.sequences.fill_(start)
        self.scores.fill_(HOPELESS)
        self.scores[:, 0] = 0  # at first all beams are the same, and only one of them counts
        self.finished_scores.fill_(HOPELESS)
        self.finished_lengths.zero_()
        self.is_finished.zero_()
        self.improvable.fill_(True)
        self.done.zero_()

    def last_ids(self, length: int) -> Tensor:
        """The last tokens of answers of that length, of shape (beams in all,)."""
        return self.sequences[:, :, length - 1].flatten()

    def answers(self) -> list[list[int]]:
        """The best finished answer to each question, with the token before it; empty if there is none."""
        best, lengths = self.finished[:, 0].tolist(), self.finished_lengths[:, 0].tolist()
        return [ids[:length] for ids, length in zip(best, lengths, strict=True)]

    def advance(self, logits: Tensor, length: int, *, is_last: bool) -> None:
        """Choose each beam's next token.

        Args:
            logits: Of shape (beams in all, vocabulary).
            length: That of the answers so far, with the token before them.
            is_last: Whether no answer may be longer than with this token.
        """
        questions, beams = self.scores.shape
        log_probs = F.log_softmax(logits.float(), dim=-1)
        log_probs = self._processors(length, is_last)(self.sequences.flatten(0, 1)[:, :length], log_probs)
        log_probs = log_probs.view(questions, beams, -1) + self.scores[:, :, None]
        scores, places = log_probs.flatten(1).topk(self.candidates)
        parents, ids = places // logits.shape[1], places % logits.shape[1]
        candidates = gather(self.sequences, parents)
        candidates[:, :, length] = ids
        ends = torch.full_like(ids, is_last, dtype=torch.bool) | torch.isin(ids, self.eos_token_ids)
        running = (scores + ends * HOPELESS).topk(beams).indices
        self._finish(candidates, scores, ends, length)
        self.scores.copy_(gather(scores + ends * HOPELESS, running))
        self.sequences.copy_(gather(candidates, running))
        self.order.copy_((gather(parents, running) + self.first_beams).flatten())
        self._check_done(ends, length)

    def _processors(self, length: int, is_last: bool) -> Any:
        """Transformers' own, for the next token of answers of that length."""
        processors, config = LogitsProcessorList(), self.config
        if config.no_repeat_ngram_size:
            processors.append(NoRepeatNGramLogitsProcessor(config.no_repeat_ngram_size))
        if config.forced_bos_token_id is not None and length == 1:
            processors.append(ForcedBOSTokenLogitsProcessor(config.forced_bos_token_id))
        if config.forced_eos_token_id and is_last:
            processors.append(ForcedEOSTokenLogitsProcessor(length + 1, config.forced_eos_token_id[0]))
        return processors

    def _finish(self, candidates: Tensor, scores: Tensor, ends: Tensor, length: int) -> None:
        """Keep the best finished answers; candidates beyond the number of beams are mere replacements."""
        beams = self.config.num_beams
        ended = ends.clone()
        ended[:, beams:] = False
        full = self.is_finished.all(1, keepdim=True) & (self.config.early_stopping is True)
        scores = scores / length**self.config.length_penalty
        for excluded in (full, ~self.improvable, ~ended):
            scores = scores + excluded * HOPELESS
        best = torch.cat((self.finished_scores, scores), 1).topk(beams).indices
        # of answers with equal scores, another turn might prefer another one
        best = torch.where(self.done[:, None], torch.arange(beams, device=best.device), best)
        lengths = torch.full_like(ends, length + 1, dtype=torch.long)
        for kept, new in (
            (self.finished_scores, scores),
            (self.finished, candidates),
            (self.finished_lengths, lengths),
            (self.is_finished, ended),
        ):
            kept.copy_(gather(torch.cat((kept, new), 1), best))

    def _check_done(self, ends: Tensor, length: int) -> None:
        """Note which questions are answered: no answer can get better, all are finished, or none can go on."""
        possible = self.scores[:, :1] / length**self.config.length_penalty
        worst = self.finished_scores.min(dim=1, keepdim=True).values
        worst = torch.where(self.is_finished, worst, HOPELESS)
        self.improvable &= (possible > worst).any(1, keepdim=True)
        full = self.is_finished.all(1) & (self.config.early_stopping is True)
        self.done |= ~self.improvable[:, 0] | full | ends.all(1)


def gather(values: Tensor, indices: Tensor) -> Tensor:
    """Take entries of the second dimension, for each entry of the first."""
    return torch.take_along_dim(values, indices.view(*indices.shape, *[1] * (values.dim() - 2)), dim=1)
