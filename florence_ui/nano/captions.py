"""Captions of a scene at three lengths, and descriptions of objects."""

from florence_ui.nano.scenes import Scene, Thing
from florence_ui.wording import join_words

NUMBERS = ("no", "one", "two", "three", "four", "five", "six")


def with_article(noun: str) -> str:
    """The noun with "a" or "an"."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def size_word(thing: Thing, picture_size: tuple[int, int]) -> str:
    """How large an object looks: "small", "large", or empty in between."""
    part = max(
        (thing.box[2] - thing.box[0]) / picture_size[0],
        (thing.box[3] - thing.box[1]) / picture_size[1],
    )
    return "small" if part < 0.22 else "large" if part > 0.38 else ""


def place(thing: Thing, picture_size: tuple[int, int]) -> str:
    """The third of the picture that an object is in."""
    third = int((thing.box[0] + thing.box[2]) / 2 / picture_size[0] * 3)
    return ("on the left", "in the middle", "on the right")[third]


def description(thing: Thing, picture_size: tuple[int, int]) -> str:
    """For example "a small dog"."""
    return with_article(f"{size_word(thing, picture_size)} {thing.label}".strip())


def brief(scene: Scene) -> str:
    """For example "a dog, a tree and an umbrella"."""
    return join_words([with_article(thing.label) for thing in scene.things])


def detailed(scene: Scene) -> str:
    """Objects with their places, for example "The image shows a dog on the left and a tree in the middle."."""
    said = [f"{with_article(thing.label)} {place(thing, scene.image.size)}" for thing in scene.things]
    return f"The image shows {join_words(said)}."


def more_detailed(scene: Scene) -> str:
    """A count, every object with its size, and the words on signs."""
    said = join_words([description(thing, scene.image.size) for thing in scene.things])
    noun = "object" if len(scene.things) == 1 else "objects"
    text = f"The image shows {NUMBERS[len(scene.things)]} {noun}: {said}."
    if scene.signs:
        words = join_words([sign.word for sign in scene.signs])
        text += f" The sign says {words}." if len(scene.signs) == 1 else f" The signs say {words}."
    return text
