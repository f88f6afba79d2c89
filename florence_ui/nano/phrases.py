"""How people mention objects: noun phrases, and sentences with several of them."""

import random
from collections.abc import Sequence

from florence_ui.nano.captions import join_words, with_article

ADJECTIVES = (
    "small", "little", "big", "large", "tall", "brown", "red", "blue", "green", "yellow", "white", "black", "grey",
    "orange", "pink", "purple", "dark", "bright", "old", "new", "young", "nice", "pretty", "happy", "round", "striped",
)  # fmt: skip
"""Adjectives that a phrase may have; they tell nothing, as a scene has one object of a kind."""

RELATIONS = (
    "next to", "beside", "near", "by", "and", "with", "behind", "in front of", "under", "above", "on top of",
    "to the left of", "to the right of", "between", "on", "over", "sits under", "stands near", "is next to",
)  # fmt: skip

FRAMES = (
    "There is {}.", "There are {}.", "A picture of {}", "a photo of {}", "The image shows {}.", "I see {}",
    "{} in the picture", "{} can be seen here.", "Where is {}?",
)  # fmt: skip


def noun_phrase(kind: str, rng: random.Random) -> str:
    """For example "a dog", "the dog", "dog", "a brown dog"."""
    noun = f"{rng.choice(ADJECTIVES)} {kind}" if rng.random() < 0.3 else kind
    return rng.choice((with_article, with_article, "the {}".format, str))(noun)


def sentence(phrases: Sequence[str], rng: random.Random) -> str:
    """The phrases, in their order, as a list or in a sentence."""
    text = rng.choice((_listed, _listed, _separated, _related, _framed))(phrases, rng)
    return text[0].upper() + text[1:] + "." * (text[-1] not in ".?") if rng.random() < 0.4 else text


def _listed(phrases: Sequence[str], rng: random.Random) -> str:
    return join_words(list(phrases))


def _separated(phrases: Sequence[str], rng: random.Random) -> str:
    return rng.choice((", ", ". ", "; ")).join(phrases)


def _related(phrases: Sequence[str], rng: random.Random) -> str:
    first, *others = phrases
    return first + "".join(f" {rng.choice(RELATIONS)} {phrase}" for phrase in others)


def _framed(phrases: Sequence[str], rng: random.Random) -> str:
    inner = rng.choice((_listed, _related))(phrases, rng)
    return rng.choice(FRAMES).format(inner)
