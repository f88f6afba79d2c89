"""The network itself: a checkpoint that answers a picture and a prompt exactly as plain transformers would."""

import threading
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from transformers import (
    AutoProcessor,
    DynamicCache,
    EncoderDecoderCache,
    Florence2ForConditionalGeneration,
    StoppingCriteria,
)
from transformers.modeling_outputs import BaseModelOutputWithPooling

from florence_ui.models import MAX_NEW_TOKENS
from florence_ui.server.engine_errors import BrokenWeightsError, GenerationStoppedError
from florence_ui.server.feature_cache import FeatureCache, content_key
from florence_ui.server.prompts import answer_key
from florence_ui.server.refusals import RefusalError
from florence_ui.server.runtime import Runtime

NUM_BEAMS = 3


class StopWhenSet(StoppingCriteria):
    """A criterion that stops a generation from another thread, at its next token."""

    def __init__(self, stop: threading.Event) -> None:
        self.stop = stop

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        if self.stop.is_set():
            raise GenerationStoppedError
        return torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)


class SharedEncoderCache(EncoderDecoderCache):
    """Keys and values of a beam search over one picture and one prompt.

    At every token transformers reorders them by the surviving beams. Those of the encoder are the same for all beams;
    copying them took 1.5 of 36 ms per token (base's size, two cores, bfloat16).
    """

    def reorder_cache(self, beam_idx: torch.LongTensor) -> None:
        """Reorder the part that depends on the beam."""
        self.self_attention_cache.reorder_cache(beam_idx)


class Florence2:
    """A checkpoint in memory; not thread-safe.

    Args:
        directory: A checkpoint in Hugging Face layout.
        runtime: The device and precision to run it in.

    Raises:
        BrokenWeightsError: If the files cannot be loaded, or weights are missing in them.
    """

    def __init__(self, directory: Path, runtime: Runtime) -> None:
        self.runtime = runtime
        self.features = FeatureCache()
        try:
            self.processor = AutoProcessor.from_pretrained(directory, local_files_only=True)  # type: ignore[no-untyped-call]  # transformers' own
            loaded: Any = Florence2ForConditionalGeneration.from_pretrained(
                directory, dtype=runtime.dtype, local_files_only=True, output_loading_info=True
            )  # a pair because of the last argument, which the types do not express
            model, loading = loaded
        except (MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # every library involved has its own for a broken file
            if "can't allocate memory" in str(error):
                raise MemoryError from error
            raise BrokenWeightsError(f"The files cannot be read ({type(error).__name__}).") from error
        if loading["missing_keys"] or loading["mismatched_keys"]:
            raise BrokenWeightsError("Weights are missing from the files.")
        self.model = model.to(runtime.device).eval()
        self.max_positions = self.model.config.text_config.max_position_embeddings

    @torch.inference_mode()
    def answer(
        self, image: Image.Image, prompt: str, *, max_new_tokens: int | None, stop: threading.Event
    ) -> dict[str, Any]:
        """Ask the model; the answer is in pixels of the image.

        Args:
            image: Upright RGB.
            prompt: A prompt that `check_prompt` accepts.
            max_new_tokens: Maximum length of the answer; `MAX_NEW_TOKENS` if None, never more than the model's limit.
            stop: Ends the generation when set.

        Returns:
            One key, the prompt up to its first `>`, and the processor's reading of the answer.

        Raises:
            RefusalError: 400 if the prompt is longer than the model can read.
            GenerationStoppedError: If `stop` was set.
        """
        if stop.is_set():
            raise GenerationStoppedError
        inputs = self.processor(text=prompt, images=image, return_tensors="pt")
        self._check_length(inputs["input_ids"])
        decoder = self.model.config.text_config
        ids = self.model.generate(
            input_ids=inputs["input_ids"].to(self.runtime.device),
            attention_mask=inputs["attention_mask"].to(self.runtime.device),
            mm_encoder_outputs={"image": self._image_features(inputs["pixel_values"])},
            max_new_tokens=min(max_new_tokens or MAX_NEW_TOKENS, self.max_positions),
            num_beams=NUM_BEAMS,
            do_sample=False,
            stopping_criteria=[StopWhenSet(stop)],
            past_key_values=SharedEncoderCache(DynamicCache(config=decoder), DynamicCache(config=decoder)),
        )
        text = self.processor.batch_decode(ids, skip_special_tokens=False)[0]
        answer: dict[str, Any] = self.processor.post_process_generation(
            text, task=answer_key(prompt), image_size=image.size
        )
        return answer

    def _image_features(self, pixel_values: torch.Tensor) -> BaseModelOutputWithPooling:
        """The picture's features, from the cache or computed."""
        key = content_key(pixel_values)
        features = self.features.get(key)
        if features is None:
            pixels = pixel_values.to(self.runtime.device, self.runtime.dtype)
            features = self.model.get_image_features(pixels).pooler_output
            self.features.put(key, features)
        return BaseModelOutputWithPooling(pooler_output=features)

    def _check_length(self, input_ids: torch.Tensor) -> None:
        tokens = input_ids.shape[1]
        if tokens > self.max_positions:
            raise RefusalError(
                400,
                f"The prompt is too long: {tokens:,} tokens with the picture; the model reads {self.max_positions:,}.",
                "Shorten it.",
            )
