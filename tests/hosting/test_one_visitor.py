"""One visitor cannot block the others: attacks on the running page, and their effect on an honest visitor."""

import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hosting.running import RunningApp
from hosting.soak import photograph

from florence_ui.bench.hostile import ADDRESS_HEADER, ATTACKS, hostile_visitors
from florence_ui.bench.scripted_backend import ScriptedBackend

HONEST = "198.51.100.7"
DISK_MB = 500
LEAD = 3.0
"""Seconds that an attack has gone on before an honest visitor comes."""
MEMORY = {"decoding": 900, "disk": 500, "files": 400}
"""MB by which an attack may make the page grow, 150 for the others: two pictures of 49 megapixels are decoded at a
time, and datasets are written."""
PATIENCE = 20.0
"""Seconds that an honest visitor waits."""


@pytest.fixture(scope="module")
def page() -> Iterator[RunningApp]:
    """The page behind a proxy that gives each visitor's address, its limits as they are by default."""
    with ScriptedBackend(delay=0.2, keep_images=False) as backend:
        environ = {
            "FLORENCE_UI_BACKEND": "local",
            "FLORENCE_UI_LOCAL_URL": backend.url,
            "FLORENCE_UI_ADDRESS_HEADER": ADDRESS_HEADER,
            "FLORENCE_UI_BACKEND_CONCURRENCY": "64",
            "FLORENCE_UI_TEMP_MB": str(DISK_MB),
        }
        with RunningApp(**environ) as running:
            running.client.headers[ADDRESS_HEADER] = HONEST
            yield running


def honest_run(page: RunningApp, seed: int) -> float:
    """Seconds from the upload of a new picture to its answer."""
    pool = ThreadPoolExecutor(1)  # whoever hangs does so until the page ends
    begun = time.perf_counter()
    outcome = pool.submit(page.analyze, photograph(seed), "photograph.jpg", task="<OD>").result(PATIENCE)
    assert outcome.ok, outcome.error
    return time.perf_counter() - begun


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS)
def test_one_visitor_does_not_stop_the_others(page: RunningApp, attack: str) -> None:
    """Ten programs of one address attack; an honest visitor from elsewhere is answered nearly as fast as alone."""
    number = list(ATTACKS).index(attack)
    alone = statistics.median(honest_run(page, 100 * number + k) for k in range(3))
    memory = page.memory
    with hostile_visitors(page.url, visitors=10, addresses=1, network=f"203.0.{number}", only=[attack]) as counts:
        time.sleep(LEAD)
        beside = [honest_run(page, 100 * number + 50 + k) for k in range(5)]
        grown = page.memory - memory
    assert statistics.median(beside) < 3 * alone + 1, (alone, beside)
    assert grown < MEMORY.get(attack, 150) * 1e6
    assert page.disk < 1.1 * DISK_MB * 2**20
    assert sum(counts[attack].values()) >= 10, counts
