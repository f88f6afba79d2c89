"""Gets the first model ready on our local server before anybody asks for it."""

import contextlib
import http.client
import json
from urllib.parse import urlsplit

from florence_ui.backends.model_status import ServerState
from florence_ui.backends.port_probe import Listener, connect, identify_listener


def request_model(url: str, model_id: str) -> bool:
    """Asks our server to download and load a model, if it is ours that answers; blocks, but not for the download.

    A download that failed is asked for again; the server itself takes growing pauses between its attempts.

    Returns:
        Whether that is all that can be done: it is ready, or cannot be had although its files are here, or is none
        that the server knows.
    """
    if identify_listener(url)[0] is not Listener.OURS:
        return False
    with (
        contextlib.closing(connect(url)) as connection,
        contextlib.suppress(OSError, http.client.HTTPException, ValueError, AttributeError),
    ):
        body = json.dumps({"model_id": model_id})
        connection.request("POST", f"{urlsplit(url).path}/model/prepare", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        model = json.loads(response.read(2**16))
        state, on_disk = model.get("state"), model.get("on_disk")
        return (
            response.status == 404 or state == ServerState.READY or (state == ServerState.UNAVAILABLE and bool(on_disk))
        )
    return False
