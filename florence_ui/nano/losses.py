"""The losses of the network and its auxiliary heads on a batch."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F

from florence_ui.nano.dataset import Batch, pad_rows
from florence_ui.nano.heads import AuxiliaryHeads, soft_targets
from florence_ui.nano.model import DIM, build_model, build_processor, nano_config, token_embeddings

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


class _Summed(NamedTuple):
    """Summed losses of words and of locations, and how many tokens each sums over."""

    words: torch.Tensor
    locations: torch.Tensor
    word_count: int
    location_count: int


class TrainingModel:
    """The network with its auxiliary heads, and their losses in each phase."""

    def __init__(self, seed: int = 0, dim: int = DIM):
        torch.manual_seed(seed)
        self.processor = build_processor()
        self.tokenizer = self.processor.tokenizer
        self.first_location = self.tokenizer.convert_tokens_to_ids("<loc_0>")
        self.model = build_model(nano_config(self.tokenizer, dim=dim), self.first_location)
        self.heads = AuxiliaryHeads(dim)

    @property
    def location_table(self) -> torch.Tensor:
        """Embeddings of the 1,000 locations."""
        return token_embeddings(self.model)[self.first_location : self.first_location + 1000]

    def losses(self, batch: Batch, phase: str, sigma: float) -> tuple[torch.Tensor, dict[str, float]]:
        """The loss to minimize, and its parts for the log."""
        core = self.model.model
        self.model.requires_grad_(phase != "heads")
        vision_map = core.vision_tower((batch["pictures"].float() / 255 - MEAN) / STD).last_hidden_state
        vision = self.heads.vision(vision_map, batch["targets"])
        parts = {f"vision {name}": loss for name, loss in vision.items()}
        total = torch.stack([*vision.values()]).sum() * (1.0 if phase == "vision" else 0.5)
        if phase != "vision":
            features = core.multi_modal_projector(vision_map)
            tokens, language = self._language(features, batch, sigma, decode=phase == "decoder")
            token = self.heads.token(tokens, self.location_table, batch["targets"], sigma)
            parts |= {f"token {name}": loss for name, loss in token.items()} | language
            total = total + sum(token.values()) + 2 * sum(language.values())
        return total, {name: loss.item() for name, loss in parts.items()}

    def _language(
        self, features: torch.Tensor, batch: Batch, sigma: float, *, decode: bool
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The encoder's image tokens for one question a picture, and the decoder's losses on all questions."""
        order = sorted(range(len(batch["owner"])), key=lambda i: len(batch["answers"][i]))
        parts = [order[: len(order) // 2], order[len(order) // 2 :]] if decode else [order]
        summed: list[_Summed] = []
        tokens: dict[int, torch.Tensor] = {}
        for part in parts:
            owner = [batch["owner"][i] for i in part]
            hidden, mask = self._encode(features[owner], [batch["prompts"][i] for i in part])
            for row, picture in enumerate(owner):
                tokens.setdefault(picture, hidden[row, 1 : features.shape[1]])
            if decode:
                summed.append(self._decode(hidden, mask, [batch["answers"][i] for i in part], sigma))
        stacked = torch.stack([tokens[picture] for picture in range(len(features))])
        if not decode:
            return stacked, {}
        words = torch.stack([part.words for part in summed]).sum() / max(1, sum(part.word_count for part in summed))
        places = torch.stack([part.locations for part in summed]).sum()
        return stacked, {"words": words, "places": places / max(1, sum(part.location_count for part in summed))}

    def _encode(self, features: torch.Tensor, prompts: Sequence[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        ids = pad_rows(prompts, self.tokenizer.pad_token_id)
        embeds = torch.cat([features, self.model.get_input_embeddings()(ids)], 1)
        seen = torch.ones(features.shape[:2], dtype=torch.long)
        mask = torch.cat([seen, (ids != self.tokenizer.pad_token_id).long()], 1)
        encoder = self.model.model.language_model.encoder
        return encoder(inputs_embeds=embeds, attention_mask=mask).last_hidden_state, mask

    def _decode(self, hidden: torch.Tensor, mask: torch.Tensor, answers: Sequence[list[int]], sigma: float) -> _Summed:
        labels = pad_rows(answers, -100)
        start = torch.full((len(labels), 1), self.tokenizer.eos_token_id)
        # Only the filling becomes padding: <s> has id 0, so clamping ids would make padding of it.
        inputs = torch.cat([start, labels[:, :-1]], 1)
        inputs = inputs.masked_fill(inputs == -100, self.tokenizer.pad_token_id)
        decoder = self.model.model.language_model.decoder
        decoded = decoder(
            input_ids=inputs, encoder_hidden_states=hidden, encoder_attention_mask=mask, use_cache=False
        ).last_hidden_state
        valid = labels >= 0
        logits, labels = self.model.lm_head(decoded[valid]), labels[valid]
        first = self.first_location
        location = (labels >= first) & (labels < first + 1000)
        words = F.cross_entropy(logits[~location], labels[~location], reduction="sum")
        target = soft_targets(labels[location] - first, sigma)
        scores = F.log_softmax(logits[location], -1)[:, first : first + 1000]
        locations = -(target * (scores - (target + 1e-9).log())).sum()
        return _Summed(words, locations, int((~location).sum()), int(location.sum()))
