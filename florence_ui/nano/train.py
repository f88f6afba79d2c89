"""Train florence-2-nano on a CPU.

    python -m florence_ui.nano.train --run runs/nano --phases vision=25,tokens=12,decoder=80 --cooldown 30

First the vision encoder (by heads on its last map), then the encoder's image tokens, then the decoder with everything;
the heads are discarded at the end. Minutes are minutes of work: a pause of the process does not count. A run stopped by
SIGTERM continues from its last checkpoint with ``--resume``, with the phases and rates given then. To continue
from a published network, whose heads are gone: ``--start assets/florence-2-nano --phases heads=3,decoder=80``.
"""

import argparse
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import multiprocessing
from transformers import Florence2ForConditionalGeneration

from florence_ui.nano.dataset import SceneDataset, collate
from florence_ui.nano.distributed import ProcessGroup
from florence_ui.nano.losses import TrainingModel
from florence_ui.nano.model import DIM, export_model
from florence_ui.nano.optimizer import Muon, split_weights
from florence_ui.nano.quick_score import quick_score

WARMUP_STEPS = 50
SAVE_SECONDS = 180


@dataclass
class Phase:
    """A stretch of training: its name (heads, vision, tokens or decoder) and its minutes of work.

    The phase "heads" trains the auxiliary heads alone and leaves the network as it is.
    """

    name: str
    minutes: float

    @classmethod
    def parse(cls, text: str) -> list["Phase"]:
        """From "vision=25,decoder=80"."""
        return [cls(name, float(minutes)) for name, minutes in (part.split("=") for part in text.split(","))]

    def sigma(self, done: float) -> float:
        """Width of the soft location targets in bins, after that part of the phase."""
        return max(4.0, 16 - 20 * done) if self.name == "tokens" else max(2.5, 5 - 4 * done)


class Clock:
    """Seconds of the last step, without pauses of the process."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.usual: float | None = None

    def record(self, seconds: float) -> None:
        """Take a step's seconds, of which more than three times the usual were a pause."""
        if self.usual is None:
            self.seconds = self.usual = seconds
            return
        self.seconds = min(seconds, 3 * self.usual)
        self.usual = 0.9 * self.usual + 0.1 * self.seconds


class Trainer:
    """One process's part of a training run in a folder: progress, checkpoints, log."""

    def __init__(self, arguments: argparse.Namespace, group: ProcessGroup):
        self.arguments, self.group = arguments, group
        self.folder: Path = arguments.run
        self.training = TrainingModel(arguments.seed, arguments.dim)
        if arguments.start:
            published = Florence2ForConditionalGeneration.from_pretrained(arguments.start, dtype=torch.float32)
            self.training.model.load_state_dict(published.state_dict())
        self.matrices, self.others = split_weights(self.training.model, self.training.heads)
        owned = self.matrices[group.rank :: group.size]
        self.optimizers = [
            Muon(self._parameter_groups(owned), arguments.lr),
            torch.optim.AdamW(
                self._parameter_groups(self.others, arguments.adam_lr_scale),
                arguments.lr,
                betas=(0.9, 0.98),
                weight_decay=0.01,
            ),
        ]
        self.step = self.seen = 0
        self.worked = 0.0  # seconds since this start, pauses left out
        self.stop_requested = False  # of this process; all stop together, after the step that tells them
        self.stopped = False
        if arguments.resume:
            self._resume()

    def _parameter_groups(self, weights: Sequence[torch.nn.Parameter], scale: float = 1.0) -> list[dict[str, Any]]:
        """The vision encoder's weights and all others, each with the factor of its learning rate."""
        vision = {id(weight) for weight in self.training.model.model.vision_tower.parameters()}
        return [
            {
                "params": [weight for weight in weights if id(weight) in vision],
                "lr_scale": scale * self.arguments.vision_lr_scale,
            },
            {"params": [weight for weight in weights if id(weight) not in vision], "lr_scale": scale},
        ]

    def _resume(self) -> None:
        saved = torch.load(self.folder / "last.pt", weights_only=True)
        self.training.model.load_state_dict(saved["model"])
        self.training.heads.load_state_dict(saved["heads"])
        self.step, self.seen = saved["step"], saved["seen"]
        if (file := self._optimizer_file()).exists():
            for optimizer, state in zip(self.optimizers, torch.load(file, weights_only=True), strict=True):
                scales = [group["lr_scale"] for group in optimizer.param_groups]
                optimizer.load_state_dict(state)
                for group, scale in zip(optimizer.param_groups, scales, strict=True):
                    group["lr_scale"] = scale

    def _optimizer_file(self) -> Path:
        return self.folder / f"optimizers-{self.group.rank}-of-{self.group.size}.pt"

    def save(self) -> None:
        """Write this process's part of the checkpoint, each file atomically."""
        files: dict[Path, object] = {self._optimizer_file(): [optimizer.state_dict() for optimizer in self.optimizers]}
        if self.group.rank == 0:
            files[self.folder / "last.pt"] = {
                "model": self.training.model.state_dict(),
                "heads": self.training.heads.state_dict(),
                "step": self.step,
                "seen": self.seen,
            }
        for path, state in files.items():
            torch.save(state, path.with_suffix(".new"))
            path.with_suffix(".new").replace(path)

    def run(self) -> None:
        """Train all phases, then export the network."""
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "stop_requested", True))
        phases = Phase.parse(self.arguments.phases)
        total, end = 60 * sum(phase.minutes for phase in phases), 0.0
        for phase in phases:
            begin, end = end, end + 60 * phase.minutes
            self._train_phase(phase, begin, end, total)
        self.save()
        if self.group.rank == 0:
            export_model(self.training.model, self.training.processor, self.folder / "florence-2-nano")

    def _train_phase(self, phase: Phase, begin: float, end: float, total: float) -> None:
        dataset = SceneDataset(self.training.processor, self.arguments.questions if phase.name == "decoder" else 1)
        clock = Clock()
        steps, saved_at, scored_at = 0, time.time(), time.time()
        while self.worked < end and not self.stopped:
            started = time.time()
            first = self.seen + self.group.rank
            numbers = range(first, first + self.arguments.batch, self.group.size)
            sigma = phase.sigma(max(0.0, (self.worked - begin) / (end - begin)))
            loss, parts = self.training.losses(collate([dataset[number] for number in numbers]), phase.name, sigma)
            loss.backward()
            # Up within the first steps of a start, down to nothing over the cool-down.
            left = max(0.0, total - self.worked) / (60 * self.arguments.cooldown)
            self._update(min(1.0, (steps + 1) / WARMUP_STEPS, left + 0.01), clock.seconds)
            clock.record(time.time() - started)
            self.step, self.seen, steps = self.step + 1, self.seen + self.arguments.batch, steps + 1
            if self.group.rank == 0 and steps % 20 == 0:
                shown = " ".join(f"{name} {value:.3f}" for name, value in parts.items())
                worked = f"{self.worked / 60:.1f} min {clock.usual:.2f} s/step"
                print(f"{phase.name} {self.step} {worked} {shown}", flush=True)
            if time.time() - saved_at > SAVE_SECONDS:
                self.save()
                saved_at = time.time()
            scores = phase.name == "decoder" and self.group.rank == 0
            if scores and time.time() - scored_at > self.arguments.score_every * 60:
                print("score", quick_score(self.training.model, self.training.processor), flush=True)
                scored_at = time.time()
        self.save()

    def _update(self, rate: float, seconds: float) -> None:
        """One optimizer step of all processes at that part of the peak rate.

        ``seconds`` is what this process's last step took.
        """
        weights = [weight for weight in [*self.matrices, *self.others] if weight.grad is not None]
        seconds, stopped = self.group.average(weights, seconds, float(self.stop_requested))
        self.worked, self.stopped = self.worked + seconds, stopped > 0
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self.arguments.lr * rate * group["lr_scale"]
            optimizer.step()
        self.group.broadcast(self.matrices)
        for weight in weights:
            weight.grad = None


