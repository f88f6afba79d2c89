"""What the library alone says about a picture: three beams, no sampling, the processor's own post-processing."""

from pathlib import Path

import torch
from PIL import Image
from transformers import AutoProcessor, Florence2ForConditionalGeneration


class PlainTransformers:
    """A checkpoint as the model's documentation uses it."""

    def __init__(self, directory: Path, dtype: torch.dtype = torch.float32) -> None:
        self.processor = AutoProcessor.from_pretrained(directory)
        self.model = Florence2ForConditionalGeneration.from_pretrained(directory, dtype=dtype).eval()

    @torch.inference_mode()
    def ids(self, picture: Image.Image, prompt: str, max_new_tokens: int) -> list[int]:
        """The answer's token ids, with those that start and end it."""
        inputs = self.processor(text=prompt, images=picture, return_tensors="pt").to(self.model.device)
        inputs["pixel_values"] = inputs["pixel_values"].to(self.model.dtype)
        ids = self.model.generate(**inputs, num_beams=3, do_sample=False, max_new_tokens=max_new_tokens)
        return ids[0].tolist()

    @torch.inference_mode()
    def scores(self, picture: Image.Image, prompt: str, ids: list[int]) -> list[float]:
        """The summed log-probability of an answer up to each of its tokens, without the rules of the beam search."""
        inputs = self.processor(text=prompt, images=picture, return_tensors="pt").to(self.model.device)
        logits = self.model(**inputs, decoder_input_ids=torch.tensor([ids[:-1]])).logits[0]
        chosen = logits.log_softmax(-1)[torch.arange(len(ids) - 1), torch.tensor(ids[1:])]
        return [0.0, *chosen.cumsum(0).tolist()]

    def answer(self, picture: Image.Image, prompt: str, max_new_tokens: int) -> dict:
        """The answer in pixels of the picture."""
        (text,) = self.processor.batch_decode([self.ids(picture, prompt, max_new_tokens)], skip_special_tokens=False)
        task = prompt.split(">")[0] + ">"
        return self.processor.post_process_generation(text, task=task, image_size=picture.size)
