"""Names of tensors: those of transformers' Florence-2 modules, and the older ones of Microsoft's own code.

`florence-community/*` has the first, `microsoft/Florence-2-*` and most fine-tunes the second.
"""

import re

TRANSPOSED = {"image_projection"}
"""The older layout multiplies with this matrix from the right; everywhere else it is a layer's, output first."""

OLD_TO_CANONICAL = [
    (r"^language_model\.lm_head\.weight$", "lm_head.weight"),
    (r"^language_model\.model\.", "model.language_model."),
    (r"^image_projection$", "model.multi_modal_projector.image_projection.weight"),
    (r"^image_proj_norm\.", "model.multi_modal_projector.image_proj_norm."),
    (r"^image_pos_embed\.", "model.multi_modal_projector.image_position_embed."),
    (r"^visual_temporal_embed\.", "model.multi_modal_projector.visual_temporal_embed."),
    (r"^vision_tower\.convs\.(\d+)\.proj\.", r"model.vision_tower.convs.\1.conv."),
    (r"^vision_tower\.(.*_block)\.(conv[12])\.fn\.dw\.", r"model.vision_tower.\1.\2."),
    (r"^vision_tower\.(.*_block)\.(\w+_attn)\.norm\.", r"model.vision_tower.\1.norm1."),
    (r"^vision_tower\.(.*_block)\.(\w+_attn)\.fn\.", r"model.vision_tower.\1.\2."),
    (r"^vision_tower\.(.*_block)\.ffn\.norm\.", r"model.vision_tower.\1.norm2."),
    (r"^vision_tower\.(.*_block)\.ffn\.fn\.net\.", r"model.vision_tower.\1.ffn."),
    (r"^vision_tower\.", "model.vision_tower."),
]
"""Patterns in order of precedence, and what the part that they match becomes."""

TIED = re.compile(r"^(lm_head|model\.language_model\.(encoder|decoder)\.embed_tokens)\.weight$")
"""Weights that equal the shared embeddings wherever a file leaves them out."""
SHARED = "model.language_model.shared.weight"


def canonical_name(name: str) -> str:
    """The name that transformers' modules have for a tensor of either layout."""
    for pattern, replacement in OLD_TO_CANONICAL:
        renamed, count = re.subn(pattern, replacement, name)
        if count:
            return renamed
    return name
