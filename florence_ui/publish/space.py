"""A Space on the Hub, through `huggingface_hub`."""

from collections import deque
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path

from huggingface_hub import HfApi, SpaceStage
from huggingface_hub.errors import HfHubHTTPError

from florence_ui.errors import FlorenceUIError
from florence_ui.publish.folder import MODEL
from florence_ui.publish.hardware import PAID_PLAN, Hardware
from florence_ui.server.weights import PATTERNS

LOG_LINES = 40
"""Lines of a failed Space's log that are printed."""
POLL_SECONDS = 5.0
MAX_WAIT_SECONDS = 45 * 60.0
"""The Hub itself gives up a start after 30 minutes."""


class PublishError(FlorenceUIError):
    """The Space was not published, or does not run."""


def hosting_rule(account: Mapping[str, object], hardware: Hardware) -> str:
    """Say what an account needs to host on that hardware, and, as far as the Hub tells, whether this one has it.

    Args:
        account: The Hub's answer to `whoami`.
        hardware: The hardware.
    """
    plan = "PRO" if account.get("isPro") else "free"
    says = f"{account.get('name')} is a {plan} account. A Space on {hardware.name} needs {hardware.needs}."
    if plan == "free" and hardware.needs == PAID_PLAN:
        says += " A free account can host on zero-gpu instead."
    return says


def preload_line(hub: HfApi) -> str:
    """What a Space of base fetches while it is built: the files that the model needs, at today's commit.

    Raises:
        HfHubHTTPError: If the Hub does not answer.
    """
    info = hub.model_info(MODEL)
    names = sorted(file.rfilename for file in info.siblings or ())
    needed = [name for name in names if any(fnmatch(name, pattern) for pattern in PATTERNS)]
    return f"{MODEL} {','.join(needed)} {info.sha}"


def create_and_upload(
    hub: HfApi,
    repo_id: str,
    folder: Path,
    hardware: Hardware,
    *,
    private: bool,
    secrets: Mapping[str, str],
    variables: Mapping[str, str],
) -> None:
    """Create the Space, or update the one of that name; its start follows by itself.

    Secrets and variables come before the files, so that the first start already has them.

    Raises:
        PublishError: If the Hub refuses.
    """
    try:
        hub.create_repo(
            repo_id,
            repo_type="space",
            private=private,
            exist_ok=True,
            space_sdk="gradio",
            space_hardware=hardware.api_name,  # type: ignore[arg-type]  # the API takes names as well
        )
        for name, value in secrets.items():
            hub.add_space_secret(repo_id, name, value)
        for name, value in variables.items():
            hub.add_space_variable(repo_id, name, value)
        hub.upload_folder(
            repo_id=repo_id,
            repo_type="space",
            folder_path=folder,
            commit_message="Publish the Florence-2 playground",
            delete_patterns="*",
        )
        hub.request_space_hardware(repo_id, hardware.api_name)  # type: ignore[arg-type]  # likewise
    except HfHubHTTPError as error:
        raise PublishError(
            f"The Hub refused: {error.server_message or error}.",
            f"A Space on {hardware.name} needs {hardware.needs}. The token must be allowed to write.",
        ) from None


def wait_until_running(hub: HfApi, repo_id: str) -> str:
    """Wait until the Space runs.

    Returns:
        Its address.

    Raises:
        PublishError: If it does not run in the end; its hint is the end of the log.
    """
    try:
        stage = hub.wait_for_space(repo_id, timeout=MAX_WAIT_SECONDS, poll_interval=POLL_SECONDS).stage
    except TimeoutError as error:
        raise PublishError(str(error), f"See its log at {hub.endpoint}/spaces/{repo_id}.") from None
    if stage == SpaceStage.RUNNING:
        return f"{hub.endpoint}/spaces/{repo_id}"
    log = deque(hub.fetch_space_logs(repo_id, build=stage == SpaceStage.BUILD_ERROR), LOG_LINES)
    raise PublishError(f"The Space does not run: {stage}.", "The end of its log:\n" + "".join(log))
