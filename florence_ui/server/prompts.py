"""Which prompts the model can take, told before it is asked.

Roboflow's server answers a prompt that Florence-2's processor refuses with a bare 500; here it gets its reason. What
that server does answer (an unknown token, a task without its input, no words at all) is answered here too.
"""

from florence_ui.server.refusals import RefusalError
from florence_ui.tasks import CUSTOM, TASKS, InputKind

MAX_PROMPT = 20_000
"""Characters; far beyond what the model reads, but tokenizing is not free."""


def check_prompt(prompt: str | None) -> str:
    """The prompt, if the processor will take it.

    Raises:
        RefusalError: 400 with the reason.
    """
    if prompt is None:
        raise RefusalError(400, "The request has no prompt.", "Send one, for example <CAPTION>.")
    if len(prompt) > MAX_PROMPT:
        raise RefusalError(400, f"The prompt is too long: {len(prompt):,} characters.", "Keep it under a page.")
    if any("\ud800" <= character <= "\udfff" for character in prompt):
        raise RefusalError(400, "The prompt holds half a character.", "Send it as UTF-8.")
    if "<image>" in prompt:
        raise RefusalError(400, "The prompt may not contain <image>.", "The picture is added by itself.")
    used = [token for token in TASKS if token != CUSTOM and token in prompt]
    if not used:
        return prompt
    token = used[0]
    if len(used) > 1 or prompt.count(token) > 1:
        raise RefusalError(400, "The prompt holds more than one task token.", "Send one task a call.")
    if not prompt.startswith(token):
        raise RefusalError(400, f"{token} is not at the start of the prompt.", "Nothing may stand before it.")
    if TASKS[token].input_kind is InputKind.NONE and prompt != token:
        raise RefusalError(400, f"{token} takes nothing after it.", f"Send {token} alone, without spaces.")
    return prompt


def answer_key(prompt: str) -> str:
    """The one key of the answer's `response`: the prompt up to its first `>`."""
    return prompt.split(">")[0] + ">"


def task_name(prompt: str | None) -> str:
    """A task token for the log; never a person's own words."""
    key = answer_key(prompt or "")
    return key if key in TASKS else CUSTOM
