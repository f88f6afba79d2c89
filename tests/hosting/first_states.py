"""A program that calls pages in turn, and prints the seconds until each call's run began.

    python first_states.py ROUNDS PORT...

It is a process of its own, as a browser is: one that shared the pages' interpreter would wait for their work. Each
page's first function takes a text.
"""

import http.client
import json
import sys
import time


def seconds_to_start(page: http.client.HTTPConnection, session: str) -> float:
    """The seconds from posting a call until the page says that it runs."""
    call = json.dumps({"data": ["hello"], "fn_index": 0, "session_hash": session})
    begun = time.perf_counter()
    page.request("POST", "/gradio_api/queue/join", call, {"Content-Type": "application/json"})
    page.getresponse().read()
    page.request("GET", f"/gradio_api/queue/data?session_hash={session}")
    stream = page.getresponse()
    while b'"process_starts"' not in stream.readline():
        if stream.isclosed():
            raise EOFError("The run never began.")
    seconds = time.perf_counter() - begun
    stream.read()
    return seconds


def main(rounds: str, *ports: str) -> None:
    """Print a list of the seconds for each page, in JSON."""
    pages = [http.client.HTTPConnection("127.0.0.1", int(port), timeout=30) for port in ports]
    seconds: list[list[float]] = [[] for _ in pages]
    for number in range(int(rounds)):
        for page, own in zip(pages, seconds, strict=True):
            own.append(seconds_to_start(page, f"session-{number}"))
    print(json.dumps(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
