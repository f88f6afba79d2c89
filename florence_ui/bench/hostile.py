"""Hostile visitors: each keeps to the limits of a single request, and together they try to stop everyone else.

    python -m florence_ui.bench.hostile http://127.0.0.1:7860 --visitors 30 --addresses 3 [--only queue,disk]

`ATTACKS` lists what they do. The program uploads what it needs, prints `ready`, attacks until SIGTERM, and then prints
as JSON how many requests of each attack were accepted, refused and cut off. Bodies are built in advance and connections
are reused, so that the attackers themselves use little of the machine.
"""

import argparse
import asyncio
import io
import itertools
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import aiohttp
import numpy as np
from PIL import Image

ADDRESS_HEADER = "X-Visitor"
"""The header in which the page expects a visitor's address, as behind a proxy."""
SIDE = 7000
"""Side of a large picture in pixels: 49 megapixels."""
REPEATS = 200
"""Maximum number of times that a request may name a file, and of files in an upload."""
BODY_BYTES = 900_000
"""Size of a large body; the page accepts 1 MiB of JSON."""
STALL_SECONDS = 20.0
PREPARE_SECONDS = 120.0


@dataclass(eq=False)
class Attacker:
    """One hostile visitor.

    Attributes:
        http: Its connections.
        url: The page, without a trailing slash.
        number: Its number among all attackers.
        address: The address it seems to come from; attackers may share one.
        counts: Outcomes of its requests: `accepted`, `refused`, `cut off`.
    """

    http: aiohttp.ClientSession
    url: str
    number: int
    address: str
    counts: Counter[str] = field(default_factory=Counter)

    async def upload(self, name: str, data: bytes) -> dict[str, Any]:
        """Upload a file, retrying until the page accepts it; return its file value."""
        while True:
            form = aiohttp.FormData()
            form.add_field("files", data, filename=name)
            async with self.http.post(f"{self.url}/gradio_api/upload", data=form, headers=self._headers()) as answer:
                if answer.status == 200:
                    return {"path": (await answer.json())[0], "meta": {"_type": "gradio.FileData"}}
            await asyncio.sleep(1)

    async def post(self, path: str, body: bytes, kind: str = "application/json") -> None:
        """Send one request; the run that it starts is left alone."""
        headers = self._headers() | {"Content-Type": kind}
        try:
            async with self.http.post(f"{self.url}/gradio_api/{path}", data=body, headers=headers) as answer:
                await answer.read()
                self.counts["accepted" if answer.status == 200 else "refused"] += 1
        except (aiohttp.ClientError, OSError, TimeoutError):
            self.counts["cut off"] += 1

    def many(self, images: Sequence[dict[str, Any]]) -> "Shot":
        """A function that posts to `/many`, always with a different question, so that no answer is shared or cached."""
        before, after = question(images, task="<CAPTION_TO_PHRASE_GROUNDING>", text="a car @").split(b"@")
        return lambda shot: self.post("call/v2/many", b"%s%d %d%s" % (before, self.number, shot, after))

    def _headers(self) -> dict[str, str]:
        return {ADDRESS_HEADER: self.address}


Shot = Callable[[int], Coroutine[Any, Any, None]]
"""A function that sends the request with that number."""


async def queue(attacker: Attacker) -> Shot:
    """Many runs over many pictures, to fill every queue."""
    file = await attacker.upload("small.png", small_png())
    return attacker.many([file] * 8)


