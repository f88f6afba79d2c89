"""How a checkpoint wants its answers generated: the options of its `generation_config.json`.

https://huggingface.co/docs/transformers/main_classes/text_generation#transformers.GenerationConfig
"""

from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, NonNegativeInt, PositiveFloat, ValidationError

from florence_ui.server.checkpoint_json import read_object
from florence_ui.server.engine import NUM_BEAMS
from florence_ui.server.errors import BrokenWeightsError

WITHOUT_EFFECT = {
    *("_from_model_config", "transformers_version", "max_length", "max_new_tokens", "num_return_sequences"),
    *("output_attentions", "output_hidden_states", "output_logits", "output_scores", "return_dict_in_generate"),
    *("use_cache", "cache_implementation", "cache_config", "max_cache_len", "compile_config", "disable_compile"),
    *("do_sample", "temperature", "top_k", "top_p", "top_h", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff"),
    *("penalty_alpha", "is_assistant", "num_assistant_tokens", "num_assistant_tokens_schedule"),
    *("assistant_confidence_threshold", "assistant_lookbehind", "target_lookbehind", "pad_token_id"),
}
"""Options that the server sets itself, or that change neither a beam search without sampling nor its best answer."""
NEUTRAL = {"encoder_repetition_penalty": 1, "guidance_scale": 1, "num_beam_groups": 1}
"""Values besides none, false and zero with which an option does nothing."""

Tokens = Annotated[
    tuple[NonNegativeInt, ...], BeforeValidator(lambda value: [value] if isinstance(value, int) else value)
]
"""One token id or several."""


class GenerationConfig(BaseModel):
    """The options of a beam search, by transformers' names.

    Attributes:
        num_beams: Answers that are pursued at a time.
        early_stopping: True ends once `num_beams` answers are finished; False also requires that a longer one is
            unlikely to be better, and "never" that it cannot be.
        length_penalty: An answer's score is its log-probability divided by this power of its length.
        repetition_penalty: Factor against tokens that occurred.
        no_repeat_ngram_size: Length of runs of tokens that may occur only once; 0 for none.
        min_length: Tokens, with the one before the answer, before which it may not end.
        min_new_tokens: The same without it; if given, the other does not count.
        forced_bos_token_id: The first token of every answer.
        forced_eos_token_id: The last token of an answer of maximum length.
        suppress_tokens: Tokens that may not occur.
        begin_suppress_tokens: Tokens that may not be the first; if that is forced, the second.
        bad_words_ids: Runs of tokens that may not occur.
        bos_token_id: The token before every answer, if there is no `decoder_start_token_id`.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    num_beams: int = NUM_BEAMS
    eos_token_id: Tokens = ()
    early_stopping: bool | Literal["never"] = False
    length_penalty: Annotated[float, Field(ge=-100, le=100)] = 1.0
    repetition_penalty: Annotated[PositiveFloat, Field(allow_inf_nan=False)] = 1.0
    no_repeat_ngram_size: NonNegativeInt = 0
    min_length: NonNegativeInt = 0
    min_new_tokens: NonNegativeInt | None = None
    forced_bos_token_id: NonNegativeInt | None = None
    forced_eos_token_id: Tokens = ()
    suppress_tokens: Tokens = ()
    begin_suppress_tokens: Tokens = ()
    bad_words_ids: tuple[Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)], ...] = ()
    bos_token_id: NonNegativeInt | None = None
    decoder_start_token_id: NonNegativeInt | None = None

    def check_ids(self, vocabulary: int) -> None:
        """Refuse ids of tokens that a checkpoint does not have.

        Args:
            vocabulary: Number of its tokens.

        Raises:
            BrokenWeightsError: If an option has such an id.
        """
        single = ("forced_bos_token_id", "bos_token_id", "decoder_start_token_id")
        several = ("eos_token_id", "forced_eos_token_id", "suppress_tokens", "begin_suppress_tokens")
        ids = {name: (getattr(self, name) or 0,) for name in single} | {name: getattr(self, name) for name in several}
        ids["bad_words_ids"] = tuple(chain.from_iterable(self.bad_words_ids))
        for name, values in ids.items():
            if max(values, default=0) >= vocabulary:
                raise BrokenWeightsError(
                    f"Its generation_config.json sets {name} to {max(values)}; it has only {vocabulary:,} tokens."
                )


def read_generation_config(directory: Path) -> GenerationConfig:
    """Read a checkpoint's options; without `generation_config.json`, those in its `config.json`, as older ones have.

    Raises:
        BrokenWeightsError: If an option is unknown, or its value is; ignored, it would change the answers.
    """
    path = directory / "generation_config.json"
    options = _read_options(path) if path.is_file() else _options_of_model(_read_options(directory / "config.json"))
    try:
        config = GenerationConfig(**options | {"num_beams": NUM_BEAMS})
    except ValidationError as error:
        raise _refusal(str(error.errors()[0]["loc"][0])) from None
    for name, value in (config.model_extra or {}).items():
        if value and name not in WITHOUT_EFFECT and NEUTRAL.get(name) != value:
            raise _refusal(name)
    for forced in ({config.forced_bos_token_id}, set(config.forced_eos_token_id)):
        if forced and forced <= set(config.suppress_tokens):
            raise _refusal("suppress_tokens")
    if config.decoder_start_token_id is None and config.bos_token_id is None:
        raise _refusal("no decoder_start_token_id")
    return config


def _read_options(path: Path) -> dict[str, Any]:
    """A file's values that are not null."""
    return {name: value for name, value in read_object(path).items() if value is not None}


def _options_of_model(model: dict[str, Any]) -> dict[str, Any]:
    """The options among a model's settings; those of the decoder apply where there are none of the whole."""
    settings = model.get("text_config", {}) | model
    return {name: settings[name] for name in GenerationConfig.model_fields if settings.get(name) is not None}


def _refusal(name: str) -> BrokenWeightsError:
    return BrokenWeightsError(f"Its generation_config.json sets {name}, which is not supported; remove it or mend it.")
