"""Teaches florence-2-nano its world on a processor.

    python -m florence_ui.nano.train --run runs/nano --phases eyes=25,tokens=12,decoder=80 --cooldown 30

First the eyes (heads on the last vision map), then the encoder's image tokens, then the decoder with everything; heads
are thrown away at the end. Minutes are minutes of work: a pause of the process does not count. SIGTERM or ``--resume``
lose nothing: the run goes on from its last checkpoint, with whatever phases and rates are then given.
"""

import argparse
import os
import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import distributed, multiprocessing
from transformers import Florence2Processor

from florence_ui.nano.answers import SHARES, ask, tasks_for
from florence_ui.nano.heads import Heads, dense_targets, soft_targets
from florence_ui.nano.model import DIM, SIDE, build_model, build_processor, export, nano_config
from florence_ui.nano.optimizer import Muon, split_weights
from florence_ui.nano.quick_score import quick_score
from florence_ui.nano.scenes import draw_scene
from florence_ui.nano.world import UNSEEN_FROM

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


@dataclass
class Phase:
    """A stretch of training: its name (eyes, tokens or decoder) and its minutes of work."""

    name: str
    minutes: float

    @classmethod
    def parse(cls, text: str) -> list["Phase"]:
        """From "eyes=25,decoder=80"."""
        return [cls(name, float(minutes)) for name, minutes in (part.split("=") for part in text.split(","))]


class Lessons:
    """Lessons by number: a picture, what its tokens should know, questions, answers."""

    def __init__(self, processor: Florence2Processor, questions: int):
        self.processor, self.questions = processor, questions

    def lesson(self, number: int) -> dict:
        """The lesson of that number, always the same."""
        scene = draw_scene(number % UNSEEN_FROM)
        rng = random.Random(f"questions {number}")
        picture = np.asarray(scene.image.resize((SIDE, SIDE), Image.Resampling.BICUBIC)).transpose(2, 0, 1).copy()
        tasks = tasks_for(scene)
        asked = [
            ask(task, scene, rng) for task in rng.choices(tasks, [SHARES[task] for task in tasks], k=self.questions)
        ]
        expanded = self.processor._construct_prompts([question.prompt for question in asked])
        return {
            "picture": torch.from_numpy(picture),
            "targets": dense_targets(scene),
            "prompts": [self.ids(text) for text in expanded],
            "answers": [self.ids(question.answer) for question in asked],
        }

    def ids(self, text: str) -> list[int]:
        """Token ids between ``<s>`` and ``</s>``."""
        tokenizer = self.processor.tokenizer
        inner = tokenizer(text, add_special_tokens=False)["input_ids"]
        return [tokenizer.bos_token_id, *inner, tokenizer.eos_token_id]


def collate(lessons: list[dict]) -> dict:
    """A batch: pictures and targets stacked, questions in one list with the picture that each belongs to."""
    return {
        "pictures": torch.stack([lesson["picture"] for lesson in lessons]),
        "targets": {name: torch.stack([x["targets"][name] for x in lessons]) for name in lessons[0]["targets"]},
        "owner": [index for index, lesson in enumerate(lessons) for _ in lesson["prompts"]],
        "prompts": [ids for lesson in lessons for ids in lesson["prompts"]],
        "answers": [ids for lesson in lessons for ids in lesson["answers"]],
    }


def padded(rows: list[list[int]], fill: int) -> torch.Tensor:
    """Rows of ids as one tensor, filled at their ends."""
    longest = max(map(len, rows))
    return torch.tensor([row + [fill] * (longest - len(row)) for row in rows])


