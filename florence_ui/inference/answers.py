"""A server's answer -> its result, with warnings about its origin."""

from dataclasses import replace

from florence_ui.backends.infer import Answer
from florence_ui.backends.model_status import NANO_WARNING
from florence_ui.inference.request import Request
from florence_ui.models import NANO
from florence_ui.results.parsing import parse
from florence_ui.results.result import Result


def read_answer(request: Request, prompt: str, model_id: str, answer: Answer) -> Result:
    """Parse an answer and add warnings about its origin; blocks.

    Args:
        request: The question.
        prompt: The prompt as it was sent.
        model_id: The model that answered.
        answer: Its answer, live or recorded.

    Raises:
        AnswerError: If it does not answer that question.
    """
    sent_size, size = request.picture.display.size, request.picture.size
    result = parse(request.task, prompt, answer.response, sent_size=sent_size, size=size, region=request.region)
    warnings = list(result.warnings)
    if model_id == NANO and not request.example:
        warnings.insert(0, NANO_WARNING)
    if answer.image_size is not None and answer.image_size != sent_size:
        width, height = answer.image_size
        warnings.append(f"The server reports a picture of {width} x {height} pixels; locations may be wrong.")
    return replace(result, warnings=tuple(warnings))
