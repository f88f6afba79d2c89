"""Answers about the gallery that a model gave earlier, to show at once what it can do.

One file holds the answers of one model about one picture; the raw responses go through the same parser as live ones:

    {"picture": "park.jpg", "sha256": "…", "model_id": "florence-2-nano", "revision": "…", "backend": "local",
     "server": "Florence-2 local server 0.1.0", "recorded": "2026-11-26",
     "answers": [{"prompt": "<OD>", "seconds": 0.31, "response": {"<OD>": {"bboxes": …, "labels": …}}}]}
"""

import asyncio
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, TypeAdapter

from florence_ui.assets import RECORDINGS
from florence_ui.backend_presets import PRESETS
from florence_ui.backends.infer import Answer
from florence_ui.images.loading import Picture
from florence_ui.inference.answers import read_answer
from florence_ui.inference.gallery import Example
from florence_ui.inference.request import Analysis, Question, RequestTemplate, Strategy
from florence_ui.models import BASE, LARGE, NANO

log = logging.getLogger(__name__)

BEST_FIRST = (LARGE, BASE, "", NANO)
"""Models in the order of their answers' worth; the empty name stands for all others."""


@dataclass(frozen=True)
class RecordedAnswer:
    """One recorded answer.

    Attributes:
        prompt: The prompt as it was sent.
        seconds: Seconds that the model took.
        response: The server's `response` as received.
    """

    prompt: str
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    response: dict[str, Any]


@dataclass(frozen=True)
class Recording:
    """The answers of one model about one picture.

    Attributes:
        picture: The name of the picture's file.
        sha256: SHA-256 of that file, as hex digits: about another picture of that name it says nothing.
        model_id: The model.
        revision: The commit of its repository, or the SHA-256 of its weights; empty if unknown.
        backend: The backend's name.
        server: Name and version of the server that answered.
        recorded: The day.
        answers: The answers by prompt.
    """

    picture: str
    sha256: str
    model_id: str
    revision: str
    backend: str
    server: str
    recorded: date
    answers: Mapping[str, RecordedAnswer]

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a file's text.

        Raises:
            ValueError, KeyError, TypeError, RecursionError: If it is not a recording.
        """
        content = json.loads(text)
        answers: list[RecordedAnswer] = TypeAdapter(list[RecordedAnswer]).validate_python(content["answers"])
        fields = content | {"answers": {answer.prompt: answer for answer in answers}}
        recording: Self = TypeAdapter(cls).validate_python(fields)
        if recording.backend not in PRESETS:
            raise ValueError(f"There is no backend {recording.backend}")
        return recording

    def to_json(self) -> str:
        """The file's text, with a line for each answer."""
        head = {**vars(self), "recorded": self.recorded.isoformat()}
        del head["answers"]
        fields = [f" {json.dumps(name)}: {json.dumps(value)}" for name, value in head.items()]
        answers = ",\n".join(f"  {json.dumps(vars(answer), ensure_ascii=False)}" for answer in self.answers.values())
        return "{\n" + ",\n".join([*fields, f' "answers": [\n{answers}\n ]']) + "\n}\n"

    def write(self, folder: Path) -> None:
        """Write it into a folder, under the names of its picture and model; blocks."""
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{Path(self.picture).stem}.{self.model_id.replace('/', '-')}.json"
        (folder / name).write_text(self.to_json(), "utf-8")

    @property
    def rank(self) -> int:
        """Its place among the recordings of a picture, the best first."""
        return BEST_FIRST.index(self.model_id if self.model_id in BEST_FIRST else "")


class Recordings:
    """All recordings at hand.

    Args:
        recordings: Those to begin with.
    """

    def __init__(self, recordings: Iterable[Recording] = ()) -> None:
        self._recordings: dict[tuple[str, str], Recording] = {}
        for recording in recordings:
            self.add(recording)

    @classmethod
    def load(cls, folder: Path = RECORDINGS) -> Self:
        """Read a folder; a file that cannot be read is left out, with a line in the log."""
        found = []
        for path in sorted(folder.glob("*.json")):
            try:
                found.append(Recording.from_json(path.read_text("utf-8")))
            except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
                log.warning("The recording %s cannot be read (%s).", path.name, type(error).__name__)
        return cls(found)

    def __len__(self) -> int:
        return len(self._recordings)

    def add(self, recording: Recording) -> None:
        """Add a recording; it takes the place of an earlier one of the same picture and model."""
        self._recordings[recording.picture, recording.model_id] = recording

    def has(self, example: Example, model_id: str) -> bool:
        """Whether that model has been recorded about that picture."""
        return example.path is not None and (example.path.name, model_id) in self._recordings

    def find(self, example: Example, question: Question) -> Recording | None:
        """The best recording that answers a question about an example; None if there is none.

        If the question names a model, only that one's answers count.
        """
        single_call = len(question.classes) < 2 or question.strategy is Strategy.TOGETHER
        if example.path is None or not single_call:
            return None
        fitting = [
            recording
            for (picture, model_id), recording in self._recordings.items()
            if picture == example.path.name
            and question.model_id in ("", model_id)
            and question.prompt in recording.answers
        ]
        return min(fitting, key=lambda recording: recording.rank, default=None)

    def best(self, examples: Sequence[Example]) -> int | None:
        """The position of the example whose own question has the best recorded answer, photographs first."""

        def worth(index: int) -> tuple[int, bool, int] | None:
            found = self.find(examples[index], examples[index].question())
            return (found.rank, examples[index].is_drawn, index) if found else None

        ranked = [known for index in range(len(examples)) if (known := worth(index)) is not None]
        return min(ranked)[-1] if ranked else None

    async def answer(self, example: Example, question: Question, picture: Picture) -> Analysis | None:
        """The recorded answer to a question about an example, parsed as a live one; None if there is none.

        Args:
            example: The example.
            question: The question.
            picture: The example's picture, opened.

        Raises:
            AnswerError: If the recorded response does not answer that question.
        """
        recording = self.find(example, question)
        if recording is None or recording.sha256 != picture.digest:
            return None
        known = recording.answers[question.prompt]
        request = RequestTemplate.of(question).about(picture)
        answer = Answer(known.response, None, known.seconds, recording.server)
        result = await asyncio.to_thread(read_answer, request, known.prompt, recording.model_id, answer)
        return Analysis(
            result,
            recording.model_id,
            recording.backend,
            recording.server,
            known.seconds,
            recorded=recording.recorded,
            picture=picture,
        )
