"""Download one repository from the Hugging Face Hub, as a separate program.

    python -m florence_ui.server.download REPO_ID

A separate program can be ended at once, even while the Hub's library hangs. It writes JSON lines to stdout,
`{"downloaded": n, "total": n, "resumed": n}` in bytes while it works, and at the end `{"directory": "..."}` or
`{"error": "..."}`. It ends when its stdin closes, that is, with the program that started it.

`snapshot_download` writes to a file with a random name, which it removes or abandons when it is interrupted. So large
files are put into the cache beforehand, under the names that `snapshot_download` looks for: the Hub's library also
downloads these, by `http_get`, but into a file that the next attempt finds. HTTP ranges are used, because the Hub's
other protocol, Xet, cannot resume.
"""

import errno
import json
import os
import re
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import Timeout
from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled
from huggingface_hub.file_download import DryRunFileInfo, http_get, repo_folder_name
from huggingface_hub.utils import WeakFileLock, build_hf_headers
from tqdm.auto import tqdm

from florence_ui.server.weights import PATTERNS, corrupt_files, remove_cached_file, why_incomplete

REPORT_EVERY = 0.2
CHUNK = 256 * 1024
"""Bytes between two reports; the library's own 10 MB look like a stall on a slow connection."""
ETAG_TIMEOUT = 10.0
"""Seconds within which the Hub must say where a file is."""
LOCK_SECONDS = 1.0
"""Seconds between two reports while another program downloads the same file."""
MIN_BYTES = 2**20
"""Minimum size of a file that is worth resuming."""
PARTIAL = re.compile(r"[0-9a-f]{40,64}\.incomplete")
"""Names of files that can be resumed; the library's own have a further part before the suffix."""
LEFT_BEHIND_AFTER = 600.0
"""Seconds without a byte after which a partial file is abandoned; another program may be downloading the same."""
RESUMABLE_FOR = 7 * 24 * 3600.0
"""Seconds for which a partial file waits to be resumed."""


class Progress(tqdm):  # type: ignore[type-arg]  # generic in its stubs only
    """A progress bar that reports received bytes on stdout; the Hub's library creates two of them for bytes."""

    total_bytes = 0
    finished_bytes = 0
    """Bytes of files that were complete before the current count."""
    counted_bytes = 0
    resumed_bytes = 0
    """Counted bytes that an earlier attempt left."""
    last_report = 0.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.in_bytes = kwargs.get("unit") == "B"
        self.count = int(kwargs.get("initial") or 0) if self.in_bytes else 0
        Progress.resumed_bytes += self.count
        super().__init__(*args, **{**kwargs, "file": sys.stderr, "disable": True})

    def update(self, n: float | None = 1) -> None:
        """Count a chunk; called by the Hub's library."""
        if not self.in_bytes or not n:
            return
        self.count += int(n)
        Progress.counted_bytes = max(Progress.counted_bytes, self.count)
        if time.monotonic() - Progress.last_report >= REPORT_EVERY:
            Progress.report()

    @classmethod
    def begin(cls, total: int) -> None:
        """Restart the count, toward that many bytes."""
        cls.total_bytes, cls.finished_bytes, cls.counted_bytes, cls.resumed_bytes = total, 0, 0, 0
        cls.report()

    @classmethod
    def finish(cls, size: int) -> None:
        """Note that a file of that size is complete."""
        cls.finished_bytes += size
        cls.counted_bytes = 0
        cls.report()

    @classmethod
    def report(cls) -> None:
        """Report the progress."""
        cls.last_report = time.monotonic()
        downloaded = min(cls.finished_bytes + cls.counted_bytes, cls.total_bytes)
        print_report(downloaded=downloaded, total=cls.total_bytes, resumed=cls.resumed_bytes)


def print_report(**fields: object) -> None:
    """Write one line for the program that started this one."""
    print(json.dumps(fields), flush=True)


def download(repo_id: str) -> Path:
    """Download missing files, verify all by checksum, and download corrupt ones once more."""
    remove_abandoned(repo_id)
    directory = fetch(repo_id)
    corrupt = corrupt_files(directory)
    if corrupt:
        for path in corrupt:
            remove_cached_file(path)
        directory = fetch(repo_id)
    if corrupt and corrupt_files(directory):
        raise RuntimeError("The downloaded files were corrupt, twice.")
    if missing := why_incomplete(directory):
        raise RuntimeError(f"The repository does not hold a complete checkpoint: {missing}.")
    return directory


