"""A checkpoint's three networks in ONNX Runtime, which together answer as transformers' `generate` does."""

from collections.abc import Sequence

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from florence_ui.memory import return_free_memory
from florence_ui.server.checkpoint.checkpoint import Checkpoint
from florence_ui.server.checkpoint.layouts import SHARED
from florence_ui.server.checkpoint.safetensors import to_float32
from florence_ui.server.engine import EngineInfo, Question
from florence_ui.server.onnx.beam_search import Beams, beam_search
from florence_ui.server.onnx.graph import Graph
from florence_ui.server.onnx.language_model import DECODER, ENCODER, Decoder, TextEncoder, cache_names
from florence_ui.server.onnx.vision_tower import VisionTower
from florence_ui.server.processing.generation_config import GenerationConfig

UNUSED_POSITIONS = 2
"""Rows at the start of BART's tables of positions."""
Features = NDArray[np.float32]
"""Of a picture, shape (tokens, width)."""


class OnnxNetwork:
    """A checkpoint in memory; not thread-safe.

    Args:
        checkpoint: Its files.
        generation: Its generation options.
        picture_size: Width and height of a processed picture in pixels.
        threads: Number of processors to use.
        info: What computes it.
        fast: Whether to round the weights of the decoder's output layer to 8 bits.
    """

    max_batch = 1

    def __init__(
        self,
        checkpoint: Checkpoint,
        generation: GenerationConfig,
        picture_size: tuple[int, int],
        threads: int,
        info: EngineInfo,
        *,
        fast: bool = False,
    ) -> None:
        config = checkpoint.config.text
        self.info = info
        self.max_positions = config.max_positions
        self._generation = generation
        width, height = picture_size
        self._vision_tower = create_session(VisionTower(checkpoint, height, width).graph, threads)
        checkpoint.release()  # the weights were copied in the form that suits the processor
        self._text_encoder = create_session(TextEncoder(checkpoint).graph, threads)
        checkpoint.release()
        self._decoder = create_session(Decoder(checkpoint, fast=fast).graph, threads)
        self._embeddings = checkpoint.raw(SHARED)
        tables = [checkpoint.read(f"{part}.embed_positions.weight") for part in (ENCODER, DECODER)]
        self._encoder_positions, self._decoder_positions = (table[UNUSED_POSITIONS:].copy() for table in tables)
        self._cache_names = cache_names(config)
        self._empty_cache = np.zeros((1, config.decoder_heads, 0, config.width // config.decoder_heads), np.float32)
        checkpoint.release()

    def see(self, pixel_values: Sequence[NDArray[np.float32]]) -> list[Features]:
        """The features of pictures of shape (3, height, width), each of shape (tokens, width)."""
        return [self._vision_tower.run(None, {"pixel_values": picture[np.newaxis]})[0] for picture in pixel_values]

    def answer(self, questions: Sequence[Question]) -> list[list[int]]:
        """The token ids that a beam search gives for each question."""
        answers = [
            beam_search(self.begin(question), Beams(self._generation, question.max_new_tokens), question.stop)
            for question in questions
        ]
        return_free_memory()
        return answers

    def begin(self, question: Question) -> "Step":
        """Encode a picture and a prompt, for the first token of the answer."""
        tokens = np.concatenate([question.features, self._embed(question.token_ids)])
        embeddings = _value(tokens + self._encoder_positions[: len(tokens)])
        encoded = self._text_encoder.run_with_ort_values(None, {"embeddings": embeddings})
        cross = {f"cross_{name}": value for name, value in zip(self._cache_names, encoded, strict=True)}
        return Step(self, cross | dict.fromkeys(self._cache_names, _value(self._empty_cache)))

    def _embed(self, ids: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float32]:
        """The embeddings of tokens, shape (tokens, width), from the file itself."""
        return to_float32(self._embeddings[ids])


class Step:
    """The decoder with the keys and values of an answer that grows by a token with every call.

    Args:
        network: The networks.
        inputs: The decoder's inputs before the first token.
    """

    def __init__(self, network: OnnxNetwork, inputs: dict[str, ort.OrtValue]) -> None:
        self._network = network
        self._inputs = inputs
        self._length = 0

    def __call__(self, ids: NDArray[np.int64], order: NDArray[np.int64]) -> NDArray[np.float32]:
        """The logits of the next token (beams, vocabulary) after the last ones (beams), which continue others."""
        network = self._network
        embeddings = network._embed(ids) + network._decoder_positions[self._length]
        origins = order if self._length else np.zeros_like(order)  # one row of the empty cache serves all beams
        self._inputs |= {"embeddings": _value(embeddings), "origins": _value(origins)}
        logits, *cache = network._decoder.run_with_ort_values(None, self._inputs)
        self._inputs.update(zip(network._cache_names, cache, strict=True))
        self._length += 1
        scores: NDArray[np.float32] = logits.numpy()
        return scores


def create_session(graph: Graph, threads: int) -> ort.InferenceSession:
    """Load a network, with its weights where the checkpoint's reader has them.

    ONNX Runtime's arena is off: it holds on to the most that a run ever needed, 0.6 GB of base's vision tower, and an
    answer takes as long without it.

    Args:
        graph: The network; its weights are no longer needed afterwards, unless a matrix could not be packed.
        threads: Number of processors to use.

    Raises:
        RuntimeError: If the layers do not fit together, or memory is short.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    arrays = [np.ascontiguousarray(values) for values in graph.weights.values()]
    options.add_external_initializers(list(graph.weights), [ort.OrtValue.ortvalue_from_numpy(a) for a in arrays])
    return ort.InferenceSession(graph.serialize(), options, providers=["CPUExecutionProvider"])


def _value(array: NDArray[np.generic]) -> ort.OrtValue:
    return ort.OrtValue.ortvalue_from_numpy(array)
