"""Training batches: examples rendered with the chat template, tokenised, cut by length into even batches."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from jinja2 import Environment
from torch import Tensor

from .folder import TEMPLATE_FILE
from .tokenizer import ASSISTANT, END, PAD, load_tokenizer, token_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.queues import Queue
    from multiprocessing.sharedctypes import Synchronized
    from pathlib import Path

    from tokenizers import Tokenizer

    from .corpus import Example

PROMPT_SHARE, PROMPT_WEIGHT = 0.06, 0.1
"""A few of the prompt's tokens carry a little loss: it teaches the embeddings early."""


@cache
def chat_template() -> Any:
    """The compiled chat template."""
    return Environment(autoescape=False).from_string(TEMPLATE_FILE.read_text(encoding="utf-8"))


def render(example: Example) -> str:
    """The whole conversation of `example` as text."""
    text: str = chat_template().render(messages=example.messages, tools=example.tools)
    return text


@dataclass(frozen=True)
class Tokens:
    """One tokenised example: ids, which of them the assistant wrote, and its task."""

    ids: list[int]
    answer: list[bool]
    task: str


def tokenise(example: Example, tokenizer: Tokenizer) -> Tokens:
    """Token ids of `example`; an answer runs from after `<|assistant|>` up to and with `<|end|>`."""
    ids: list[int] = tokenizer.encode(render(example)).ids
    begin, end = token_id(tokenizer, ASSISTANT), token_id(tokenizer, END)
    answer, inside = [], False
    for token in ids:
        answer.append(inside)
        inside = token == begin or (inside and token != end)
    return Tokens(ids, answer, example.task)


def weigh(sequence: Tokens, rng: random.Random) -> list[float]:
    """Loss weight of each token: long answers weigh more than short ones, but less than by their length."""
    weight = min(4.0, max(0.5, (40 / max(1, sum(sequence.answer))) ** 0.5))
    return [weight if inside else PROMPT_WEIGHT if rng.random() < PROMPT_SHARE else 0.0 for inside in sequence.answer]


def collate(rows: Sequence[tuple[list[int], list[float]]], pad: int, multiple: int = 16) -> tuple[Tensor, Tensor]:
    """Rows of (ids, weights) as int64 and float32 tensors [rows, length], padded on the right."""
    length = -(-max(len(ids) for ids, _ in rows) // multiple) * multiple
    tokens = torch.full((len(rows), length), pad)
    weights = torch.zeros(len(rows), length)
    for row, (ids, weight) in enumerate(rows):
        tokens[row, : len(ids)] = torch.tensor(ids)
        weights[row, : len(ids)] = torch.tensor(weight)
    return tokens, weights


@dataclass(frozen=True)
class Stage:
    """What is drawn at one time of the training: share of copying, longest example, share of long rows."""

    copying: float
    longest: int
    packed: float


def stage(progress: float) -> Stage:
    """The curriculum at `progress` 0..1: copying and short texts first, whole contexts at the end."""
    if progress < 0.07:
        return Stage(copying=0.6, longest=256, packed=0.0)
    if progress < 0.2:
        return Stage(copying=0.1, longest=384, packed=0.0)
    if progress < 0.45:
        return Stage(copying=0.0, longest=512, packed=0.0)
    return Stage(copying=0.0, longest=1024, packed=0.03 if progress < 0.75 else 0.06)


def batches(
    tokenizer: Tokenizer, rng: random.Random, progress: Synchronized[float], tokens: int, context: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches (ids, weights) of about `tokens` tokens, rows of one batch alike in length."""
    from .corpus import sample

    pad = token_id(tokenizer, PAD)
    while True:
        now = stage(progress.value)
        pool: list[tuple[list[int], list[float]]] = []
        held = 0
        while held < 24 * tokens:
            example = sample(rng, "train", "copy" if rng.random() < now.copying else None)
            sequence = tokenise(example, tokenizer)
            if len(sequence.ids) <= now.longest:
                pool.append((sequence.ids, weigh(sequence, rng)))
                held += len(sequence.ids)
        packed: list[tuple[list[int], list[float]]] = []
        while sum(len(ids) for ids, _ in packed) < now.packed * held:
            packed.append(pack(pool, context))
        rows = sorted(pool, key=lambda row: len(row[0])) + packed
        groups: list[list[tuple[list[int], list[float]]]] = [[]]
        for row in rows:
            longest = max([len(row[0]), *(len(ids) for ids, _ in groups[-1])])
            if groups[-1] and longest * (len(groups[-1]) + 1) > tokens * 1.05:
                groups.append([])
            groups[-1].append(row)
        rng.shuffle(groups)
        for group in groups:
            if sum(len(ids) for ids, _ in group) < tokens // 2:
                continue  # a rest too small to fill a batch
            yield collate(group, pad)


def pack(pool: list[tuple[list[int], list[float]]], context: int) -> tuple[list[int], list[float]]:
    """Take rows off `pool` and join them to one row of up to `context` tokens, attention across them."""
    ids: list[int] = []
    weights: list[float] = []
    while pool and len(ids) + len(pool[-1][0]) <= context:
        more, weight = pool.pop()
        ids += more
        weights += weight
    return ids, weights


def produce(
    queue: Queue[tuple[Any, Any]], folder: Path, seed: int, progress: Synchronized[float], tokens: int, context: int
) -> None:
    """Body of the background process: put batches, as NumPy arrays, into `queue` for ever."""
    torch.set_num_threads(1)
    for ids, weights in batches(load_tokenizer(folder), random.Random(seed), progress, tokens, context):
        queue.put((ids.numpy(), weights.numpy()))
