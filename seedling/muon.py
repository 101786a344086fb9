"""Muon for the matrices inside the layers: momentum whose singular values are all made about one.

After Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks". On a model this small the
extra products cost a few per cent of a step.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterable


def orthogonalise(matrices: Tensor, steps: int = 5) -> Tensor:
    """Push the singular values of each of `matrices` [n, rows, columns] towards one (Newton–Schulz, bfloat16)."""
    x = matrices.bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return (x.mT if tall else x).float()


class Muon(torch.optim.Optimizer):
    """Muon over matrices; those of one shape are updated together."""

    def __init__(
        self, matrices: Iterable[Tensor], lr: float = 0.02, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[tuple[Tensor, Tensor]]] = defaultdict(list)
            for weight in group["params"]:
                if weight.grad is not None:
                    by_shape[weight.shape].append((weight, weight.grad))
            for shape, pairs in by_shape.items():
                update = orthogonalise(torch.stack([self._direction(*pair, group["momentum"]) for pair in pairs]))
                scale = group["lr"] * max(1.0, shape[0] / shape[1]) ** 0.5
                for (weight, _), change in zip(pairs, update, strict=True):
                    weight.mul_(1 - group["lr"] * group["weight_decay"]).add_(change, alpha=-scale)

    def _direction(self, weight: Tensor, gradient: Tensor, momentum: float) -> Tensor:
        """`gradient` of `weight` smoothed with Nesterov momentum."""
        state = self.state[weight]
        if "mean" not in state:
            state["mean"] = torch.zeros_like(weight)
        state["mean"].lerp_(gradient, 1 - momentum)
        return torch.lerp(gradient, state["mean"], momentum)
