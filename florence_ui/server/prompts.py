"""Refusal of prompts that the model cannot take, before it is asked.

Roboflow's server answers a prompt that Florence-2's processor refuses with a bare 500; this one explains why. Prompts
that the other server does answer (an unknown token, a task without its input, no words at all) are answered here too.
"""

from florence_ui.errors import PromptError
from florence_ui.prompts import find_task
from florence_ui.server.errors import RefusalError
from florence_ui.tasks import CUSTOM, TASKS

MAX_PROMPT = 20_000
"""Maximum characters; far more than the model reads, but tokenizing is not free."""


def check_prompt(prompt: str | None) -> str:
    """Check a prompt: return it if the processor accepts it.

    Raises:
        RefusalError: 400 with the reason.
    """
    if prompt is None:
        raise RefusalError(400, "The request has no prompt.", "Send one, for example <CAPTION>.")
    if len(prompt) > MAX_PROMPT:
        raise RefusalError(400, f"The prompt is too long: {len(prompt):,} characters.", f"Use up to {MAX_PROMPT:,}.")
    if any("\ud800" <= character <= "\udfff" for character in prompt):
        raise RefusalError(
            400, "The prompt contains an unpaired surrogate, which is not valid text.", "Send it as UTF-8."
        )
    try:
        find_task(prompt)
    except PromptError as error:
        raise RefusalError(400, error.message, error.hint) from None
    return prompt


def answer_key(prompt: str) -> str:
    """The one key of the answer's `response`: the prompt up to its first `>`."""
    return prompt.split(">")[0] + ">"


def task_name(prompt: str | None) -> str:
    """A task token for the log; never a person's own words."""
    key = answer_key(prompt or "")
    return key if key in TASKS else CUSTOM
