"""Processes that learn together, so that every core of a machine is used."""

from pathlib import Path

import torch
from torch import distributed


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
