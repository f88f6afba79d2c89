"""Write scenes to files.

    python -m florence_ui.nano.write_scenes --seed 1000000 --count 10 --out scenes/

writes the pictures and ``truth.json``. The same seed always draws the same scene.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from florence_ui.nano import captions
from florence_ui.nano.scenes import Scene, draw_scene


def ground_truth(scene: Scene, file: str) -> dict:
    """One entry of ``truth.json``, all coordinates in pixels."""
    return {
        "file": file,
        "objects": [
            {"label": t.label, "box": list(t.box), "polygon": np.round(t.polygon, 1).tolist()} for t in scene.things
        ],
        "words": [{"text": s.word, "quad": np.round(s.quad, 1).tolist()} for s in scene.signs],
        "captions": {
            "brief": captions.brief(scene),
            "detailed": captions.detailed(scene),
            "more_detailed": captions.more_detailed(scene),
        },
    }


def write_scenes(seed: int, count: int, folder: Path) -> None:
    """Write the scenes of seeds ``seed`` to ``seed + count - 1`` as PNG, and ``truth.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for index in range(seed, seed + count):
        scene = draw_scene(index)
        file = f"scene-{index}.png"
        scene.image.save(folder / file)
        entries.append(ground_truth(scene, file))
    (folder / "truth.json").write_text(json.dumps(entries, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw scenes with their ground truth.")
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the first scene; training uses those below 1000000"
    )
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    write_scenes(arguments.seed, arguments.count, arguments.out)


if __name__ == "__main__":
    main()
