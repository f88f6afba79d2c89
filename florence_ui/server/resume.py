"""Downloads of large files from the Hugging Face Hub that resume where they were interrupted.

`snapshot_download` writes to a file with a random name, which it removes or abandons when it is interrupted. So large
files are put into the cache beforehand, under the names that `snapshot_download` looks for: the Hub's library also
downloads these, by `http_get`, but into a file that the next attempt finds. HTTP ranges are used, because the Hub's
other protocol, Xet, cannot resume.
"""

import errno
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import Timeout
from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
from huggingface_hub.file_download import DryRunFileInfo, http_get, repo_folder_name
from huggingface_hub.utils import WeakFileLock, build_hf_headers
from tqdm.auto import tqdm

MIN_BYTES = 2**20
"""Minimum size of a file that is worth resuming."""
LOCK_SECONDS = 1.0
PARTIAL = re.compile(r"[0-9a-f]{40,64}\.incomplete")
"""Names of files that can be resumed; the library's own have a further part before the suffix."""


def blobs_folder(repo_id: str) -> Path:
    """The folder in the Hub's cache with the contents of a repository's files, named by checksum."""
    return Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repo_id, repo_type="model") / "blobs"


def fetch_file(
    repo_id: str,
    file: DryRunFileInfo,
    *,
    timeout: float,
    progress: "type[tqdm[Any]]",
    on_wait: Callable[[], object],
) -> None:
    """Put one file's content into the cache, unless it is already there.

    Args:
        repo_id: The repository.
        file: The file's entry in a dry run of `snapshot_download`.
        timeout: Seconds within which the Hub must say where the file is.
        progress: The counter of bytes; those present already are its `initial`.
        on_wait: Called repeatedly while another program downloads the same file.

    Raises:
        OSError, HfHubHTTPError: If it cannot be downloaded; received bytes are kept, unless the disk is full.
    """
    headers = build_hf_headers()
    url = hf_hub_url(repo_id, file.filename, revision=file.commit_hash)
    metadata = get_hf_file_metadata(url, timeout=timeout, headers=headers)
    blobs = blobs_folder(repo_id)
    blobs.mkdir(parents=True, exist_ok=True)
    blob = blobs / str(metadata.etag)
    lock = Path(constants.HF_HUB_CACHE) / ".locks" / blobs.parent.name / f"{metadata.etag}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    while not blob.exists():
        try:
            with WeakFileLock(lock, timeout=LOCK_SECONDS):
                if not blob.exists():
                    _resume(url, headers, blob, metadata.size, progress)
        except Timeout:
            on_wait()


def _resume(url: str, headers: dict[str, str], blob: Path, size: int | None, progress: "type[tqdm[Any]]") -> None:
    partial = blob.with_name(f"{blob.name}.incomplete")
    try:
        with partial.open("ab") as target:
            here = target.tell()
            if size is not None and here > size:
                target.truncate(0)
                here = 0
            http_get(url, target, resume_size=here, headers=headers, expected_size=size, tqdm_class=progress)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            partial.unlink(missing_ok=True)
        raise
    partial.replace(blob)