class Teacher:
    """The network and its heads, and what they lose on a batch in each phase."""

    def __init__(self, seed: int = 0, dim: int = DIM):
        torch.manual_seed(seed)
        self.processor = build_processor()
        self.tokenizer = self.processor.tokenizer
        self.first_location = self.tokenizer.convert_tokens_to_ids("<loc_0>")
        self.model = build_model(nano_config(self.tokenizer, dim=dim), self.first_location)
        self.heads = Heads(dim)

    @property
    def location_table(self) -> torch.Tensor:
        """Embeddings of the 1,000 locations."""
        return self.model.get_input_embeddings().weight[self.first_location : self.first_location + 1000]

    def losses(self, batch: dict, phase: str, sigma: float) -> tuple[torch.Tensor, dict[str, float]]:
        """The loss to learn from, and its parts to look at."""
        core = self.model.model
        vision_map = core.vision_tower((batch["pictures"].float() / 255 - MEAN) / STD).last_hidden_state
        parts = {f"eye {k}": v for k, v in self.heads.vision(vision_map, batch["targets"]).items()}
        total = sum(parts.values()) * {"eyes": 1.0, "tokens": 0.5, "decoder": 0.5}[phase]
        if phase != "eyes":
            features = core.multi_modal_projector(vision_map)
            tokens, language = self._language(features, batch, sigma, decode=phase == "decoder")
            seen = self.heads.token(tokens, self.location_table, batch["targets"], sigma)
            parts |= {f"token {k}": v for k, v in seen.items()} | language
            total = total + sum(seen.values()) + 2 * sum(language.values())
        return total, {name: value.item() for name, value in parts.items()}

    def _language(self, features, batch, sigma, *, decode) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The encoder's image tokens for one question a picture, and the decoder's losses on all questions."""
        order = sorted(range(len(batch["owner"])), key=lambda i: len(batch["answers"][i]))
        parts = [order[: len(order) // 2], order[len(order) // 2 :]] if decode else [order]
        words, places, counts, tokens = [], [], [0, 0], {}
        for part in parts:
            owner = [batch["owner"][i] for i in part]
            hidden, mask = self._encode(features[owner], [batch["prompts"][i] for i in part])
            for row, picture in enumerate(owner):
                tokens.setdefault(picture, hidden[row, 1 : features.shape[1]])
            if decode:
                word, place, n = self._decode(hidden, mask, [batch["answers"][i] for i in part], sigma)
                words.append(word)
                places.append(place)
                counts = [counts[0] + n[0], counts[1] + n[1]]
        tokens = torch.stack([tokens[picture] for picture in range(len(features))])
        if not decode:
            return tokens, {}
        return tokens, {"words": sum(words) / max(1, counts[0]), "places": sum(places) / max(1, counts[1])}

    def _encode(self, features: torch.Tensor, prompts: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        ids = padded(prompts, self.tokenizer.pad_token_id)
        embeds = torch.cat([features, self.model.get_input_embeddings()(ids)], 1)
        seen = torch.ones(features.shape[:2], dtype=torch.long)
        mask = torch.cat([seen, (ids != self.tokenizer.pad_token_id).long()], 1)
        encoder = self.model.model.language_model.encoder
        return encoder(inputs_embeds=embeds, attention_mask=mask).last_hidden_state, mask

    def _decode(self, hidden, mask, answers, sigma) -> tuple[torch.Tensor, torch.Tensor, tuple[int, int]]:
        """Summed losses of words and of locations, and how many there were."""
        labels = padded(answers, -100)
        start = torch.full((len(labels), 1), self.model.config.text_config.decoder_start_token_id)
        # Only the filling becomes padding: <s> has id 0, so clamping ids would make padding of it.
        inputs = torch.cat([start, labels[:, :-1]], 1)
        inputs = inputs.masked_fill(inputs == -100, self.tokenizer.pad_token_id)
        decoder = self.model.model.language_model.decoder
        said = decoder(
            input_ids=inputs, encoder_hidden_states=hidden, encoder_attention_mask=mask, use_cache=False
        ).last_hidden_state
        valid = labels >= 0
        logits, labels = self.model.lm_head(said[valid]), labels[valid]
        first = self.first_location
        place = (labels >= first) & (labels < first + 1000)
        word = F.cross_entropy(logits[~place], labels[~place], reduction="sum")
        target = soft_targets(labels[place] - first, sigma)
        scores = F.log_softmax(logits[place], -1)[:, first : first + 1000]
        return word, -(target * (scores - (target + 1e-9).log())).sum(), (int((~place).sum()), int(place.sum()))


class Team:
    """The processes that learn together: each has a core, its own pictures, and the same network.

    One process with two threads would do as much on an idle machine, but on a busy one its threads wait for each other
    thousands of times a step.
    """

    def __init__(self, rank: int, size: int, meeting_point: Path):
        self.rank, self.size = rank, size
        if size > 1:
            distributed.init_process_group("gloo", f"file://{meeting_point}", rank=rank, world_size=size)

    def average(self, weights: list[torch.nn.Parameter], *numbers: float) -> list[float]:
        """Average the weights' gradients over the team, in place; and some numbers, returned."""
        if self.size == 1:
            return list(numbers)
        gradients = [weight.grad for weight in weights]
        flat = torch.cat([*(gradient.ravel() for gradient in gradients), torch.tensor(numbers)])
        distributed.all_reduce(flat)
        flat /= self.size
        *parts, averages = flat.split([*(gradient.numel() for gradient in gradients), len(numbers)])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))
        return averages.tolist()

    def share(self, weights: list[torch.nn.Parameter]) -> None:
        """Hand every weight round from the member whose turn it is: the first's first, the second's second, ..."""
        for rank in range(self.size if self.size > 1 else 0):
            mine = [weight.data for weight in weights[rank :: self.size]]
            flat = torch.cat([weight.ravel() for weight in mine])
            distributed.broadcast(flat, rank)
            for weight, part in zip(mine, flat.split([weight.numel() for weight in mine]), strict=True):
                weight.copy_(part.view_as(weight))


class Run:
    """One team member's part of a training run in a folder: progress, checkpoints, log."""

    def __init__(self, arguments: argparse.Namespace, team: Team):
        self.arguments, self.team = arguments, team
        self.folder: Path = arguments.run
        self.teacher = Teacher(arguments.seed, arguments.dim)
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
