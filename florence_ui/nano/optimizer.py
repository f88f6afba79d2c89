"""Muon for weight matrices, AdamW for everything else: fewer steps to the same loss than AdamW alone.

Muon after Keller Jordan, https://kellerjordan.github.io/posts/muon/; step size matched to AdamW's as in
https://arxiv.org/abs/2502.16982. torch's own Muon computes in bfloat16, which many CPUs emulate slowly.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn


@torch.no_grad()
def orthogonal(matrix: torch.Tensor, steps: int = 5) -> torch.Tensor:
    """A matrix with the singular vectors of the given one and singular values near 1 (Newton-Schulz iteration)."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """Momentum with orthogonalized updates. Kernels of dense convolutions count as matrices."""

    def __init__(
        self,
        params: Iterable[nn.Parameter] | Iterable[dict[str, Any]],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.02,
    ):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # no closure, as no caller has one
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["momentum"] = torch.zeros_like(weight)
                state["momentum"].lerp_(weight.grad, 1 - group["momentum"])
                update = weight.grad.lerp(state["momentum"], group["momentum"]).flatten(1)
                scale = 0.2 * max(update.shape) ** 0.5
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.add_(orthogonal(update).view_as(weight), alpha=-group["lr"] * scale)


def split_weights(model: nn.Module, heads: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Weights for Muon, largest first, and for AdamW (embeddings, biases, norms, depthwise kernels, heads)."""
    matrices: list[nn.Parameter] = []
    others = list(heads.parameters())
    for name, weight in model.named_parameters():
        embedding = any(part in name for part in ("shared", "embed_positions", "_embeddings", "lm_head"))
        depthwise = weight.ndim == 4 and weight.shape[1] == 1
        (others if weight.ndim < 2 or embedding or depthwise else matrices).append(weight)
    return sorted(matrices, key=torch.numel, reverse=True), others