def remove_abandoned(repo_id: str) -> None:
    """Remove what killed downloads left: early what cannot be resumed, later what can."""
    for path in blobs_folder(repo_id).glob("*.incomplete"):
        with suppress(OSError):
            kept = RESUMABLE_FOR if PARTIAL.fullmatch(path.name) else LEFT_BEHIND_AFTER
            if time.time() - path.stat().st_mtime > kept:
                path.unlink()


def fetch(repo_id: str) -> Path:
    """Download the files that the cache lacks: large ones by `fetch_file`, the rest by the Hub's own library."""
    listed = snapshot_download(repo_id, dry_run=True, allow_patterns=PATTERNS, etag_timeout=ETAG_TIMEOUT)
    plan = [(file, file.file_size or 0) for file in listed if file.will_download]
    Progress.begin(sum(size for _, size in plan))
    for file, size in plan:
        if size >= MIN_BYTES:
            fetch_file(repo_id, file)
            Progress.finish(size)
    directory = Path(
        snapshot_download(repo_id, tqdm_class=Progress, allow_patterns=PATTERNS, etag_timeout=ETAG_TIMEOUT)
    )
    Progress.finish(Progress.total_bytes)
    return directory


def fetch_file(repo_id: str, file: DryRunFileInfo) -> None:
    """Put one file's content into the cache, unless it is already there.

    Raises:
        OSError, HfHubHTTPError: If it cannot be downloaded; received bytes are kept, unless the disk is full.
    """
    headers = build_hf_headers()
    url = hf_hub_url(repo_id, file.filename, revision=file.commit_hash)
    metadata = get_hf_file_metadata(url, timeout=ETAG_TIMEOUT, headers=headers)
    blobs = blobs_folder(repo_id)
    blobs.mkdir(parents=True, exist_ok=True)
    blob = blobs / str(metadata.etag)
    lock = Path(constants.HF_HUB_CACHE) / ".locks" / blobs.parent.name / f"{metadata.etag}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    while not blob.exists():
        try:
            with WeakFileLock(lock, timeout=LOCK_SECONDS):
                if not blob.exists():
                    resume(url, headers, blob, metadata.size)
        except Timeout:
            Progress.report()


def resume(url: str, headers: dict[str, str], blob: Path, size: int | None) -> None:
    """Download the rest of a file beside its place, and then put it there."""
    partial = blob.with_name(f"{blob.name}.incomplete")
    try:
        with partial.open("ab") as target:
            here = target.tell()
            if size is not None and here > size:
                target.truncate(0)
                here = 0
            http_get(url, target, resume_size=here, headers=headers, expected_size=size, tqdm_class=Progress)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            partial.unlink(missing_ok=True)
        raise
    partial.replace(blob)


def blobs_folder(repo_id: str) -> Path:
    """The folder in the Hub's cache with the contents of a repository's files, named by checksum."""
    return Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repo_id, repo_type="model") / "blobs"


def explain(error: Exception) -> str:
    """An error in words for a person, without paths and addresses."""
    causes = []
    cause: BaseException | None = error
    while cause is not None:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    if any(isinstance(c, OfflineModeIsEnabled) for c in causes):
        return "HF_HUB_OFFLINE forbids downloading it."
    if any(isinstance(c, ImportError) and "socksio" in str(c) for c in causes):
        return "The proxy for the Hugging Face Hub is a SOCKS proxy, which needs the package socksio."
    if any(isinstance(c, OSError) and c.errno == errno.ENOSPC for c in causes):
        return "The disk is full."
    status = next((c.response.status_code for c in causes if isinstance(c, HfHubHTTPError)), None)
    if status in (401, 403, 404):
        return "The Hugging Face Hub does not offer this model."
    if status is not None:
        return f"The Hugging Face Hub answered with status {status}."
    if isinstance(error, RuntimeError):
        return str(error)
    if any(isinstance(c, LocalEntryNotFoundError) or "Connect" in type(c).__name__ for c in causes):
        return "The Hugging Face Hub cannot be reached."
    return f"The download failed ({type(error).__name__})."


def exit_with_parent() -> None:
    """End this program when the one that started it is gone."""
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=exit_with_parent, daemon=True).start()
    constants.DOWNLOAD_CHUNK_SIZE = CHUNK
    try:
        print_report(directory=str(download(sys.argv[1])))
    except Exception as error:
        print_report(error=explain(error))
    sys.stdout.flush()
    os._exit(0)  # without waiting for threads that still hang on the network
