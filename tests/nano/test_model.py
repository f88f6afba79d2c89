"""The network: it learns, resumes after a stop, and ships complete and small."""

import os
import random
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from transformers import AutoProcessor, Florence2ForConditionalGeneration, Florence2Processor

from florence_ui.assets import ASSETS
from florence_ui.nano.answers import ask
from florence_ui.nano.dataset import SceneDataset, collate, pad_rows
from florence_ui.nano.distributed import ProcessGroup
from florence_ui.nano.heads import AuxiliaryHeads, balanced_cross_entropy, dense_targets, soft_cross_entropy
from florence_ui.nano.losses import TrainingModel
from florence_ui.nano.model import GRID, build_model, build_processor, export_model, nano_config
from florence_ui.nano.optimizer import orthogonal, split_weights
from florence_ui.nano.quick_score import quick_score
from florence_ui.nano.scenes import draw_scene
from florence_ui.nano.train import Phase, Trainer
from florence_ui.nano.vocabulary import NAMES, WORDS

SHIPPED = ASSETS / "florence-2-nano"
MOST_BYTES = 25_000_000
MICRO = 48
ROOT = Path(__file__).parents[2]


def arguments(folder: Path, **changed: object) -> Namespace:
    usual = {
        "run": folder, "start": None, "resume": False, "phases": "vision=0.003", "cooldown": 0.002, "batch": 2,
        "questions": 2, "lr": 1e-3, "seed": 0, "dim": MICRO, "score_every": 60,
        "vision_lr_scale": 0.5, "adam_lr_scale": 1.0,
    }  # fmt: skip
    return Namespace(**(usual | changed))


