"""Row 10: one task over a hundred pictures."""

import asyncio
import tempfile
from pathlib import Path

from florence_ui.bench.measuring import Measurement, Scale, Target, time_call
from florence_ui.bench.photographs import photograph
from florence_ui.bench.scripted_backend import ScriptedBackend
from florence_ui.inference.batch import Batch
from florence_ui.inference.pipeline import Pipeline
from florence_ui.inference.request import RequestTemplate
from florence_ui.settings import Settings
from florence_ui.tasks import TASKS

PICTURES, AT_ONCE, DELAY = 100, 8, 0.5
IDEAL = -(-PICTURES // AT_ONCE) * DELAY


def batch_of_pictures(scale: Scale) -> Measurement:
    """Row 10: a hundred pictures of one megapixel, eight at once, against the time of the answers alone."""
    with tempfile.TemporaryDirectory() as name, ScriptedBackend(delay=DELAY, keep_images=False) as backend:
        paths = []
        base = photograph(1, scale.seed)
        for number in range(PICTURES):
            base.paste((number, 90, 200), (0, 0, 200, 200))
            paths.append(Path(name) / f"{number}.jpg")
            base.save(paths[-1], quality=92)
        taken = [time_call(lambda: asyncio.run(run_all(backend.url, paths))) for _ in range(min(scale.pairs, 3))]
    return Measurement(
        10, "100 pictures, 8 at once, backend of 0.5 s, against the answers alone", [t / IDEAL for t in taken],
        Target(1.15), f"{sorted(taken)[len(taken) // 2]:.1f} s against {IDEAL:.1f} s",
    )  # fmt: skip


async def run_all(url: str, paths: list[Path]) -> None:
    pipeline = Pipeline(Settings(backend="local", local_url=url, start_server=False))
    await pipeline.warm_up()
    batch = Batch.of(paths)

    template = RequestTemplate(TASKS["<OD>"], model_id="florence-2-base")
    async for _ in batch.run(pipeline.analyze, template, max_concurrency=AT_ONCE):
        pass
    if len(batch.done) != len(paths):
        raise RuntimeError(f"{len(paths) - len(batch.done)} pictures failed")
