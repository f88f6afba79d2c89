"""Teaches florence-2-nano its world on a processor.

    python -m florence_ui.nano.train --run runs/nano --phases eyes=25,tokens=12,decoder=80 --cooldown 30

First the eyes (heads on the last vision map), then the encoder's image tokens, then the decoder with everything; heads
are thrown away at the end. Minutes are minutes of work: a pause of the process does not count. SIGTERM or ``--resume``
lose nothing: the run goes on from its last checkpoint, with whatever phases and rates are then given. From a published
network, whose heads are gone, ``--start assets/florence-2-nano --phases heads=3,decoder=80`` goes on.
"""

import argparse
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import multiprocessing
from transformers import Florence2ForConditionalGeneration

from florence_ui.nano.dataset import Lessons, collate
from florence_ui.nano.distributed import Team
from florence_ui.nano.losses import Teacher
from florence_ui.nano.model import DIM, export
from florence_ui.nano.optimizer import Muon, split_weights
from florence_ui.nano.quick_score import quick_score


@dataclass
class Phase:
    """A stretch of training: its name (heads, eyes, tokens or decoder) and its minutes of work.

    In the phase "heads" the network stays as it is and only its heads learn.
    """

    name: str
    minutes: float

    @classmethod
    def parse(cls, text: str) -> list["Phase"]:
        """From "eyes=25,decoder=80"."""
        return [cls(name, float(minutes)) for name, minutes in (part.split("=") for part in text.split(","))]


class Run:
    """One team member's part of a training run in a folder: progress, checkpoints, log."""

    def __init__(self, arguments: argparse.Namespace, team: Team):
        self.arguments, self.team = arguments, team
        self.folder: Path = arguments.run
        self.teacher = Teacher(arguments.seed, arguments.dim)
        if arguments.start:
            published = Florence2ForConditionalGeneration.from_pretrained(arguments.start, dtype=torch.float32)
            self.teacher.model.load_state_dict(published.state_dict())
        self.matrices, self.others = split_weights(self.teacher.model, self.teacher.heads)
        self.optimizers = [
            Muon(self._groups(self.matrices[team.rank :: team.size]), arguments.lr),
            torch.optim.AdamW(self._groups(self.others), arguments.lr, betas=(0.9, 0.98), weight_decay=0.01),
        ]
        for group in self.optimizers[1].param_groups:
            group["part"] *= arguments.adam_rate
        self.step = self.seen = 0
        self.worked = 0.0  # seconds since this start, pauses left out
        self.told_to_stop = False  # this member; the team stops together, after the step that tells it
        self.stopped = False
        if arguments.resume:
            self._resume()

    def _groups(self, weights: list[torch.nn.Parameter]) -> list[dict]:
        """The eyes' weights and all others, each with its part of the rate."""
        eyes = {id(weight) for weight in self.teacher.model.model.vision_tower.parameters()}
        return [
            {"params": [weight for weight in weights if id(weight) in eyes], "part": self.arguments.eyes_rate},
            {"params": [weight for weight in weights if id(weight) not in eyes], "part": 1.0},
        ]

    def _resume(self) -> None:
        saved = torch.load(self.folder / "last.pt", weights_only=True)
        self.teacher.model.load_state_dict(saved["model"])
        self.teacher.heads.load_state_dict(saved["heads"])
        self.step, self.seen = saved["step"], saved["seen"]
        mine = self._optimizer_file()
        if mine.exists():
            for optimizer, state in zip(self.optimizers, torch.load(mine, weights_only=True), strict=True):
                parts = [group["part"] for group in optimizer.param_groups]
                optimizer.load_state_dict(state)
                for group, part in zip(optimizer.param_groups, parts, strict=True):
                    group["part"] = part

    def _optimizer_file(self) -> Path:
        return self.folder / f"optimizers-{self.team.rank}-of-{self.team.size}.pt"

    def save(self) -> None:
        """Write this member's part of the checkpoint, each file all at once."""
        parts = {self._optimizer_file(): [optimizer.state_dict() for optimizer in self.optimizers]}
        if self.team.rank == 0:
            learnt = {"model": self.teacher.model.state_dict(), "heads": self.teacher.heads.state_dict()}
            parts[self.folder / "last.pt"] = learnt | {"step": self.step, "seen": self.seen}
        for path, state in parts.items():
            torch.save(state, path.with_suffix(".new"))
            path.with_suffix(".new").replace(path)

    def go(self) -> None:
        """All phases, then the final export."""
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "told_to_stop", True))
        phases = Phase.parse(self.arguments.phases)
        total, end = 60 * sum(phase.minutes for phase in phases), 0.0
        for phase in phases:
            begin, end = end, end + 60 * phase.minutes
            self._teach(phase.name, begin, end, total)
        self.save()
        if self.team.rank == 0:
            export(self.teacher.model, self.teacher.processor, self.folder / "florence-2-nano")

    def _teach(self, phase: str, begin: float, end: float, total: float) -> None:
        lessons = Lessons(self.teacher.processor, self.arguments.questions if phase == "decoder" else 1)
        steps, usual, seconds, saved_at, scored_at = 0, None, 0.0, time.time(), time.time()
        while self.worked < end and not self.stopped:
            started = time.time()
            done = max(0.0, (self.worked - begin) / (end - begin))
            sigma = max(4.0, 16 - 20 * done) if phase == "tokens" else max(2.5, 5 - 4 * done)
            first = self.seen + self.team.rank
            numbers = range(first, first + self.arguments.batch, self.team.size)
            loss, parts = self.teacher.losses(collate([lessons.lesson(n) for n in numbers]), phase, sigma)
            loss.backward()
            # Up within 50 steps of a start, down to nothing over the cool-down.
            left = max(0.0, total - self.worked) / (60 * self.arguments.cooldown)
            self._learn(min(1.0, (steps + 1) / 50, left + 0.01), seconds)
            seconds = time.time() - started
            if usual:
                seconds = min(seconds, 3 * usual)  # longer was a pause
            usual = seconds if usual is None else 0.9 * usual + 0.1 * seconds
            self.step, self.seen, steps = self.step + 1, self.seen + self.arguments.batch, steps + 1
            if self.team.rank == 0 and steps % 20 == 0:
                shown = " ".join(f"{name} {value:.3f}" for name, value in parts.items())
                print(f"{phase} {self.step} {self.worked / 60:.1f} min {usual:.2f} s/step {shown}", flush=True)
            if time.time() - saved_at > 180:
                self.save()
                saved_at = time.time()
            if phase == "decoder" and self.team.rank == 0 and time.time() - scored_at > self.arguments.score_every * 60:
                print("score", quick_score(self.teacher.model, self.teacher.processor), flush=True)
                scored_at = time.time()
        self.save()

    def _learn(self, rate: float, seconds: float) -> None:
        """One step of the whole team at that part of the peak rate; ``seconds`` is what this member's last one took."""
        weights = [weight for weight in [*self.matrices, *self.others] if weight.grad is not None]
        seconds, stopped = self.team.average(weights, seconds, float(self.told_to_stop))
        self.worked, self.stopped = self.worked + seconds, stopped > 0
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self.arguments.lr * rate * group["part"]
            optimizer.step()
        self.team.share(self.matrices)
        for weight in weights:
            weight.grad = None


