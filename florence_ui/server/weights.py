"""A checkpoint's files on disk: where they are, whether they are complete, whether each is intact."""

import hashlib
import os
from pathlib import Path

from florence_ui.server.checkpoint_json import read_header, read_object
from florence_ui.server.errors import BrokenWeightsError

PATTERNS = ["*.json", "*.safetensors", "*.txt"]
"""The files needed from a repository: no README, no pickled weights."""

SMALL_WEIGHTS = 100 * 2**20
"""Bytes of weights below which nothing is gained by a card, half precision or a second processor.

Nano is done with a layer before a second thread has begun; on a busy machine, each waits for the other.
"""
INDEX = "model.safetensors.index.json"
TOKENIZERS = ("tokenizer.json", "vocab.json")
PROCESSORS = ("processor_config.json", "preprocessor_config.json")


def find_in_cache(repo_id: str) -> Path | None:
    """The repository's files in the Hub's cache on this disk, if they are complete; the network is not used."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import IncompleteSnapshotError, LocalEntryNotFoundError

    try:
        directory = Path(snapshot_download(repo_id, local_files_only=True, allow_patterns=PATTERNS))
    except (IncompleteSnapshotError, LocalEntryNotFoundError):
        return None
    return None if why_incomplete(directory) else directory


def why_incomplete(directory: Path) -> str:
    """Why a directory is not a complete checkpoint, in words; empty if it is one."""
    if not directory.is_dir():
        return "the directory does not exist"
    if not (directory / "config.json").is_file():
        return "config.json is missing"
    for names in (TOKENIZERS, PROCESSORS):
        if not any((directory / name).is_file() for name in names):
            return f"{names[0]} is missing"
    try:
        shards = weight_files(directory)
    except (OSError, BrokenWeightsError):
        return f"{INDEX} cannot be read"
    for shard in shards:
        if not shard.is_file() and (pickle := next(directory.glob("pytorch_model*.bin"), None)):
            return f"{pickle.name} is a pickle, which could run code here; convert it to {shard.name}"
        if not shard.is_file():
            return f"{shard.name} is missing"
        if not is_complete(shard):
            return f"{shard.name} is incomplete or damaged"
    return ""


def weight_files(directory: Path) -> list[Path]:
    """The files that hold the weights: one, or the shards that the index names.

    Raises:
        BrokenWeightsError: If the index names none, or something else than files beside it.
    """
    if not (directory / INDEX).is_file():
        return [directory / "model.safetensors"]
    shards = read_object(directory / INDEX).get("weight_map")
    names = set(map(str, shards.values())) if isinstance(shards, dict) else set()
    if not names or any(Path(name).name != name or not name.endswith(".safetensors") for name in names):
        raise BrokenWeightsError(f"{INDEX} cannot be read: it names no files of this checkpoint.")
    return [directory / name for name in sorted(names)]


def is_small(directory: Path) -> bool:
    """Whether a complete checkpoint is one that any processor answers at once."""
    return sum(file.stat().st_size for file in weight_files(directory)) < SMALL_WEIGHTS


def revision_of(directory: Path) -> str:
    """What identifies a checkpoint: the commit in the Hub's cache, elsewhere the SHA-256 of its weights; blocks."""
    if directory.parent.name == "snapshots":
        return directory.name
    digest = hashlib.sha256()
    for path in weight_files(directory):
        with path.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()


def is_complete(path: Path) -> bool:
    """Whether a safetensors file is as long as its header says."""
    try:
        with path.open("rb") as file:
            header = read_header(file, path.name)
            tensors = os.fstat(file.fileno()).st_size - file.tell()
        ends = [int(line["data_offsets"][1]) for name, line in header.items() if name != "__metadata__"]
        return tensors == max(ends)
    except (OSError, BrokenWeightsError, LookupError, ValueError, TypeError):
        return False


def corrupt_files(directory: Path) -> list[Path]:
    """The files of a snapshot in the Hub's cache whose content does not match their checksum.

    The cache names a file by its checksum (SHA-256 for large files, git's SHA-1 for small ones) and links to it. On a
    disk without links there are no such names, and nothing is found.
    """
    return [path for path in sorted(directory.iterdir()) if path.is_symlink() and not _matches_checksum(path)]


def remove_cached_file(path: Path) -> None:
    """Remove a link of the cache and the file behind it, however long the chain."""
    while path.is_symlink():
        target = path.parent / os.readlink(path)
        path.unlink()
        path = target
    path.unlink(missing_ok=True)


def _matches_checksum(path: Path) -> bool:
    name = Path(os.readlink(path)).name
    digest = {64: hashlib.sha256(), 40: hashlib.sha1(usedforsecurity=False)}.get(len(name))
    if digest is None:
        return True
    try:
        if len(name) == 40:
            digest.update(b"blob %d\0" % path.stat().st_size)
        with path.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    except OSError:
        return False
    return digest.hexdigest() == name
