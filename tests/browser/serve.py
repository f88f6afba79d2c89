"""The app as `python app.py` serves it, except that links lead to the test's own server, and calls of agents become
jobs sooner if a test needs that.

Every check of a link stays: the names resolve to a public address, and only the allowed connection is redirected to the
loopback.
"""

import ipaddress
import os
import runpy
import sys

sys.path.insert(0, os.getcwd())  # as `python app.py` has it

from florence_ui.api import mcp
from florence_ui.images import fetch


async def resolve(host: str, port: int) -> list[str]:
    """The public address that every name has here; an address stays itself."""
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        return ["93.184.216.34"]


def dial(address: str, port: int) -> tuple[str, int]:
    """Where the test's own server listens."""
    return "127.0.0.1", int(os.environ["TEST_LINK_PORT"])


mcp.PATIENCE = float(os.environ.get("TEST_PATIENCE", mcp.PATIENCE))
fetch.fetch_image.__kwdefaults__["network"] = fetch.Network(resolve, dial)
runpy.run_path("app.py", run_name="__main__")
