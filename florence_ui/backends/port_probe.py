"""Who answers at the local server's address: nobody, our server, Roboflow Inference, or another program.

By http.client, in the supervising thread: it is quick to import, and it reports the first words of a program that does
not speak HTTP, which identify it.
"""

import http.client
import json
from enum import StrEnum
from urllib.parse import urlsplit

from florence_ui.errors import quote
from florence_ui.models import SERVER_NAME

ROBOFLOW_NAME = "Roboflow Inference Server"
PROBE_SECONDS = 5.0


class Listener(StrEnum):
    """The kind of program that answers at an address."""

    NOBODY = "nobody"
    OURS = "ours"
    ROBOFLOW = "roboflow"
    OTHER = "other"


def identify_listener(url: str) -> tuple[Listener, str]:
    """Identify the program that answers at an address; blocks.

    Returns:
        Its kind, and what it calls itself.
    """
    parts = urlsplit(url)
    connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = connect(parts.hostname or "", parts.port, timeout=PROBE_SECONDS)
    try:
        connection.request("GET", f"{parts.path}/info")
        response = connection.getresponse()
        name = _name_in(response.read(2**16))
        if name in (SERVER_NAME, ROBOFLOW_NAME):
            return (Listener.OURS if name == SERVER_NAME else Listener.ROBOFLOW), name
        return Listener.OTHER, quote(name or response.getheader("Server", ""))[:60]
    except ConnectionRefusedError:
        return Listener.NOBODY, ""
    except http.client.BadStatusLine as error:
        return Listener.OTHER, quote(error).strip("'")[:60]
    except (OSError, http.client.HTTPException):
        return Listener.OTHER, ""
    finally:
        connection.close()


def _name_in(body: bytes) -> str:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    name = content.get("name") if isinstance(content, dict) else ""
    return name if isinstance(name, str) else ""
