"""Teaches florence-2-nano its world on a processor.

    python -m florence_ui.nano.train --run runs/nano --phases eyes=25,tokens=12,decoder=80 --cooldown 30

First the eyes (heads on the last vision map), then the encoder's image tokens, then the decoder with everything; heads
are thrown away at the end. Minutes are minutes of work: a pause of the process does not count. SIGTERM or ``--resume``
lose nothing: the run goes on from its last checkpoint, with whatever phases and rates are then given.
"""

import argparse
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch.utils.data import DataLoader, IterableDataset
from transformers import Florence2Processor

from florence_ui.nano.answers import SHARES, ask, tasks_for
from florence_ui.nano.heads import Heads, dense_targets, soft_targets
from florence_ui.nano.model import DIM, SIDE, build_model, build_processor, export, nano_config
from florence_ui.nano.optimizer import optimizers
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


class Lessons(IterableDataset):
    """Endless lessons from the seeds from ``start`` on: a picture, what its tokens should know, questions, answers."""

    def __init__(self, processor: Florence2Processor, start: int, questions: int):
        self.processor, self.start, self.questions = processor, start, questions

    def __iter__(self) -> Iterator[dict]:
        seed = self.start
        while True:
            yield self.lesson(seed % UNSEEN_FROM, random.Random(f"questions {seed}"))
            seed += 1

    def lesson(self, seed: int, rng: random.Random) -> dict:
        """The lesson of one seed."""
        scene = draw_scene(seed)
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
    """The network, its heads and their optimizers, and one step of each phase."""

    def __init__(self, lr: float, seed: int = 0, dim: int = DIM):
        torch.manual_seed(seed)
        self.processor = build_processor()
        self.tokenizer = self.processor.tokenizer
        self.first_location = self.tokenizer.convert_tokens_to_ids("<loc_0>")
        self.model = build_model(nano_config(self.tokenizer, dim=dim), self.first_location)
        self.heads = Heads(dim)
        self.optimizers = optimizers(self.model, self.heads, lr)

    @property
    def location_table(self) -> torch.Tensor:
        """Embeddings of the 1,000 locations."""
        return self.model.get_input_embeddings().weight[self.first_location : self.first_location + 1000]

    def losses(self, batch: dict, phase: str, sigma: float) -> tuple[torch.Tensor, dict[str, float]]:
        """The loss to learn from, and its parts to look at."""
        core = self.model.model
        vision_map = core.vision_tower((batch["pictures"].float() / 255 - MEAN) / STD).last_hidden_state
        parts = {f"eye {k}": v for k, v in self.heads.vision(vision_map, batch["targets"]).items()}
        total = sum(parts.values()) * {"eyes": 1.0, "tokens": 0.5, "decoder": 0.3}[phase]
        if phase != "eyes":
            features = core.multi_modal_projector(vision_map)
            tokens, language = self._language(features, batch, sigma, decode=phase == "decoder")
            seen = self.heads.token(tokens, self.location_table, batch["targets"], sigma)
            parts |= {f"token {k}": v for k, v in seen.items()} | language
            total = total + sum(seen.values()) * (1.0 if phase == "tokens" else 0.3) + 2 * sum(language.values())
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

    def learn(self, loss: torch.Tensor, rate: float) -> None:
        """One step at that part of the peak rate."""
        loss.backward()
        torch.nn.utils.clip_grad_norm_([*self.model.parameters(), *self.heads.parameters()], 1.0)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * rate
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def state(self) -> dict:
        """All that is learnt."""
        return {
            "model": self.model.state_dict(),
            "heads": self.heads.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }

    def load(self, state: dict) -> None:
        """Go on from what was learnt; rates stay as they are given now."""
        self.model.load_state_dict(state["model"])
        self.heads.load_state_dict(state["heads"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            for group, old in zip(optimizer.param_groups, saved["param_groups"], strict=True):
                old["peak"] = group["peak"]
            optimizer.load_state_dict(saved)


class Run:
    """A training run in a folder: progress, checkpoints, log."""

    def __init__(self, folder: Path, phases: list[Phase], arguments: argparse.Namespace):
        self.folder, self.phases, self.arguments = folder, phases, arguments
        folder.mkdir(parents=True, exist_ok=True)
        self.teacher = Teacher(arguments.lr, arguments.seed)
        self.step = self.seen = 0
        self.worked = 0.0  # seconds since this start, pauses left out
        self.stopped = False
        if arguments.resume:
            saved = torch.load(folder / "last.pt", weights_only=True)
            self.teacher.load(saved)
            self.step, self.seen = saved["step"], saved["seen"]

    def save(self) -> None:
        """Write the checkpoint, all at once."""
        torch.save(self.teacher.state() | {"step": self.step, "seen": self.seen}, self.folder / "new.pt")
        (self.folder / "new.pt").replace(self.folder / "last.pt")

    def export(self) -> None:
        """Write the network as a Hugging Face folder."""
        export(self.teacher.model, self.teacher.processor, self.folder / "florence-2-nano")

    def go(self) -> None:
        """All phases, then the final export."""
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "stopped", True))
        total = 60 * sum(phase.minutes for phase in self.phases)
        end = 0.0
        for phase in self.phases:
            end += 60 * phase.minutes
            self._teach(phase, end, total)
        self.save()
        self.export()

    def _rate(self, total: float, steps: int) -> float:
        """Part of the peak rate now: up within 100 steps, down to nothing over the cool-down."""
        left = max(0.0, total - self.worked) / (60 * self.arguments.cooldown)
        return min(1.0, (steps + 1) / 100, left + 0.01)

    def _teach(self, phase: Phase, end: float, total: float) -> None:
        begin, steps, saved_at, scored_at, usual = self.worked, 0, time.time(), time.time(), None
        questions = self.arguments.questions if phase.name == "decoder" else 1
        lessons = Lessons(self.teacher.processor, self.seen, questions)
        batches = iter(DataLoader(lessons, self.arguments.batch, num_workers=1, collate_fn=collate, prefetch_factor=6))
        while self.worked < end and not self.stopped:
            started = time.time()
            done = (self.worked - begin) / (end - begin)
            sigma = max(4.0, 16 - 20 * done) if phase.name == "tokens" else max(2.5, 5 - 4 * done)
            loss, parts = self.teacher.losses(next(batches), phase.name, sigma)
            self.teacher.learn(loss, self._rate(total, steps))
            self.step, self.seen, steps = self.step + 1, self.seen + self.arguments.batch, steps + 1
            spent = time.time() - started
            usual = spent if usual is None else 0.9 * usual + 0.1 * min(spent, 3 * usual)
            self.worked += min(spent, 3 * usual)
            if steps % 20 == 0:
                shown = " ".join(f"{name.replace(' ', '.')} {value:.3f}" for name, value in parts.items())
                print(
                    f"{phase.name} step {self.step} {self.worked / 60:.1f} min {usual:.2f} s/step {shown}", flush=True
                )
            if time.time() - saved_at > 180:
                self.save()
                saved_at = time.time()
            if phase.name == "decoder" and time.time() - scored_at > self.arguments.score_every * 60:
                print("score", quick_score(self.teacher.model, self.teacher.processor), flush=True)
                scored_at = time.time()
        self.save()


def export_checkpoint(checkpoint: Path, folder: Path) -> None:
    """Write a checkpoint's network as a Hugging Face folder."""
    teacher = Teacher(lr=0)
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
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--score-every", type=float, default=6, help="minutes between quick scores")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--export", type=Path, help="only write the last checkpoint as a Hugging Face folder")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.export:
        export_checkpoint(arguments.run / "last.pt", arguments.export)
        return
    Run(arguments.run, Phase.parse(arguments.phases), arguments).go()


if __name__ == "__main__":
    main()
