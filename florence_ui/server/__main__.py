"""Start the server from the command line."""

import argparse
import contextlib
import functools
import os
import signal
import sys
import threading
from pathlib import Path

import uvicorn

from florence_ui.models import DEFAULT_PORT, ENGINES, PRECISIONS
from florence_ui.network.connections import limit_connections
from florence_ui.server.app import create_app
from florence_ui.server.engine_choice import choose_engine, prepare_process
from florence_ui.server.generation_queue import MAX_WAITING
from florence_ui.server.logs import log, set_up_logging
from florence_ui.server.service import Service

GRACE = 2
"""Seconds that open calls get to finish when the server is told to stop."""


def main() -> None:
    """Run until SIGTERM, SIGINT, or the end of stdin if that option is set."""
    arguments = parse_arguments(sys.argv[1:])
    prepare_process(arguments.engine)
    set_up_logging()
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    if arguments.exit_with_parent:
        threading.Thread(target=exit_with_parent, daemon=True).start()
    choose = functools.partial(choose_engine, arguments.engine, arguments.precision)
    service = Service(dict(arguments.model), arguments.max_waiting, choose)
    log("start", host=arguments.host, port=arguments.port, models=list(service.registry.models))
    config = uvicorn.Config(
        create_app(service, arguments.host, arguments.allowed_host),
        host=arguments.host,
        port=arguments.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACE,
    )
    limit_connections(config)
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises SIGINT again after its end
        uvicorn.Server(config).run()


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m florence_ui.server", description="The local Florence-2 server.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=port_number, default=DEFAULT_PORT, help=f"default: {DEFAULT_PORT}")
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        type=alias_and_directory,
        metavar="ALIAS=DIRECTORY",
        help="a checkpoint in Hugging Face layout and the name to serve it under; may be repeated",
    )
    parser.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a further Host name to accept, besides localhost and --host; may be repeated",
    )
    parser.add_argument(
        "--max-waiting", type=int, default=MAX_WAITING, help=f"calls that may wait (default: {MAX_WAITING})"
    )
    parser.add_argument("--engine", choices=ENGINES, default="auto", help="what computes (default: the faster one)")
    parser.add_argument(
        "--precision", choices=PRECISIONS, default="exact", help="fast: an output layer of 8 bits in the light engine"
    )
    parser.add_argument("--exit-with-parent", action="store_true", help="end when stdin does")
    return parser.parse_args(arguments)


def port_number(text: str) -> int:
    """A port that a server can listen on."""
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**16):
        raise argparse.ArgumentTypeError("expected a number from 1 to 65535")
    return int(text)


def alias_and_directory(text: str) -> tuple[str, Path]:
    """Split `ALIAS=DIRECTORY` into its two parts."""
    alias, equals, directory = text.partition("=")
    if not (alias and equals and directory):
        raise argparse.ArgumentTypeError("expected ALIAS=DIRECTORY")
    return alias, Path(directory).expanduser()


def exit_with_parent() -> None:
    """End the server when the program that started it is gone, even if killed: the pipe between them closes."""
    sys.stdin.buffer.read()
    threading.Timer(GRACE + 2, os._exit, [0]).start()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
