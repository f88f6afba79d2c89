"""Say in one screen what this machine has, what that means for the page, and what to do.

    python -m florence_ui.doctor

Exit status: 0 where Florence-2-base can answer, 1 where only the built-in tiny model can, 2 where the settings cannot
be used. No key is shown, no model is loaded, and nothing is sent but one request to the Hugging Face Hub.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import urlsplit

from florence_ui.backend_presets import PRESETS
from florence_ui.backends.port_probe import Listener, identify_listener
from florence_ui.errors import SettingsError
from florence_ui.fonts import scripts_without_font
from florence_ui.models import BASE, LARGE, REPOSITORIES
from florence_ui.network.proxies import operator_proxies
from florence_ui.settings import Settings
from florence_ui.wording import format_bytes

HUB_SECONDS = 5.0
TORCH_SECONDS = 60.0
"""How long importing PyTorch may take on a slow disk."""
MIN_DISK, MIN_MEMORY = 2 * 10**9, 4 * 10**9
"""Bytes: base takes 0.5 GB on disk and up to 2 GB of memory beside the page."""
KEY_MISSING = "API_KEY is not set, so every visitor has to enter a key"
SAMPLES = ("語", "한", "हिन्दी", "ไทย", "العربية")
"""A word in each of the scripts that packages of fonts are recommended for."""


class Verdict(StrEnum):
    """What a finding means."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        about: What it is, in a word or two.
        says: What was found.
        verdict: What it means.
        advice: What to do about it; may be empty.
    """

    about: str
    says: str
    verdict: Verdict = Verdict.OK
    advice: str = ""


@dataclass(frozen=True)
class Examination:
    """Everything that was found.

    Attributes:
        findings: One by one.
        has_base: Whether Florence-2-base can answer, here or elsewhere.
    """

    findings: tuple[Finding, ...]
    has_base: bool

    @property
    def summary(self) -> str:
        """What it means, in a sentence."""
        if self.has_base:
            return "Florence-2-base can answer."
        return "Only the built-in tiny model is available; it knows drawn scenes only."


def examine(settings: Settings) -> Examination:
    """Look at this machine; blocks for some seconds."""
    hub = _hub()
    weights = list(_weights(hub_answers=hub.verdict is Verdict.OK))
    keys = _keys(settings)
    port, listener = _port(settings)
    engine = _engine()
    has_weights = hub.verdict is Verdict.OK or any(f.about == BASE and f.verdict is Verdict.OK for f in weights)
    runs_here = engine.verdict is not Verdict.PROBLEM and has_weights and listener is not Listener.OTHER
    has_base = runs_here or listener is Listener.ROBOFLOW or keys.verdict is Verdict.OK
    system = Finding("system", f"Python {platform.python_version()}, {platform.system()} on {platform.machine()}")
    found = (system, engine, *_accelerator(settings), hub, *weights, keys, port, _memory(), _disk(), _fonts())
    return Examination(found, has_base)


def _engine() -> Finding:
    """The packages that run the model."""
    versions = {name: _version(name) for name in ("onnxruntime", "torch")}
    here = [f"{name} {number}" for name, number in versions.items() if number]
    if here:
        return Finding("engine", " and ".join(here))
    return Finding("engine", "nothing that runs a model", Verdict.PROBLEM, "pip install -r requirements.txt")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _accelerator(settings: Settings) -> Iterator[Finding]:
    """What PyTorch finds, asked in another process, where importing it costs this one nothing."""
    if settings.zero_gpu:
        yield Finding("accelerator", "a GPU of ZeroGPU, lent for the seconds of each run")
        return
    if not _version("torch"):
        return
    code = (
        "import torch; print(torch.cuda.get_device_name() if torch.cuda.is_available() "
        "else 'Apple GPU' if torch.backends.mps.is_available() else '')"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=TORCH_SECONDS, check=True
        )
    except (subprocess.SubprocessError, OSError):
        yield Finding(
            "accelerator", "PyTorch cannot be imported", Verdict.NOTE, "pip install -r requirements-torch.txt"
        )
        return
    yield Finding("accelerator", done.stdout.strip() or "none; the model runs on the CPU")


def _hub() -> Finding:
    """Whether the Hugging Face Hub answers, and through which proxy."""
    import httpx
    from huggingface_hub import constants

    address = urlsplit(constants.ENDPOINT)
    hub = f"{address.scheme}://{address.netloc.rpartition('@')[2]}"  # without a name and a password
    proxies = [f"{scheme.upper()}_PROXY" for scheme in (address.scheme, "all") if scheme in operator_proxies()]
    through = f", through {proxies[0]}" if proxies else ""
    if constants.is_offline_mode():
        return Finding("hub", "HF_HUB_OFFLINE is set, so nothing is downloaded", Verdict.NOTE)
    try:
        httpx.head(f"{constants.ENDPOINT}/api/models/{REPOSITORIES[BASE]}", timeout=HUB_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL, ImportError, ValueError) as error:  # the last two for a proxy's scheme
        says = f"{hub} does not answer{through}: {type(error).__name__}"
        advice = "Check the network, or set HTTPS_PROXY or HF_ENDPOINT."
        return Finding("hub", says, Verdict.NOTE, advice)
    return Finding("hub", f"{hub} answers{through}")


def _weights(*, hub_answers: bool) -> Iterator[Finding]:
    """What the Hub's cache has of both checkpoints."""
    from huggingface_hub import constants, scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        sizes = {repo.repo_id: repo.size_on_disk for repo in scan_cache_dir(constants.HF_HUB_CACHE).repos}
    except CacheNotFound:
        sizes = {}
    for alias, repository in REPOSITORIES.items():
        size = sizes.get(repository, 0)
        if size:
            yield Finding(alias, f"{format_bytes(size)} in {constants.HF_HUB_CACHE}")
        elif hub_answers:
            yield Finding(alias, "not downloaded yet; that happens by itself", Verdict.NOTE)
        else:
            advice = f"Copy {constants.HF_HUB_CACHE} from a machine that has it." if alias != LARGE else ""
            yield Finding(alias, "not downloaded, and the Hub does not answer", Verdict.NOTE, advice)


