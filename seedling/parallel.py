"""Gradients by several processes of one thread each, over weights in shared memory.

On a machine that does other work too, threads that meet after every operation wait for whichever of them was put
aside. Processes that take small shares of a batch from one queue meet once a step.
"""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, Any

import torch
import torch.multiprocessing as multiprocessing

from .memory import keep_memory
from .model import Seedling

if TYPE_CHECKING:
    from torch import Tensor

SHARE = 1536
"""About how many tokens a process takes at a time."""


def shares(ids: Tensor, weights: Tensor, tokens: int = SHARE) -> list[tuple[Tensor, Tensor]]:
    """Cut a batch by rows into pieces of about `tokens` tokens that carry any loss, each without needless padding."""
    rows = max(1, tokens // ids.shape[1])
    pieces = list(zip(ids.split(rows), weights.split(rows), strict=True))
    return [(part, weight) for part, weight in pieces if weight[:, 1:].count_nonzero()]


class Gradients:
    """Adds the gradient of a batch's loss to the model's parameters, with the help of other processes.

    `model` moves to shared memory; helpers read its weights, which must not change while `add` runs. `close` ends
    the helpers; they also end with the process that made them.
    """

    def __init__(self, model: Seedling, helpers: int, compiled: bool) -> None:
        self.model = model
        self.processes: list[Any] = []
        self.gradients: list[list[Tensor]] = []
        if compiled:
            compile_layers(model)
        if not helpers:
            return
        model.share_memory()
        context = multiprocessing.get_context("spawn")
        self.work: Any = context.Queue()
        self.done: Any = context.Queue()
        for _ in range(helpers):
            gradients = [torch.zeros_like(weight).share_memory_() for weight in model.parameters()]
            weights = dict(model.state_dict())
            arguments = (model.config, model.dtype, weights, gradients, compiled, self.work, self.done)
            process = context.Process(target=help_out, args=arguments, daemon=True)
            process.start()
            self.processes.append(process)
            self.gradients.append(gradients)

    def add(self, ids: Tensor, weights: Tensor) -> float:
        """Add the gradient for `ids`, `weights` (as for `Seedling.loss`) to each parameter; returns the loss."""
        total = float(weights[:, 1:].sum())
        if not self.processes:
            loss = self.model.loss(ids, weights)
            loss.backward()  # type: ignore[no-untyped-call]
            return loss.item()
        pieces = shares(ids, weights)
        for part, weight in pieces:
            self.work.put((part.numpy(), weight.numpy(), total))
        losses = []
        while True:
            try:
                losses.append(add_share(self.model, *self.work.get_nowait()))
            except queue.Empty:
                break
        while len(losses) < len(pieces):
            losses.append(self.done.get(timeout=600))
        for gradients in self.gradients:
            for weight, gradient in zip(self.model.parameters(), gradients, strict=True):
                weight.grad = gradient.clone() if weight.grad is None else weight.grad.add_(gradient)
                gradient.zero_()
        return sum(losses)

    def close(self) -> None:
        for process in self.processes:
            process.terminate()


def compile_layers(model: Seedling) -> None:
    """Fuse what stands between the matrix products; one compilation serves all layers and shapes."""
    for layer in model.model.layers:
        layer.compile(dynamic=True)


def add_share(model: Seedling, ids: Any, weights: Any, total: float) -> float:
    """Add the gradient of one share of a batch whose weights sum to `total`; returns its part of the loss."""
    tokens, weight = torch.from_numpy(ids), torch.from_numpy(weights)
    loss = model.loss(tokens, weight) * (weight[:, 1:].sum() / total)
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.item()


def help_out(
    config: Any,
    dtype: torch.dtype,
    weights: dict[str, Tensor],
    gradients: list[Tensor],
    compiled: bool,
    work: Any,
    done: Any,
) -> None:
    """Body of a helper: take shares from `work` for ever, leaving gradients in `gradients` and losses in `done`."""
    torch.set_num_threads(1)
    keep_memory()
    with torch.device("meta"):
        model = Seedling(config, dtype)
    model.load_state_dict(weights, assign=True)
    model.cos, model.sin = Seedling(config, dtype).cos, Seedling(config, dtype).sin
    for weight, gradient in zip(model.parameters(), gradients, strict=True):
        weight.grad = gradient
    if compiled:
        compile_layers(model)
    while True:
        done.put(add_share(model, *work.get()))
