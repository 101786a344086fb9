"""A sparse mixture of experts: each token goes to the few feed-forward layers its router likes best.

    p = softmax(router @ x)                     # in float32, over the experts
    best = the k likeliest experts
    y = sum(p[e] * expert[e](x) for e in best)  # in the order of their probability; p rescaled to sum to 1 or not

Shazeer et al. 2017, section 2; Jiang et al. 2024 ("Mixtral"), section 2.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...kernels.linear import linear
from .mlp import GatedMLP


@dataclass(frozen=True, slots=True, eq=False)
class SparseMLP:
    """One layer's experts.

    Attributes:
        router: [experts, hidden]; kept in the model's dtype, also where other weights are quantised.
        top: k, experts a token.
        rescale: whether the k probabilities are made to sum to 1.
        batch_invariant: a token's result is the same bits whatever stands beside it. The experts are then invariant
            layers; a token's experts are added in an order that only it decides.
    """

    router: Tensor
    experts: Sequence[GatedMLP]
    top: int
    rescale: bool
    batch_invariant: bool

    def __call__(self, hidden: Tensor) -> Tensor:
        """[T, hidden] from [T, hidden]."""
        scores = linear(hidden, self.router, batch_invariant=self.batch_invariant)
        weights, chosen = scores.float().softmax(-1).topk(self.top, dim=-1)
        if self.rescale:
            weights = weights / _sum(weights)[:, None]
        results = self._results(hidden, chosen)
        return _sum(results.float() * weights[:, :, None]).to(hidden.dtype)

    def _results(self, hidden: Tensor, chosen: Tensor) -> Tensor:
        """What each token's experts make of it: [T, k, hidden]."""
        places = chosen.flatten().argsort(stable=True)  # into [T * k], expert by expert
        counts = torch.bincount(chosen.flatten(), minlength=len(self.experts)).tolist()
        results = hidden.new_empty(len(places), hidden.shape[-1])
        start = 0
        for expert, count in zip(self.experts, counts, strict=True):
            if count:
                mine = places[start : start + count]
                results[mine] = expert(hidden[mine // self.top])
                start += count
        return results.view(-1, self.top, hidden.shape[-1])


def _sum(parts: Tensor) -> Tensor:
    """The sum over the second dimension, always in its order."""
    total = parts[:, 0]
    for place in range(1, parts.shape[1]):
        total = total + parts[:, place]
    return total
