"""Publish the page as a Hugging Face Space, wait until it runs, and print its address.

    python -m florence_ui.publish OWNER/NAME [--hardware zero-gpu] [--private] [--sign-in] [--no-embedding]
        [--secret NAME ...] [--variable NAME=VALUE ...] [--dry-run FOLDER]

The token is the one of `hf auth login`, or `HF_TOKEN`. Secrets are taken from the environment by name, so that they
stand in no command line. With --dry-run the folder is written and nothing is sent.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

from florence_ui.publish.folder import write_folder
from florence_ui.publish.hardware import HARDWARE
from florence_ui.publish.space import (
    PublishError,
    create_and_upload,
    hosting_rule,
    preload_line,
    wait_until_running,
)

SECRET_WORDS = ("AUTH", "KEY", "PASS", "SECRET", "TOKEN")
"""Parts of the names of settings that are no public variables."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = _read_options(arguments)
    hardware = HARDWARE[options.hardware]
    if options.dry_run:
        write_folder(options.dry_run, hardware, sign_in=options.sign_in, embedding=options.embedding)
        print(f"Wrote the Space to {options.dry_run}; nothing was sent.")
        return 0
    hub = HfApi()
    try:
        secrets = _from_environment(options.secret, os.environ)
        print(hosting_rule(hub.whoami(), hardware))
        with tempfile.TemporaryDirectory() as folder:
            write_folder(
                Path(folder), hardware, preload=preload_line(hub), sign_in=options.sign_in, embedding=options.embedding
            )
            print(f"Uploading to {options.repo_id}.", flush=True)
            create_and_upload(
                hub,
                options.repo_id,
                Path(folder),
                hardware,
                private=options.private,
                secrets=secrets,
                variables=dict(options.variable),
            )
        print("Uploaded. Waiting for the Space to build and start.", flush=True)
        print(wait_until_running(hub, options.repo_id))
    except PublishError as error:
        print(error, file=sys.stderr)
        return 1
    except LocalTokenNotFoundError:
        print("No token was found. Run `hf auth login`, or set HF_TOKEN.", file=sys.stderr)
        return 1
    except (HfHubHTTPError, OSError) as error:
        print(f"The Hugging Face Hub cannot be reached: {type(error).__name__}. Try again later.", file=sys.stderr)
        return 1
    return 0


def _read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m florence_ui.publish", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("repo_id", metavar="OWNER/NAME", type=_repo_id)
    parser.add_argument("--hardware", choices=HARDWARE, default="zero-gpu", help="default: %(default)s")
    parser.add_argument("--private", action="store_true", help="only you see the Space")
    parser.add_argument("--sign-in", action="store_true", help="visitors may sign in with Hugging Face")
    parser.add_argument(
        "--no-embedding", action="store_false", dest="embedding", help="other websites may not embed the Space"
    )
    parser.add_argument("--secret", action="append", default=[], metavar="NAME", help="send this environment variable")
    parser.add_argument("--variable", action="append", default=[], metavar="NAME=VALUE", type=_variable)
    parser.add_argument("--dry-run", type=Path, metavar="FOLDER", help="only write what would be uploaded")
    return parser.parse_args(arguments)


def _repo_id(text: str) -> str:
    owner, slash, name = text.partition("/")
    if not (owner and slash and name) or "/" in name:
        raise argparse.ArgumentTypeError("expected OWNER/NAME")
    return text


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError("expected NAME=VALUE")
    if any(word in name.upper() for word in SECRET_WORDS) or (urlsplit(value).scheme and urlsplit(value).password):
        raise argparse.ArgumentTypeError("variables are public; use --secret NAME for keys and passwords")
    return name, value


def _from_environment(names: Sequence[str], environ: Mapping[str, str]) -> dict[str, str]:
    """The secrets of those names.

    Raises:
        PublishError: If one is not set.
    """
    missing = [name for name in names if not environ.get(name)]
    if missing:
        raise PublishError(f"{' and '.join(missing)} must be set in the environment.", f"export {missing[0]}=...")
    return {name: environ[name] for name in names}


if __name__ == "__main__":
    sys.exit(main())
