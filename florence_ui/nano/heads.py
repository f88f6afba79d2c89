"""Auxiliary heads that help the network learn to see, discarded after training.

Every image token predicts which object and which sign lie there and where their corners are; every quarter of a token
predicts which letter it shows.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from florence_ui.nano.model import DIM, GRID
from florence_ui.nano.scenes import Scene
from florence_ui.nano.vocabulary import NAMES, WORDS

CELLS = GRID * GRID
LETTERS = 27  # none, A to Z
KIND_NUMBER = {name: number for number, name in enumerate(NAMES, start=1)}
WORD_NUMBER = {word: number for number, word in enumerate(WORDS, start=1)}

_line = (np.arange(GRID) + 0.5) / GRID
CELL_CENTERS = np.stack([np.tile(_line, GRID), np.repeat(_line, GRID)], axis=1).astype(np.float32)
"""Centers of the image tokens' cells, shape (cells, 2), in parts of the picture."""


def dense_targets(scene: Scene) -> dict[str, torch.Tensor]:
    """What every image token should predict, coordinates in parts of the picture.

    Returns:
        ``kind`` and ``word``: shape (cells,), 0 for none; ``box``: (cells, 4); ``quad``: (cells, 8), both valid where
        there is a kind or word; ``letter``: (4 * cells,) on the grid of twice as many rows and columns, 0 for none.
    """
    size = np.array(scene.image.size)
    kind, word = np.zeros(CELLS, np.int64), np.zeros(CELLS, np.int64)
    box, quad = np.zeros((CELLS, 4), np.float32), np.zeros((CELLS, 8), np.float32)
    for thing in scene.things:
        corners = np.array(thing.box).reshape(2, 2) / size
        inside = _cells_around(corners[0], corners[1], (0.35, 0.35))
        kind[inside], box[inside] = KIND_NUMBER[thing.label], corners.ravel()
    letter = np.zeros((2 * GRID, 2 * GRID), np.int64)
    for sign in scene.signs:
        corners = sign.quad / size
        inside = _cells_around(corners.min(0), corners.max(0), (0.42, 0.5))
        word[inside], quad[inside] = WORD_NUMBER[sign.word], corners.ravel()
        cells = np.clip(sign.letters / size * 2 * GRID, 0, 2 * GRID - 1).astype(int)
        for character, (x, y) in zip(sign.word, cells, strict=True):
            letter[y, x] = ord(character) - ord("A") + 1
    targets = {"kind": kind, "word": word, "box": box, "quad": quad, "letter": letter.ravel()}
    return {name: torch.from_numpy(values) for name, values in targets.items()}


def _cells_around(low: np.ndarray, high: np.ndarray, reach: tuple[float, float]) -> np.ndarray:
    """Which cells have their center near the center of a box: within that part of its sides and a third of a cell."""
    return (np.abs(CELL_CENTERS - (low + high) / 2) < (high - low) * reach + 0.3 / GRID).all(1)


def balanced_cross_entropy(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Cross entropy in which background (0) and everything else have equal weight."""
    loss = F.cross_entropy(logits, target, reduction="none")
    foreground = target > 0
    return loss[~foreground].mean() + loss[foreground].sum() / foreground.sum().clamp(min=1)


def soft_targets(bins: torch.Tensor, sigma: float) -> torch.Tensor:
    """A Gaussian around each bin as a distribution over all 1,000: a near miss costs little, so order is learned."""
    distance = torch.arange(1000) - bins[..., None]
    return torch.softmax(-(distance**2) / (2 * sigma**2), -1)


def soft_cross_entropy(logits: torch.Tensor, bins: torch.Tensor, sigma: float) -> torch.Tensor:
    """Divergence of logits over the 1,000 locations from soft targets; same shape as ``bins``."""
    target = soft_targets(bins, sigma)
    return -(target * (F.log_softmax(logits, -1) - (target + 1e-9).log())).sum(-1)


class VisionHead(nn.Module):
    """Kind, box, word, quad and letters from the last vision map."""

    def __init__(self, dim: int = DIM):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.kind = nn.Linear(dim, len(NAMES) + 1)
        self.word = nn.Linear(dim, len(WORDS) + 1)
        self.corners = nn.Linear(dim, 12)
        self.letter = nn.Linear(dim, 4 * LETTERS)

    def forward(self, vision_map: torch.Tensor, targets: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Losses for a map of shape (batch, dim, grid, grid)."""
        tokens = self.norm(vision_map.flatten(2).transpose(1, 2))
        kind, word = targets["kind"], targets["word"]
        corners = self.corners(tokens) + torch.from_numpy(CELL_CENTERS).repeat(1, 6)
        letters = self.letter(tokens).view(-1, GRID, GRID, 2, 2, LETTERS).transpose(2, 3).reshape(-1, LETTERS)
        return {
            "kind": balanced_cross_entropy(self.kind(tokens).flatten(0, 1), kind.flatten()),
            "word": balanced_cross_entropy(self.word(tokens).flatten(0, 1), word.flatten()),
            "letter": balanced_cross_entropy(letters, targets["letter"].flatten()),
            "box": _corner_loss(corners[..., :4], targets["box"], kind > 0),
            "quad": _corner_loss(corners[..., 4:], targets["quad"], word > 0),
        }


def _corner_loss(corners: torch.Tensor, target: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    return 10 * (corners - target).abs().mean(-1)[valid].sum() / valid.sum().clamp(min=1)


class TokenHead(nn.Module):
    """Kind, word and corners, these as location tokens, from the encoder's image tokens."""

    MAX_CELLS = 160  # sampled for corners in one step; all of them cost more than they teach

    def __init__(self, dim: int = DIM):
        super().__init__()
        self.kind = nn.Linear(dim, len(NAMES) + 1)
        self.word = nn.Linear(dim, len(WORDS) + 1)
        self.box = nn.Linear(dim, 4 * dim)
        self.quad = nn.Linear(dim, 8 * dim)

    def forward(
        self, tokens: torch.Tensor, table: torch.Tensor, targets: dict[str, torch.Tensor], sigma: float
    ) -> dict[str, torch.Tensor]:
        """Losses for image tokens (batch, cells, dim) and location embeddings (1000, dim)."""
        return {
            "kind": balanced_cross_entropy(self.kind(tokens).flatten(0, 1), targets["kind"].flatten()),
            "word": balanced_cross_entropy(self.word(tokens).flatten(0, 1), targets["word"].flatten()),
            "box": self._location_loss(self.box, tokens, table, targets["box"], targets["kind"] > 0, sigma),
            "quad": self._location_loss(self.quad, tokens, table, targets["quad"], targets["word"] > 0, sigma),
        }

    def _location_loss(
        self,
        layer: nn.Linear,
        tokens: torch.Tensor,
        table: torch.Tensor,
        target: torch.Tensor,
        valid: torch.Tensor,
        sigma: float,
    ) -> torch.Tensor:
        row, cell = valid.nonzero(as_tuple=True)
        if not len(row):
            return tokens.sum() * 0
        some = torch.randperm(len(row))[: self.MAX_CELLS]
        row, cell = row[some], cell[some]
        queries = layer(tokens[row, cell]).view(len(row), -1, tokens.shape[-1])
        bins = (target[row, cell] * 1000).long().clamp(0, 999)
        return soft_cross_entropy(queries @ table.T, bins, sigma).mean()


class AuxiliaryHeads(nn.Module):
    """Both heads."""

    def __init__(self, dim: int = DIM):
        super().__init__()
        self.vision = VisionHead(dim)
        self.token = TokenHead(dim)
