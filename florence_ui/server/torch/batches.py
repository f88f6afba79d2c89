"""Answers to several questions at once, in memory that never moves, so that a turn can be one CUDA graph."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch

from florence_ui.server.engine import Question
from florence_ui.server.processing.generation_config import GenerationConfig
from florence_ui.server.torch.beam_search import BeamSearch
from florence_ui.server.torch.cuda_graphs import Recorded
from florence_ui.server.torch.text import decode, encode, project_encoded

ROOM = 64
"""Tokens of an answer for which there is memory at first; it doubles when an answer gets longer."""
MOST_RECORDED = 512
"""Turns of an answer that are recorded; later ones are rare, and their graphs would take memory all the same."""


class Batch:
    """A number of questions that are answered together.

    One question is computed by exactly the operations of transformers. Several are padded, and share what the decoder
    attends to among their beams; so their arithmetic is rounded otherwise.

    Args:
        model: A `Florence2ForConditionalGeneration` on its device.
        config: How its answers are generated.
        size: The number of questions.
        tokens: The length of pictures with their prompts, padding included.
        image_tokens: Those of a picture.
        pool: The memory of recorded functions.
    """

    def __init__(
        self, model: Any, config: GenerationConfig, size: int, tokens: int, image_tokens: int, pool: Any
    ) -> None:
        text, device = model.config.text_config, model.device.type
        heads, width = text.decoder_attention_heads, text.d_model // text.decoder_attention_heads
        beams = size * config.num_beams
        new = partial(torch.zeros, dtype=model.dtype, device=device)
        self.model, self.pool, self.size = model, pool, size
        self.max_room: int = text.max_position_embeddings
        self.features = new(size, image_tokens, text.d_model)
        self.ids = torch.zeros(size, tokens - image_tokens, dtype=torch.long, device=device)
        self.mask = None if size == 1 else new(size, 1, 1, tokens)
        rows = beams if size == 1 else size
        self.encoded = new(text.decoder_layers, 2, rows, heads, tokens, width)
        self.search = BeamSearch(config, size, self.max_room + 1, device)
        self._kept = {ROOM: new(text.decoder_layers, 2, beams, heads, ROOM, width)}
        self._encode = Recorded(self._encode_once, pool)
        self._turns: dict[int, Recorded[None]] = {}

    def answer(self, questions: Sequence[Question], max_new_tokens: int) -> list[list[int]]:
        """Answer at most `size` questions."""
        self._load(questions)
        self._encode()
        self.search.start()
        done = DoneFlags(self.search.done)
        for turn in range(max_new_tokens):
            self._turn(turn, is_last=turn == max_new_tokens - 1)
            if done.before(len(questions)) or all(question.stop.is_set() for question in questions):
                break
        return self.search.answers()[: len(questions)]

    def _load(self, questions: Sequence[Question]) -> None:
        """Copy the questions into the batch's memory; rows that nobody asks for keep what they have."""
        image_tokens, most = self.features.shape[1], self.ids.shape[1]
        padding = [most - len(question.token_ids) for question in questions]
        ids = [[*question.token_ids, *[0] * pad] for question, pad in zip(questions, padding, strict=True)]
        self.ids[: len(questions)] = torch.tensor(ids)
        torch.stack([question.features for question in questions], out=self.features[: len(questions)])
        if self.mask is not None:
            mask = torch.zeros(len(questions), image_tokens + most)
            for row, pad in enumerate(padding):
                mask[row, image_tokens + most - pad :] = -torch.inf
            self.mask[: len(questions), 0, 0] = mask

    def _encode_once(self) -> None:
        hidden = encode(self.model, self.features, self.ids, self.mask)
        rows = self.encoded.shape[2] // self.size
        self.encoded.copy_(project_encoded(self.model, hidden.repeat_interleave(rows, dim=0)))

    def _turn(self, turn: int, *, is_last: bool) -> None:
        """Generate the next token of every answer."""
        if turn in self._kept and turn < self.max_room:
            kept, room = self._kept[turn], min(2 * turn, self.max_room)
            if room not in self._kept:
                self._kept[room] = kept.new_zeros(*kept.shape[:4], room, kept.shape[5])
            self._kept[room][..., :turn, :] = kept
        once = partial(self._turn_once, turn, is_last=is_last)
        if is_last or turn >= MOST_RECORDED:
            once()
        else:
            self._turns.setdefault(turn, Recorded(once, self.pool))()

    def _turn_once(self, turn: int, *, is_last: bool) -> None:
        kept = self._kept[next(room for room in self._kept if room > turn)][..., : turn + 1, :]
        if turn:
            kept[..., :turn, :] = kept[..., :turn, :].index_select(2, self.search.order)
        logits = decode(self.model, self.search.last_ids(turn + 1), kept, self.encoded, self.mask)
        self.search.advance(logits, turn + 1, is_last=is_last)


class DoneFlags:
    """Which questions were answered one turn ago, so that the device always has another turn to do meanwhile.

    Args:
        done: The flags on the device.
    """

    def __init__(self, done: torch.Tensor) -> None:
        self.done = done
        self.noted = torch.zeros_like(done, device="cpu", pin_memory=done.is_cuda)
        self.event = torch.cuda.Event() if done.is_cuda else None  # type: ignore[no-untyped-call]  # torch's own

    def before(self, count: int) -> bool:
        """Whether the first questions were all answered before the current turn; note how they are after it."""
        if self.event:
            self.event.synchronize()
        answered = bool(self.noted[:count].all())
        self.noted.copy_(self.done, non_blocking=True)
        if self.event:
            self.event.record()
        return answered
