"""Data-parallel training: one process per core."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import distributed


class ProcessGroup:
    """The processes of a run: each has a core, its own pictures, and the same network.

    One process with two threads would do as much on an idle machine, but on a busy one its threads wait for each other
    thousands of times a step.
    """

    def __init__(self, rank: int, size: int, rendezvous: Path):
        self.rank, self.size = rank, size
        if size > 1:
            distributed.init_process_group("gloo", f"file://{rendezvous}", rank=rank, world_size=size)

    def average(self, weights: Sequence[torch.nn.Parameter], *numbers: float) -> list[float]:
        """Average the weights' gradients over all processes, in place; and some numbers, returned."""
        if self.size == 1:
            return list(numbers)
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        flat = torch.cat([*(gradient.ravel() for gradient in gradients), torch.tensor(numbers)])
        distributed.all_reduce(flat)
        flat /= self.size
        *parts, averages = flat.split([*(gradient.numel() for gradient in gradients), len(numbers)])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))
        return averages.tolist()

    def broadcast(self, weights: Sequence[torch.nn.Parameter]) -> None:
        """Copy every weight from the rank that updates it to all others: the first weight from the first rank, ..."""
        for rank in range(self.size if self.size > 1 else 0):
            owned = [weight.data for weight in weights[rank :: self.size]]
            flat = torch.cat([weight.ravel() for weight in owned])
            distributed.broadcast(flat, rank)
            for weight, part in zip(owned, flat.split([weight.numel() for weight in owned]), strict=True):
                weight.copy_(part.view_as(weight))
