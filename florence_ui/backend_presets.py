"""The table of backends. To add one, add a row here and, if it needs one, an address in the settings."""

from dataclasses import dataclass

from florence_ui.models import DEFAULT_PORT

ZERO_GPU = "zero-gpu"


@dataclass(frozen=True)
class BackendPreset:
    """One row: a server that can run the model.

    Attributes:
        name: Its name in settings, links and API calls.
        title: Its name for people.
        url: Base address; empty if the operator has to set one.
        url_setting: The field of `Settings` with the operator's address; empty if the address is fixed.
        needs_key: Whether it requires an API key.
        unreachable_hint: What to do when it cannot be reached.
    """

    name: str
    title: str
    url: str
    url_setting: str
    needs_key: bool
    unreachable_hint: str


PRESETS = {
    preset.name: preset
    for preset in (
        BackendPreset(
            ZERO_GPU, "This Space's GPU", "zero-gpu://this-space", "", False,
            "Reload the page in a minute, or choose Roboflow.",
        ),
        BackendPreset(
            "serverless", "Roboflow serverless", "https://serverless.roboflow.com", "", True,
            "Check this machine's internet connection, or choose the local backend.",
        ),
        BackendPreset(
            "dedicated", "Dedicated deployment", "", "dedicated_url", True,
            "Check that the deployment is running and that its address is right.",
        ),
        BackendPreset(
            "local", "Local", f"http://localhost:{DEFAULT_PORT}", "local_url", False,
            "Wait until it has started, start it with python -m florence_ui.server, or choose another backend.",
        ),
    )
}  # fmt: skip