def _keys(settings: Settings) -> Finding:
    """Which keys are set, never what they are."""
    if settings.api_key:
        return Finding("Roboflow key", "set; it is not shown")
    if PRESETS[settings.default_backend].needs_key:
        return Finding("Roboflow key", KEY_MISSING, Verdict.PROBLEM, how_to_set(settings, "API_KEY"))
    return Finding("Roboflow key", "API_KEY is not set; only Roboflow's cloud needs it", Verdict.NOTE)


def how_to_set(settings: Settings, secret: str) -> str:
    """What the operator does about a secret that is missing."""
    if settings.space:
        return f"Add the secret {secret} at https://huggingface.co/spaces/{settings.space}/settings."
    return f"Set {secret} in the environment of the page, and start it again."


def _port(settings: Settings) -> tuple[Finding, Listener]:
    """Who answers at the local server's address."""
    url = settings.url("local")
    listener, name = identify_listener(url)
    match listener:
        case Listener.NOBODY if settings.zero_gpu:
            finding = Finding("local server", "not needed; the page runs the model itself")
        case Listener.NOBODY:
            finding = Finding("local server", f"nobody at {url} yet; the page starts its own")
        case Listener.OTHER:
            advice = "End that program, or set FLORENCE_UI_LOCAL_URL to another port."
            finding = Finding("local server", f"another program at {url}: {name}", Verdict.PROBLEM, advice)
        case _:
            finding = Finding("local server", f"{name} at {url}")
    return finding, listener


def _memory() -> Finding:
    """This machine's memory, and what a container leaves of it."""
    try:
        pages = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # macOS and Windows do not say
        return Finding("memory", "unknown", Verdict.NOTE)
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.is_file() and (text := limit.read_text().strip()).isdigit():
        total = min(total, int(text))
    says = f"{format_bytes(total)}, {format_bytes(min(pages, total))} of it free"
    if total < MIN_MEMORY:
        return Finding("memory", says, Verdict.NOTE, "Base needs 2 GB beside the page: close other programs.")
    return Finding("memory", says)


def _disk() -> Finding:
    """The space for models and temporary files."""
    from huggingface_hub import constants

    folders = [Path(constants.HF_HUB_CACHE), Path(tempfile.gettempdir())]
    free = {_existing(folder): shutil.disk_usage(_existing(folder)).free for folder in folders}
    says = ", ".join(f"{format_bytes(size)} free at {folder}" for folder, size in free.items())
    if min(free.values()) < MIN_DISK:
        return Finding("disk", says, Verdict.PROBLEM, "Free some space, or point HF_HOME or TMPDIR elsewhere.")
    return Finding("disk", says)


def _existing(folder: Path) -> Path:
    """The folder, or the first one above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def _fonts() -> Finding:
    """Scripts whose labels would be empty boxes."""
    missing = scripts_without_font(SAMPLES)
    if not missing:
        return Finding("fonts", "every common script has one")
    advice = "apt-get install -y fonts-noto-cjk fonts-noto-core" if sys.platform == "linux" else "Install Noto fonts."
    return Finding("fonts", f"none for {', '.join(missing)}", Verdict.NOTE, advice)


def format_examination(examination: Examination) -> str:
    """The findings as lines of text."""
    width = max(len(finding.about) for finding in examination.findings)
    marks = {Verdict.OK: "+", Verdict.NOTE: "-", Verdict.PROBLEM: "!"}
    lines = []
    for finding in examination.findings:
        lines.append(f"{marks[finding.verdict]} {finding.about:<{width}}  {finding.says}")
        if finding.advice:
            lines.append(f"  {'':<{width}}  {finding.advice}")
    return "\n".join([*lines, "", examination.summary])


def main() -> int:
    """Examine this machine and print what was found; returns the exit status."""
    try:
        settings = Settings.from_environ(os.environ)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    examination = examine(settings)
    print(format_examination(examination))
    return 0 if examination.has_base else 1


if __name__ == "__main__":
    sys.exit(main())