async def bodies(attacker: Attacker) -> Shot:
    """Runs with the largest bodies allowed, to fill the memory while they wait."""
    file = await attacker.upload("small.png", small_png())
    name = "x" * (BODY_BYTES // REPEATS - len(json.dumps(file)))
    return attacker.many([file | {"orig_name": name}] * REPEATS)


async def stalls(attacker: Attacker) -> Shot:
    """Requests with a large body that is never completed."""
    host, port = attacker.url.removeprefix("http://").split(":")
    head = (
        f"POST /gradio_api/call/v2/many HTTP/1.1\r\nHost: {host}:{port}\r\n{ADDRESS_HEADER}: {attacker.address}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {BODY_BYTES}\r\n\r\n"
    )
    unfinished = head.encode() + b'{"text": "' + b"x" * (BODY_BYTES - 20)

    async def shoot(_: int) -> None:
        outcome, writer = "accepted", None
        try:
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(unfinished)
            answer = await asyncio.wait_for(reader.read(1), STALL_SECONDS)
            outcome = "refused" if answer else "cut off"
        except TimeoutError:  # the page is still waiting for it
            pass
        except OSError:
            outcome = "cut off"
        finally:
            attacker.counts[outcome] += 1
            if writer is not None:
                writer.close()

    return shoot


async def decoding(attacker: Attacker) -> Shot:
    """Runs that name one picture of 49 megapixels as many times as allowed: a JPEG and a PNG in alternation."""
    large = {"large.jpg": large_jpeg(), "large.png": large_png()}
    shots = [attacker.many([await attacker.upload(name, data)] * REPEATS) for name, data in large.items()]
    return lambda shot: shots[shot % len(shots)](shot)


async def disk(attacker: Attacker) -> Shot:
    """Datasets with one file of 7 MB forty times."""
    file = await attacker.upload("heavy.jpg", heavy_jpeg())
    wanted = [question([file] * 40, task="<OD>", file_format=name) for name in ("coco", "yolo", "voc")]
    return lambda shot: attacker.post("call/v2/export", wanted[shot % len(wanted)])


async def files(attacker: Attacker) -> Shot:
    """Uploads of two hundred different files of eight bytes."""
    first = (attacker.number << 24) + 1

    async def shoot(shot: int) -> None:
        parts = (
            b'--edge\r\nContent-Disposition: form-data; name="files"; filename="%d.png"\r\n\r\n%08x\r\n'
            % (part, first + shot * REPEATS + part)
            for part in range(REPEATS)
        )
        await attacker.post("upload", b"".join((*parts, b"--edge--\r\n")), "multipart/form-data; boundary=edge")

    return shoot


def question(images: Sequence[dict[str, Any]], **given: str) -> bytes:
    """The body of a call about these pictures."""
    return json.dumps({"images": list(images), **given}).encode()


@dataclass(frozen=True)
class Attack:
    """The behavior of a hostile visitor.

    Attributes:
        prepare: Upload what is needed and return the function that sends a request.
        visitors: How many of thirty hostile visitors do this.
        burst: Requests that each sends at once at the beginning.
        every: Seconds between further requests.
    """

    prepare: Callable[[Attacker], Awaitable[Shot]]
    visitors: int
    burst: int
    every: float


ATTACKS = {
    "queue": Attack(queue, visitors=10, burst=25, every=1.0),
    "bodies": Attack(bodies, visitors=4, burst=25, every=1.0),
    "stalls": Attack(stalls, visitors=2, burst=25, every=1.0),
    "decoding": Attack(decoding, visitors=4, burst=2, every=5.0),
    "disk": Attack(disk, visitors=4, burst=2, every=5.0),
    "files": Attack(files, visitors=6, burst=2, every=1.0),
}


def roles(visitors: int, only: Sequence[str] = ()) -> list[str]:
    """The attack of each hostile visitor, in the proportions of `ATTACKS`; one of each comes first."""
    chosen = {name: attack.visitors for name, attack in ATTACKS.items() if not only or name in only}
    turns = sorted((turn / count, name) for name, count in chosen.items() for turn in range(count))
    return [name for _, name in itertools.islice(itertools.cycle(turns), visitors)]


@cache
def small_png() -> bytes:
    """A picture that costs almost nothing."""
    return _saved(Image.new("RGB", (64, 48), (90, 120, 200)), "PNG")


@cache
def large_jpeg() -> bytes:
    """A JPEG of 0.3 MB that is progressive, so that it must be decoded whole."""
    return _saved(_gradient(), "JPEG", quality=60, progressive=True)


@cache
def large_png() -> bytes:
    """The same picture as a PNG."""
    return _saved(_gradient(), "PNG", compress_level=1)


@cache
def heavy_jpeg() -> bytes:
    """A JPEG of 7 MB."""
    noise = np.random.default_rng(1).integers(0, 256, (2400, 3000, 3), np.uint8)
    return _saved(Image.fromarray(noise), "JPEG", quality=92)


def _gradient() -> Image.Image:
    return Image.linear_gradient("L").resize((SIDE, SIDE)).convert("RGB")


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


Counts = dict[str, dict[str, int]]
"""Attack -> outcome of its requests -> how many."""


@contextmanager
def hostile_visitors(
    url: str, *, visitors: int = 30, addresses: int = 3, network: str = "203.0.113", only: Sequence[str] = ()
) -> Iterator[Counts]:
    """Attack the page from a separate process for the length of the block; the counts are complete after it.

    Raises:
        RuntimeError: If the attack cannot begin.
    """
    options = {"visitors": visitors, "addresses": addresses, "network": network, "only": ",".join(only)}
    command = [sys.executable, "-m", "florence_ui.bench.hostile", url]
    command += [f"--{name}={value}" for name, value in options.items()]
    counts: Counts = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            if process.stdout is None or process.stdout.readline().strip() != b"ready":
                raise RuntimeError("The hostile visitors could not begin.")
            yield counts
        finally:
            process.terminate()
            with suppress(ValueError):  # none, if they could not begin
                counts.update(json.loads(process.communicate(timeout=60)[0]))


async def attack(url: str, names: Sequence[str], addresses: Sequence[str]) -> Counts:
    """Prepare, print `ready`, and attack until SIGTERM."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    connector, timeout = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(60)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
        attackers = [Attacker(http, url, n, addresses[n % len(addresses)]) for n in range(len(names))]
        async with asyncio.timeout(PREPARE_SECONDS):
            prepared = [ATTACKS[name].prepare(each) for name, each in zip(names, attackers, strict=True)]
            shots = await asyncio.gather(*prepared)
        print("ready", flush=True)
        going = [asyncio.create_task(_keep_shooting(ATTACKS[n], s)) for n, s in zip(names, shots, strict=True)]
        await ended.wait()
        for task in going:
            task.cancel()
        await asyncio.gather(*going, return_exceptions=True)
    counts: Counts = {}
    for name, each in zip(names, attackers, strict=True):
        counts[name] = dict(Counter(counts.get(name, {})) + each.counts)
    return counts


async def _keep_shooting(plan: Attack, shot: Shot) -> None:
    async with asyncio.TaskGroup() as under_way:
        for number in itertools.count():
            under_way.create_task(shot(number))
            if number >= plan.burst - 1:
                await asyncio.sleep(plan.every)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m florence_ui.bench.hostile", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("url", help="the page, such as http://127.0.0.1:7860")
    parser.add_argument("--visitors", type=int, default=30)
    parser.add_argument("--addresses", type=int, default=3, help="number of addresses they come from")
    parser.add_argument("--network", default="203.0.113", help="the first three numbers of these addresses")
    parser.add_argument("--only", default="", help=f"only some of {','.join(ATTACKS)}")
    options = parser.parse_args()
    names = roles(options.visitors, [name for name in options.only.split(",") if name])
    addresses = [f"{options.network}.{number + 1}" for number in range(options.addresses)]
    print(json.dumps(asyncio.run(attack(options.url.rstrip("/"), names, addresses))))


if __name__ == "__main__":
    main()
