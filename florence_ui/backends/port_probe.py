"""Who answers at the local server's address: nobody, our server, Roboflow Inference, or another program."""

import http.client
import json
from enum import StrEnum
from urllib.parse import urlsplit

from florence_ui.errors import quote

OUR_NAME = "Florence-2 local server"
ROBOFLOW_NAME = "Roboflow Inference Server"
LOOK_SECONDS = 5.0


class Listener(StrEnum):
    """Who answers at an address."""

    NOBODY = "nobody"
    OURS = "ours"
    ROBOFLOW = "roboflow"
    OTHER = "other"


def identify_listener(url: str, timeout: float = LOOK_SECONDS) -> tuple[Listener, str]:
    """Asks an address who is there; blocks.

    Returns:
        Who, and what it calls itself.
    """
    connection = connect(url, timeout)
    try:
        connection.request("GET", f"{urlsplit(url).path}/info")
        response = connection.getresponse()
        name = _name_in(response.read(2**16))
        if name in (OUR_NAME, ROBOFLOW_NAME):
            return (Listener.OURS if name == OUR_NAME else Listener.ROBOFLOW), name
        return Listener.OTHER, quote(name or response.getheader("Server", ""))[:60]
    except ConnectionRefusedError:
        return Listener.NOBODY, ""
    except http.client.BadStatusLine as error:
        return Listener.OTHER, quote(error.line).strip("'")[:60]
    except (OSError, http.client.HTTPException):
        return Listener.OTHER, ""
    finally:
        connection.close()


def connect(url: str, timeout: float = LOOK_SECONDS) -> http.client.HTTPConnection:
    """A connection to an address, not opened yet."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=timeout)


def _name_in(body: bytes) -> str:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    name = content.get("name") if isinstance(content, dict) else ""
    return name if isinstance(name, str) else ""