def test_shipped_checkpoint_is_small_and_half_precision() -> None:
    files = [path for path in SHIPPED.iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= MOST_BYTES
    with safe_open(SHIPPED / "model.safetensors", "pt") as weights:
        assert {weights.get_tensor(name).dtype for name in weights.keys()} == {torch.float16}  # noqa: SIM118


def test_shipped_checkpoint_loads_as_base_and_large_do() -> None:
    model, loading = Florence2ForConditionalGeneration.from_pretrained(
        SHIPPED, local_files_only=True, output_loading_info=True
    )
    assert not loading["missing_keys"]
    assert not loading["mismatched_keys"]
    processor = AutoProcessor.from_pretrained(SHIPPED, local_files_only=True)
    assert type(processor) is Florence2Processor
    assert processor.num_image_tokens == GRID**2 + 1
    assert model.config.vision_config.projection_dim == model.config.text_config.d_model
    built = build_processor()
    assert processor.tokenizer.get_vocab() == built.tokenizer.get_vocab()
    assert processor.post_processor_config == built.post_processor_config


def test_shipped_checkpoint_answers_with_three_beams() -> None:
    processor = Florence2Processor.from_pretrained(SHIPPED, local_files_only=True)
    model = Florence2ForConditionalGeneration.from_pretrained(SHIPPED, dtype=torch.float32, local_files_only=True)
    scene = draw_scene(1_600_002)
    inputs = processor(text="<OD>", images=scene.image, return_tensors="pt")
    ids = model.generate(**inputs, max_new_tokens=60, num_beams=3, do_sample=False)
    said = processor.batch_decode(ids, skip_special_tokens=False)[0]
    answer = processor.post_process_generation(said, task="<OD>", image_size=scene.image.size)["<OD>"]
    assert set(answer["labels"]) & {thing.label for thing in scene.things}


@pytest.mark.parametrize("phase", ["vision", "tokens", "decoder"])
def test_a_few_steps_lower_the_loss(phase: str) -> None:
    training = TrainingModel(dim=MICRO)
    dataset = SceneDataset(training.processor, questions=2)
    batch = collate([dataset[number] for number in range(4)])
    optimizer = torch.optim.AdamW([*training.model.parameters(), *training.heads.parameters()], 2e-3)
    losses = []
    for _ in range(8):
        loss, parts = training.losses(batch, phase, sigma=8.0)
        assert all(value >= 0 for value in parts.values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_bos_is_never_taken_for_padding() -> None:
    training = TrainingModel(dim=MICRO)
    seen = {}
    decoder = training.model.model.language_model.decoder
    decoder.register_forward_pre_hook(lambda _, args, kwargs: seen.update(kwargs), with_kwargs=True)
    batch = collate([SceneDataset(training.processor, questions=2)[3]])
    training.losses(batch, "decoder", sigma=8.0)
    inputs = seen["input_ids"]
    assert inputs[:, 0].tolist() == [training.tokenizer.eos_token_id] * len(inputs)
    assert inputs[:, 1].tolist() == [training.tokenizer.bos_token_id] * len(inputs)


def test_a_run_resumes_from_its_checkpoint(tmp_path: Path) -> None:
    first = Trainer(arguments(tmp_path), ProcessGroup(0, 1, tmp_path / "rendezvous"))
    first.run()
    assert first.step >= 1
    assert (tmp_path / "florence-2-nano" / "model.safetensors").is_file()
    again = Trainer(arguments(tmp_path, resume=True), ProcessGroup(0, 1, tmp_path / "rendezvous"))
    assert (again.step, again.seen) == (first.step, first.seen)
    for name, weight in first.training.model.state_dict().items():
        assert torch.equal(weight, again.training.model.state_dict()[name]), name


def test_heads_learn_on_a_published_network_that_stays_as_it_is(tmp_path: Path) -> None:
    Trainer(arguments(tmp_path), ProcessGroup(0, 1, tmp_path / "rendezvous")).run()
    start = tmp_path / "florence-2-nano"
    again = tmp_path / "again"
    again.mkdir()
    run = Trainer(arguments(again, start=start, phases="heads=0.003"), ProcessGroup(0, 1, tmp_path / "rendezvous"))
    begun = {name: weight.clone() for name, weight in run.training.heads.state_dict().items()}
    run.run()
    published = Florence2ForConditionalGeneration.from_pretrained(start, dtype=torch.float32, local_files_only=True)
    for name, weight in published.state_dict().items():
        assert torch.equal(weight, run.training.model.state_dict()[name]), name
    assert not all(torch.equal(weight, begun[name]) for name, weight in run.training.heads.state_dict().items())


def test_a_run_that_is_stopped_saves_after_its_step(tmp_path: Path) -> None:
    run = Trainer(arguments(tmp_path, phases="vision=10"), ProcessGroup(0, 1, tmp_path / "rendezvous"))
    run.stop_requested = True
    run.run()
    assert run.step == 1
    assert (tmp_path / "last.pt").is_file()


@pytest.mark.slow
def test_all_processes_stop_together_and_save(tmp_path: Path) -> None:
    """Stopped at any moment, no process is left waiting for another."""
    command = [sys.executable, "-u", "-m", "florence_ui.nano.train", "--run", tmp_path, "--phases", "vision=10"]
    command += ["--dim", str(MICRO), "--processes", "2", "--batch", "2"]
    environ = os.environ | {"GLOO_SOCKET_IFNAME": "lo"}
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert "vision 20 " in process.stdout.readline()
        process.terminate()
        process.communicate(timeout=120)
    assert process.returncode == 0
    saved = {path.name for path in tmp_path.iterdir()}
    assert {"last.pt", "optimizers-0-of-2.pt", "optimizers-1-of-2.pt", "florence-2-nano"} <= saved


def test_export_changes_nothing_but_precision(tmp_path: Path) -> None:
    processor = build_processor()
    config = nano_config(processor.tokenizer, dim=MICRO)
    model = build_model(config, processor.tokenizer.convert_tokens_to_ids("<loc_0>"))
    export_model(model, processor, tmp_path)
    loaded = Florence2ForConditionalGeneration.from_pretrained(tmp_path, dtype=torch.float32, local_files_only=True)
    for name, weight in model.state_dict().items():
        assert torch.allclose(weight, loaded.state_dict()[name], atol=1e-3, rtol=1e-3), name


def test_targets_are_where_things_are() -> None:
    scene = draw_scene(1_600_001)
    targets = dense_targets(scene)
    width, height = scene.image.size
    shown = {NAMES[number - 1] for number in targets["kind"].tolist() if number}
    assert shown <= {thing.label for thing in scene.things}
    assert {WORDS[number - 1] for number in targets["word"].tolist() if number} == {sign.word for sign in scene.signs}
    letters = sum(len(sign.word) for sign in scene.signs)
    assert 0.7 * letters <= (targets["letter"] > 0).sum() <= letters
    for cell in (targets["kind"] > 0).nonzero().ravel().tolist():
        thing = next(t for t in scene.things if t.label == NAMES[targets["kind"][cell] - 1])
        x1, y1, x2, y2 = thing.box
        expected = [x1 / width, y1 / height, x2 / width, y2 / height]
        assert targets["box"][cell].tolist() == pytest.approx(expected, abs=1e-6)
        x, y = (cell % GRID + 0.5) / GRID, (cell // GRID + 0.5) / GRID
        assert expected[0] - 0.05 < x < expected[2] + 0.05
        assert expected[1] - 0.05 < y < expected[3] + 0.05


def test_near_misses_cost_less_than_far_ones() -> None:
    bins = torch.tensor([500])

    def loss(guess: int) -> float:
        logits = torch.zeros(1, 1000)
        logits[0, guess] = 8.0
        return soft_cross_entropy(logits, bins, sigma=6.0).item()

    assert loss(500) < loss(505) < loss(560)


def test_rare_foreground_has_the_weight_of_all_background() -> None:
    target = torch.tensor([0] * 99 + [1])
    always_background = torch.tensor([[4.0, 0.0]]).repeat(100, 1)
    assert balanced_cross_entropy(always_background, target) > 4


@pytest.mark.parametrize("shape", [(8, 20), (20, 8), (16, 16)], ids=str)
def test_muon_updates_are_nearly_orthogonal(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonal(torch.randn(shape)))
    assert values.max() < 1.3
    assert values.min() > 0.3


def test_every_weight_has_one_optimizer() -> None:
    training = TrainingModel(dim=MICRO)
    matrices, others = split_weights(training.model, training.heads)
    ids = [id(weight) for weight in (*matrices, *others)]
    assert len(ids) == len(set(ids))
    assert set(ids) == {id(w) for m in (training.model, training.heads) for w in m.parameters()}
    assert all(weight.ndim >= 2 for weight in matrices)


def test_examples_are_always_the_same() -> None:
    dataset = SceneDataset(build_processor(), questions=3)
    first, again = dataset[5], dataset[5]
    assert first["prompts"] == again["prompts"]
    assert torch.equal(first["picture"], again["picture"])
    assert first["answers"] != dataset[6]["answers"]


def test_example_has_the_picture_as_the_processor_prepares_it() -> None:
    processor = build_processor()
    picture = SceneDataset(processor, questions=1)[11]["picture"].float() / 255
    inputs = processor(text="<OD>", images=draw_scene(11).image, return_tensors="pt")["pixel_values"][0]
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    assert torch.allclose((picture - mean) / std, inputs, atol=1e-4)


def test_phases_are_parsed() -> None:
    assert Phase.parse("vision=25,decoder=8.5") == [Phase("vision", 25.0), Phase("decoder", 8.5)]


def test_rows_are_padded_on_the_right() -> None:
    assert pad_rows([[1, 2], [3]], 9).tolist() == [[1, 2], [3, 9]]


def test_quick_score_of_an_untrained_network_is_low() -> None:
    training = TrainingModel(dim=MICRO)
    scores = quick_score(training.model, training.processor, count=4)
    assert scores["<OD>"] == 0
    assert scores["<CAPTION>"] == 0


def test_heads_have_an_output_for_every_kind_and_word() -> None:
    heads = AuxiliaryHeads(MICRO)
    assert heads.vision.kind.out_features == len(NAMES) + 1
    assert heads.token.word.out_features == len(WORDS) + 1


def test_questions_of_one_scene_differ() -> None:
    scene = draw_scene(1_600_003)
    asked = {ask("<CAPTION_TO_PHRASE_GROUNDING>", scene, random.Random(i)).text for i in range(20)}
    assert len(asked) > 10
