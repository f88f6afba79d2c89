"""A checkpoint in the layout of `microsoft/Florence-2-*`: its own names, a matrix the other way round, tied weights
written out, the image processor's settings in a file of their own.

The names are Microsoft's modules': https://huggingface.co/microsoft/Florence-2-base/blob/main/modeling_florence2.py
"""

import json
import re
import shutil
from pathlib import Path

from safetensors.torch import load_file, save_file

RENAMED = {
    r"^lm_head\.": "language_model.lm_head.",
    r"^model\.language_model\.": "language_model.model.",
    r"^model\.multi_modal_projector\.image_projection\.weight": "image_projection",
    r"^model\.multi_modal_projector\.image_position_embed\.": "image_pos_embed.",
    r"^model\.multi_modal_projector\.": "",
    r"^model\.vision_tower\.": "vision_tower.",
    r"(convs\.\d)\.conv\.": r"\1.proj.",
    r"_block\.(conv\d)\.": r"_block.\1.fn.dw.",
    r"(window|channel)_attn\.": r"\1_attn.fn.",
    r"spatial_block\.norm1\.": "spatial_block.window_attn.norm.",
    r"channel_block\.norm1\.": "channel_block.channel_attn.norm.",
    r"_block\.ffn\.": "_block.ffn.fn.net.",
    r"_block\.norm2\.": "_block.ffn.norm.",
}


def old_name(name: str) -> str:
    """The name of a tensor of transformers' modules in Microsoft's."""
    for pattern, replacement in RENAMED.items():
        name = re.sub(pattern, replacement, name)
    return name


def write_old_layout(checkpoint: Path, directory: Path) -> Path:
    """Write a checkpoint of transformers' layout anew; the tokenizer's files stay as they are."""
    shutil.copytree(checkpoint, directory)
    tensors = {old_name(name): tensor for name, tensor in load_file(directory / "model.safetensors").items()}
    shared = tensors["language_model.model.shared.weight"]
    for tied in ("language_model.model.encoder.embed_tokens", "language_model.model.decoder.embed_tokens"):
        tensors[f"{tied}.weight"] = shared.clone()
    tensors["language_model.lm_head.weight"] = shared.clone()
    tensors["language_model.final_logits_bias"] = shared.new_zeros(1, len(shared))
    tensors["image_projection"] = tensors["image_projection"].T.contiguous()
    save_file(tensors, directory / "model.safetensors", {"format": "pt"})
    write_old_config(directory / "config.json")
    processor = directory / "processor_config.json"
    image_processor = json.loads(processor.read_text())["image_processor"]
    (directory / "preprocessor_config.json").write_text(json.dumps(image_processor))
    processor.unlink()
    return directory


def write_old_config(path: Path) -> None:
    """Write the configuration anew, with the code that nobody may run."""
    config = json.loads(path.read_text())
    vision = config["vision_config"]
    vision["dim_embed"] = vision.pop("embed_dim")
    vision["model_type"] = "davit"
    vision["image_feature_source"] = ["spatial_avg_pool", "temporal_avg_pool"]
    config["text_config"]["model_type"] = "florence2_language"
    config["auto_map"] = {"AutoModelForCausalLM": "modeling_florence2.Florence2ForConditionalGeneration"}
    path.with_name("modeling_florence2.py").write_text("raise SystemExit('a checkpoint ran its own code')\n")
    path.write_text(json.dumps(config))
