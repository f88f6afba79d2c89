"""A network in PyTorch, which answers as transformers' own `generate` does."""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import DynamicCache, EncoderDecoderCache, StoppingCriteria

from florence_ui.server.engine import NUM_BEAMS, Question
from florence_ui.server.torch.runtime import Runtime


class StopWhenSet(StoppingCriteria):
    """A criterion that ends a generation at its next token, set from another thread."""

    def __init__(self, stop: threading.Event) -> None:
        self.stop = stop

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        return torch.full((len(input_ids),), self.stop.is_set(), device=input_ids.device)


class SharedEncoderCache(EncoderDecoderCache):
    """Keys and values of a beam search over one picture and one prompt.

    At every token transformers reorders them by the surviving beams. Those of the encoder are the same for all beams;
    copying them took 1.5 of 36 ms per token (base's size, two cores, bfloat16).
    """

    def reorder_cache(self, beam_idx: torch.LongTensor) -> None:
        """Reorder the part that depends on the beam."""
        self.self_attention_cache.reorder_cache(beam_idx)


class TorchNetwork:
    """A checkpoint in memory; not thread-safe.

    Args:
        model: A `Florence2ForConditionalGeneration` on its device.
        runtime: The device and precision that it is in.
    """

    max_batch = 1

    def __init__(self, model: Any, runtime: Runtime) -> None:
        self.model = model
        self.info, self.device, self.dtype = runtime.info, runtime.device, runtime.dtype
        self.max_positions: int = model.config.text_config.max_position_embeddings

    @torch.inference_mode()
    def see(self, pictures: Sequence[NDArray[np.float32]]) -> Sequence[torch.Tensor]:
        """The features of pictures' pixel values of shape (3, height, width), each of shape (tokens, width)."""
        pixels = torch.from_numpy(np.stack(pictures)).to(self.device, self.dtype)
        features: torch.Tensor = self.model.get_image_features(pixels).pooler_output
        return features.unbind()

    @torch.inference_mode()
    def answer(self, questions: Sequence[Question]) -> list[list[int]]:
        """The token ids that a beam search gives for each question."""
        return [self._generate(question) for question in questions]

    def _generate(self, question: Question) -> list[int]:
        decoder, language_model = self.model.config.text_config, self.model.model.language_model
        prompt = language_model.shared(torch.tensor(question.token_ids, device=self.device))
        encoded = language_model.encoder(inputs_embeds=torch.cat((question.features, prompt))[None])
        ids: torch.Tensor = self.model.generate(
            encoder_outputs=encoded,
            attention_mask=torch.ones(encoded[0].shape[:2], dtype=torch.long, device=self.device),
            max_new_tokens=question.max_new_tokens,
            num_beams=NUM_BEAMS,
            do_sample=False,
            stopping_criteria=[StopWhenSet(question.stop)],
            past_key_values=SharedEncoderCache(DynamicCache(config=decoder), DynamicCache(config=decoder)),
        )
        answer: list[int] = ids[0].tolist()
        return answer
