"""Gradients by several processes of one thread each, over weights in shared memory.

On a machine that does other work too, threads that meet after every operation wait for whichever of them was put
aside. Processes that take small shares of a batch from one queue meet once a step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.multiprocessing as multiprocessing

from .memory import keep_memory
from .model import ModelConfig, Seedling

if TYPE_CHECKING:
    from multiprocessing.queues import Queue

    from torch import Tensor

SHARE = 640
"""About how many tokens a process takes at a time: few enough that none waits long for the last one."""


def shares(ids: Tensor, weights: Tensor, tokens: int = SHARE) -> list[tuple[Tensor, Tensor]]:
    """Cut a batch by rows into pieces of about `tokens` tokens, each no longer than its last token that weighs."""
    rows = max(1, tokens // ids.shape[1])
    pieces = []
    for part, weight in zip(ids.split(rows), weights.split(rows), strict=True):
        places = weight.any(0).nonzero()
        if len(places) and places[-1] > 0:
            length = int(places[-1]) + 1
            pieces.append((part[:, :length], weight[:, :length]))
    return pieces


class Gradients:
    """Adds the gradient of a batch's loss to the model's parameters, with the help of other processes.

    `model` moves to shared memory; helpers read its weights, which must not change while `add` runs. `close` ends
    the helpers; they also end with the process that made them.
    """

    def __init__(self, model: Seedling, helpers: int, compiled: bool) -> None:
        self.model = model
        self.processes: list[Any] = []
        self.gradients: list[list[Tensor]] = []
        self.work: list[Any] = []
        if compiled:
            compile_layers(model)
        if not helpers:
            return
        model.share_memory()
        context = multiprocessing.get_context("spawn")
        self.claimed: Any = context.Value("i", 0)
        self.done: Any = context.Queue()
        for _ in range(helpers):
            gradients = [torch.zeros_like(weight).share_memory_() for weight in model.parameters()]
            work = context.Queue()
            arguments = (model.config, model.dtype, dict(model.state_dict()), gradients, compiled)
            process = context.Process(target=help_out, args=(*arguments, work, self.done, self.claimed), daemon=True)
            self.work.append(work)
            process.start()
            self.processes.append(process)
            self.gradients.append(gradients)

    def add(self, ids: Tensor, weights: Tensor) -> float:
        """Add the gradient for `ids`, `weights` (as for `Seedling.loss`) to each parameter; returns the loss."""
        if not self.processes:
            loss = self.model.loss(ids, weights)
            loss.backward()
            return loss.item()
        self.claimed.value = 0
        for work in self.work:
            work.put((ids.numpy(), weights.numpy()))
        total = add_shares(self.model, ids, weights, self.claimed)
        total += sum(self.done.get(timeout=600) for _ in self.processes)
        for gradients in self.gradients:
            for weight, gradient in zip(self.model.parameters(), gradients, strict=True):
                weight.grad = gradient.clone() if weight.grad is None else weight.grad.add_(gradient)
                gradient.zero_()
        return total

    def close(self) -> None:
        for process in self.processes:
            process.terminate()


def compile_layers(model: Seedling) -> None:
    """Fuse what stands between the matrix products; one compilation serves all layers and shapes."""
    for layer in model.layers():
        layer.compile(dynamic=True)


def add_shares(model: Seedling, ids: Tensor, weights: Tensor, claimed: Any) -> float:
    """Take shares of the batch while there are any, adding their gradients; returns their part of the loss.

    `claimed` counts the shares that some process has taken.
    """
    whole = weights[:, 1:].sum()
    pieces = shares(ids, weights)
    total = 0.0
    while True:
        with claimed.get_lock():
            place = claimed.value
            claimed.value += 1
        if place >= len(pieces):
            return total
        part, weight = pieces[place]
        loss = model.loss(part, weight) * (weight[:, 1:].sum() / whole)
        loss.backward()
        total += loss.item()


def help_out(
    config: ModelConfig,
    dtype: torch.dtype,
    weights: dict[str, Tensor],
    gradients: list[Tensor],
    compiled: bool,
    work: Queue[tuple[Any, Any]],
    done: Queue[float],
    claimed: Any,
) -> None:
    """Body of a helper: share each batch that comes from `work`, leave gradients in `gradients`, answer to `done`."""
    torch.set_num_threads(1)
    keep_memory()
    model = Seedling(config, dtype)
    model.load_state_dict(weights, assign=True)
    for weight, gradient in zip(model.parameters(), gradients, strict=True):
        weight.grad = gradient
    if compiled:
        compile_layers(model)
    while True:
        ids, batch_weights = (torch.from_numpy(array) for array in work.get())
        done.put(add_shares(model, ids, batch_weights, claimed))
