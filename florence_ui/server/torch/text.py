"""The text part of the network: encode prompts once, then decode one token at a time into memory that never moves.

The same operations as in transformers' BART modules, whose weights these use, so that not a bit differs for a question
without padding; but no value is looked at on the way, as a CUDA graph requires.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def encode(model: Any, features: Tensor, ids: Tensor, mask: Tensor | None) -> Tensor:
    """Encode pictures with their prompts.

    Args:
        model: A `Florence2ForConditionalGeneration`.
        features: Of shape (questions, tokens, width).
        ids: The prompts' token ids, of shape (questions, length).
        mask: Added to scores: minus infinity where a question is padded, of shape (questions, 1, 1, tokens).

    Returns:
        What the decoder attends to, of shape (questions, tokens, width).
    """
    encoder = model.model.language_model.encoder
    hidden = torch.cat((features, encoder.embed_tokens(ids)), dim=1)
    hidden = encoder.layernorm_embedding(hidden + encoder.embed_positions(hidden[:, :, 0]))
    for layer in encoder.layers:
        keys, values = project(layer.self_attn, hidden)
        hidden = layer.self_attn_layer_norm(hidden + attend(layer.self_attn, hidden, keys, values, mask))
        hidden = feed_forward(layer, hidden)
        if hidden.dtype == torch.float16:
            limit = torch.finfo(torch.float16).max - 1000
            hidden = torch.where(hidden.isfinite().all(), hidden, hidden.clamp(-limit, limit))
    return hidden


def project_encoded(model: Any, hidden: Tensor) -> Tensor:
    """Keys and values for all layers of the decoder, of shape (layers, 2, rows, heads, tokens, head width)."""
    layers = model.model.language_model.decoder.layers
    return torch.stack([torch.stack(project(layer.encoder_attn, hidden)) for layer in layers])


def decode(model: Any, ids: Tensor, kept: Tensor, encoded: Tensor, mask: Tensor | None) -> Tensor:
    """Decode the next token of each beam.

    Args:
        model: A `Florence2ForConditionalGeneration`.
        ids: The last tokens, of shape (beams,), those of a question beside each other.
        kept: Keys and values of all tokens, of shape (layers, 2, beams, heads, length, head width); the last ones are
            written here.
        encoded: What `project_encoded` returns, with a row for each beam, or for each question.
        mask: As in `encode`.

    Returns:
        Logits of shape (beams, vocabulary).
    """
    decoder = model.model.language_model.decoder
    position = torch.full((1,), kept.shape[4] - 1, device=ids.device)
    hidden = decoder.embed_tokens(ids[:, None]) + decoder.embed_positions(ids[:, None], position_ids=position)
    hidden = decoder.layernorm_embedding(hidden)
    by_row = (encoded.shape[2], -1, hidden.shape[-1])
    for layer, own, others in zip(decoder.layers, kept, encoded, strict=True):
        for states, last in zip(own, project(layer.self_attn, hidden), strict=True):
            states[:, :, -1:] = last
        hidden = layer.self_attn_layer_norm(hidden + attend(layer.self_attn, hidden, own[0], own[1], None))
        seen = attend(layer.encoder_attn, hidden.view(by_row), others[0], others[1], mask).view_as(hidden)
        hidden = feed_forward(layer, layer.encoder_attn_layer_norm(hidden + seen))
    logits: Tensor = model.lm_head(hidden)[:, -1]
    return logits


def project(attention: Any, hidden: Tensor) -> tuple[Tensor, Tensor]:
    """Keys and values of tokens, of shape (rows, heads, tokens, head width) each."""
    shape = (*hidden.shape[:2], attention.num_heads, attention.head_dim)
    keys, values = (
        projection(hidden).view(shape).transpose(1, 2) for projection in (attention.k_proj, attention.v_proj)
    )
    return keys, values


def attend(attention: Any, hidden: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
    """Attend to keys and values; the outcome is in the network's width."""
    queries = attention.q_proj(hidden).view(*hidden.shape[:2], attention.num_heads, attention.head_dim)
    queries = queries.transpose(1, 2)
    mask = None if mask is None else mask.expand(*queries.shape[:3], keys.shape[2])
    seen = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask, scale=attention.scaling)
    outcome: Tensor = attention.out_proj(seen.transpose(1, 2).reshape(hidden.shape))
    return outcome


def feed_forward(layer: Any, hidden: Tensor) -> Tensor:
    """The last part of a layer."""
    outcome: Tensor = layer.final_layer_norm(hidden + layer.fc2(layer.activation_fn(layer.fc1(hidden))))
    return outcome