def export_checkpoint(checkpoint: Path, folder: Path) -> None:
    """Write a checkpoint's network as a Hugging Face folder."""
    training = TrainingModel()
    training.model.load_state_dict(torch.load(checkpoint, weights_only=True)["model"])
    export_model(training.model, training.processor, folder)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train florence-2-nano.")
    parser.add_argument("--run", type=Path, required=True, help="folder for checkpoints and the exported network")
    parser.add_argument("--phases", default="vision=25,tokens=12,decoder=80", help="names and minutes of work")
    parser.add_argument(
        "--cooldown", type=float, default=30, help="final minutes, over which the learning rate falls to zero"
    )
    parser.add_argument("--batch", type=int, default=32, help="pictures per step")
    parser.add_argument("--questions", type=int, default=4, help="questions per picture in the phase decoder")
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument(
        "--vision-lr-scale", type=float, default=1.0, help="factor for the vision encoder's learning rate"
    )
    parser.add_argument(
        "--adam-lr-scale", type=float, default=1.0, help="factor for the learning rate of AdamW's weights"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dim", type=int, default=DIM, help="width of the network, a multiple of 48")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="processes that train together")
    parser.add_argument("--score-every", type=float, default=6, help="minutes between quick scores")
    parser.add_argument("--start", type=Path, help="Hugging Face folder whose weights to begin with")
    parser.add_argument("--resume", action="store_true", help="continue from the last checkpoint")
    parser.add_argument("--export", type=Path, help="only export the last checkpoint to this Hugging Face folder")
    arguments = parser.parse_args()
    if arguments.export:
        export_checkpoint(arguments.run / "last.pt", arguments.export)
        return
    arguments.run.mkdir(parents=True, exist_ok=True)
    rendezvous = arguments.run.resolve() / f"rendezvous-{os.getpid()}"
    workers = [
        multiprocessing.get_context("spawn").Process(target=_train, args=(arguments, rank, rendezvous), daemon=True)
        for rank in range(1, arguments.processes)
    ]
    for worker in workers:
        worker.start()
    _train(arguments, 0, rendezvous)
    for worker in workers:
        worker.join()
    rendezvous.unlink(missing_ok=True)


def _train(arguments: argparse.Namespace, rank: int, rendezvous: Path) -> None:
    """Train as the process of that rank."""
    torch.set_num_threads(1)
    Trainer(arguments, ProcessGroup(rank, arguments.processes, rendezvous)).run()


if __name__ == "__main__":
    main()
