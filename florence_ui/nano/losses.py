"""What the network and its heads lose on a batch of lessons."""

import torch
import torch.nn.functional as F

from florence_ui.nano.dataset import padded
from florence_ui.nano.heads import Heads, soft_targets
from florence_ui.nano.model import DIM, build_model, build_processor, nano_config

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


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
        self.model.requires_grad_(phase != "heads")
        vision_map = core.vision_tower((batch["pictures"].float() / 255 - MEAN) / STD).last_hidden_state
        parts = {f"eye {k}": v for k, v in self.heads.vision(vision_map, batch["targets"]).items()}
        total = sum(parts.values()) * (1.0 if phase == "eyes" else 0.5)
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