def export_checkpoint(checkpoint: Path, folder: Path) -> None:
    """Write a checkpoint's network as a Hugging Face folder."""
    teacher = Teacher()
    teacher.model.load_state_dict(torch.load(checkpoint, weights_only=True)["model"])
    export(teacher.model, teacher.processor, folder)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train florence-2-nano.")
    parser.add_argument("--run", type=Path, required=True, help="folder for checkpoints and the exported network")
    parser.add_argument("--phases", default="eyes=25,tokens=12,decoder=80", help="names and minutes of work")
    parser.add_argument("--cooldown", type=float, default=30, help="last minutes, over which the rate falls to nothing")
    parser.add_argument("--batch", type=int, default=32, help="pictures a step")
    parser.add_argument("--questions", type=int, default=4, help="questions a picture while the decoder learns")
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--eyes-rate", type=float, default=1.0, help="part of the rate at which the eyes still learn")
    parser.add_argument("--adam-rate", type=float, default=1.0, help="part of the rate for what Muon does not teach")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dim", type=int, default=DIM, help="width of the network, a multiple of 48")
    parser.add_argument("--team", type=int, default=os.cpu_count(), help="processes that learn together")
    parser.add_argument("--score-every", type=float, default=6, help="minutes between quick scores")
    parser.add_argument("--start", type=Path, help="begin with the weights of this Hugging Face folder")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--export", type=Path, help="only write the last checkpoint as a Hugging Face folder")
    arguments = parser.parse_args()
    if arguments.export:
        export_checkpoint(arguments.run / "last.pt", arguments.export)
        return
    arguments.run.mkdir(parents=True, exist_ok=True)
    meeting_point = arguments.run.resolve() / f"meeting-{os.getpid()}"
    crew = [
        multiprocessing.get_context("spawn").Process(target=_join, args=(arguments, rank, meeting_point), daemon=True)
        for rank in range(1, arguments.team)
    ]
    for member in crew:
        member.start()
    _join(arguments, 0, meeting_point)
    for member in crew:
        member.join()
    meeting_point.unlink(missing_ok=True)


def _join(arguments: argparse.Namespace, rank: int, meeting_point: Path) -> None:
    """Learn as that member of the team."""
    torch.set_num_threads(1)
    Run(arguments, Team(rank, arguments.team, meeting_point)).go()


if __name__ == "__main__":
    main()
