"""Train the built-in model: `python -m weft.seedling.train --minutes 80`.

The budget is wall-clock time, over all resumptions together: `--resume PATH` takes up weights, optimiser state
and the time already used; with a model folder for PATH, its weights alone. The learning rate rises, stays, and falls
to nothing over the last part (`--decay`, a share of the budget). Checkpoints go to `--run`, and the model folder is
refreshed from time to time, so that a run may be cut at any moment; SIGTERM writes a last checkpoint first.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import random
import shutil
import signal
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file

from .folder import MODEL_FOLDER, RUNS_FOLDER, save_weights, write_json
from .initialise import initialise
from .memory import keep_memory
from .model import ModelConfig, Seedling
from .muon import Muon
from .parallel import Gradients
from .stream import Tokens, collate, produce, render, tokenise
from .tokenizer import END, PAD, load_tokenizer, save_tokenizer, token_id, train_tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor

SCHOOLED = 0.45
"""Where in the curriculum a run begins that starts from trained weights."""

TASKS = ("extraction", "tools", "choice", "answer", "copy")


@dataclass(frozen=True)
class Schedule:
    """Learning-rate factor: warm-up over the first steps, then constant, then a linear fall at the end."""

    seconds: float
    decay: float
    warm_up: int = 30

    def factor(self, used: float, steps: int) -> float:
        """The factor after `steps` steps and `used` seconds of the budget."""
        left = max(0.0, (self.seconds - used) / (self.decay * self.seconds))
        return min(1.0, (steps + 1) / self.warm_up, left)


class Trainer:
    """A model, its two optimisers and the time they have had."""

    def __init__(
        self,
        config: ModelConfig,
        schedule: Schedule,
        dtype: torch.dtype,
        seed: int = 0,
        threads: int = 1,
        compiled: bool = False,
    ) -> None:
        self.model = Seedling(config, dtype)
        initialise(self.model, seed)
        self.threads = threads
        self.gradients = Gradients(self.model, threads - 1, compiled)
        matrices = [p for n, p in self.model.named_parameters() if p.dim() == 2 and "embed" not in n]
        embedding = [p for n, p in self.model.named_parameters() if "embed" in n]
        scales = [p for p in self.model.parameters() if p.dim() < 2]
        self.optimisers: list[torch.optim.Optimizer] = [
            Muon(matrices, lr=0.012, weight_decay=0.05),
            torch.optim.AdamW(
                [{"params": embedding, "lr": 4e-3}, {"params": scales, "lr": 4e-3}],
                betas=(0.9, 0.95),
                weight_decay=0.0,
                fused=True,
            ),
        ]
        self.rates = [[group["lr"] for group in o.param_groups] for o in self.optimisers]
        self.schedule = schedule
        self.used = 0.0
        self.schooled = 0.0
        self.steps = 0
        self.tokens = 0

    def step(self, ids: Tensor, weights: Tensor) -> float:
        """One update on a batch; returns its loss."""
        factor = self.schedule.factor(self.used, self.steps)
        for optimiser, rates in zip(self.optimisers, self.rates, strict=True):
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * factor
        torch.set_num_threads(1)
        loss = self.gradients.add(ids, weights)
        torch.set_num_threads(self.threads)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimiser in self.optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        self.steps += 1
        self.tokens += ids.numel()
        return loss

    def save(self, path: Path) -> None:
        """Write weights, optimiser state and progress to `path`, atomically."""
        path.parent.mkdir(parents=True, exist_ok=True)
        state = {
            "model": self.model.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "used": self.used,
            "steps": self.steps,
            "tokens": self.tokens,
        }
        beside = path.with_suffix(".partial")
        torch.save(state, beside)
        beside.replace(path)

    def load(self, path: Path) -> None:
        """Take up what `save` wrote."""
        state = torch.load(path, weights_only=True)
        self.model.load_state_dict(state["model"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.used, self.steps, self.tokens = state["used"], state["steps"], state["tokens"]

    def load_weights(self, folder: Path) -> None:
        """Begin from a model folder's weights, with fresh optimisers: for a new run where no checkpoint is left.

        The curriculum's early stages are passed over.
        """
        self.model.load_state_dict({**self.model.state_dict(), **load_file(folder / "model.safetensors")})
        self.schooled = SCHOOLED

    @property
    def progress(self) -> float:
        """How far the curriculum has come, 0..1."""
        return max(self.schooled, self.used / self.schedule.seconds)


def export(model: Seedling, tokenizer: Tokenizer, folder: Path) -> None:
    """Write everything of a Hugging Face model folder but the tokenizer, which stands there."""
    end, pad = token_id(tokenizer, END), token_id(tokenizer, PAD)
    write_json(folder / "config.json", model.config.as_hugging_face(end, pad))
    write_json(folder / "generation_config.json", {"do_sample": False, "eos_token_id": end, "pad_token_id": pad})
    save_weights(model.state_dict(), folder)


@torch.no_grad()
def examine(model: Seedling, tokenizer: Tokenizer, sequences: list[Tokens], rows: int = 8) -> dict[str, float]:
    """Loss per answer token, and the share of examples that greedy decoding would answer exactly.

    Greedy decoding reproduces an answer exactly when every one of its tokens is the likeliest after those before
    it, which one pass over the right answer shows. `spans` is the same for each value that follows a JSON key.
    """
    pad = token_id(tokenizer, PAD)
    opens = {i for t, i in tokenizer.get_vocab().items() if '":' in t}
    glue = {i for t, i in tokenizer.get_vocab().items() if '"' in t or "}" in t or "," in t}
    loss = tokens = exact = spans = right_spans = 0.0
    ordered = sorted(sequences, key=lambda sequence: len(sequence.ids))
    for first in range(0, len(ordered), rows):
        group = ordered[first : first + rows]
        ids, _ = collate([(s.ids, [0.0] * len(s.ids)) for s in group], pad)
        logits = model.head(model.hidden(ids)[:, :-1])
        losses = torch.nn.functional.cross_entropy(logits.mT, ids[:, 1:], reduction="none")
        hits = logits.argmax(-1) == ids[:, 1:]
        for row, sequence in enumerate(group):
            places = [place for place, inside in enumerate(sequence.answer) if inside]
            good = {place: bool(hits[row, place - 1]) for place in places}
            loss += sum(float(losses[row, place - 1]) for place in places)
            tokens += len(places)
            exact += all(good.values())
            whole: bool | None = None
            for place in places:
                token = sequence.ids[place]
                if whole is not None:
                    whole = whole and good[place]
                    if token in glue:
                        spans, right_spans, whole = spans + 1, right_spans + whole, None
                if token in opens:
                    whole = True
    result = {"loss": loss / tokens, "exact": exact / len(sequences)}
    if spans:
        result["spans"] = right_spans / spans
    return result


def held_out(tokenizer: Tokenizer, split: str, count: int, longest: int = 1024) -> dict[str, list[Tokens]]:
    """`count` tokenised examples of each task from a held-out split, always the same ones."""
    from .corpus import sample

    found: dict[str, list[Tokens]] = defaultdict(list)
    for task in TASKS:
        rng = random.Random(f"{split} {task}")
        while len(found[task]) < count:
            sequence = tokenise(sample(rng, split, task), tokenizer)
            if len(sequence.ids) <= longest:
                found[task].append(sequence)
    return found


def corpus_texts(characters: int, seed: int) -> list[str]:
    """Rendered training examples of about `characters` characters in all, for the tokenizer."""
    from .corpus import sample

    rng = random.Random(seed)
    texts: list[str] = []
    total = 0
    while total < characters:
        texts.append(render(sample(rng, "train")))
        total += len(texts[-1])
    return texts


def say(**values: Any) -> None:
    """One line of the log."""
    rounded = {k: round(v, 4) if isinstance(v, float) else v for k, v in values.items()}
    print(time.strftime("%H:%M:%S"), json.dumps(rounded), flush=True)


def report(model: Seedling, tokenizer: Tokenizer, sets: dict[str, dict[str, list[Tokens]]]) -> None:
    """A line of the log for each held-out set: split -> task -> examples."""
    for split, tasks in sets.items():
        for task, sequences in tasks.items():
            say(split=split, task=task, **examine(model, tokenizer, sequences))


def train(arguments: argparse.Namespace) -> None:
    """Run the whole training as the command line asks."""
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    keep_memory()
    folder: Path = arguments.folder
    if not (folder / "tokenizer.json").exists():
        save_tokenizer(train_tokenizer(corpus_texts(12_000_000, arguments.seed)), folder)
    tokenizer = load_tokenizer(folder)
    dtype = torch.bfloat16 if arguments.bfloat16 else torch.float32
    config = ModelConfig(vocabulary=tokenizer.get_vocab_size())
    schedule = Schedule(arguments.minutes * 60, arguments.decay)
    trainer = Trainer(config, schedule, dtype, arguments.seed, arguments.threads, arguments.compile)
    if arguments.resume:
        (trainer.load_weights if arguments.resume.is_dir() else trainer.load)(arguments.resume)
    run: Path = arguments.run
    context = multiprocessing.get_context("spawn")
    progress = context.Value("d", trainer.progress)
    queue: Any = context.Queue(maxsize=48)
    seed = arguments.seed * 1_000_003 + trainer.steps
    feed = (queue, folder, seed, progress, arguments.batch_tokens, config.context)
    producer = context.Process(target=produce, args=feed, daemon=True)
    producer.start()
    export(trainer.model, tokenizer, folder)
    sets = {split: held_out(tokenizer, split, arguments.held_out) for split in ("values", "templates")}
    say(parameters=sum(p.numel() for p in trainer.model.parameters()), used=trainer.used, steps=trainer.steps)
    marks = {"log": trainer.used, "save": trainer.used, "examine": trainer.used, "export": trainer.used}
    losses: list[float] = []
    tokens = 0
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    began = time.monotonic() - trainer.used
    while trainer.used < trainer.schedule.seconds and not stopped:
        ids, weights = (torch.from_numpy(array) for array in queue.get(timeout=300))
        losses.append(trainer.step(ids, weights))
        if not math.isfinite(losses[-1]):
            raise FloatingPointError(f"the loss at step {trainer.steps} is {losses[-1]}")
        tokens += ids.numel()
        trainer.used = time.monotonic() - began
        progress.value = trainer.progress
        due = {
            name
            for name, every in (("log", 30), ("save", 240), ("examine", arguments.examine), ("export", 480))
            if trainer.used - marks[name] >= every
        }
        if "log" in due:
            rate = tokens / (trainer.used - marks["log"])
            loss = sum(losses) / len(losses)
            say(used=trainer.used, step=trainer.steps, tokens=trainer.tokens, loss=loss, rate=rate)
            losses, tokens = [], 0
        if "examine" in due:
            report(trainer.model, tokenizer, sets)
        if "save" in due:
            trainer.save(run / "last.pt")
        if "export" in due:
            export(trainer.model, tokenizer, folder)
        marks |= dict.fromkeys(due, trainer.used)
    trainer.save(run / ("last.pt" if stopped else "final.pt"))
    export(trainer.model, tokenizer, folder)
    say(stopped=bool(stopped), used=trainer.used, step=trainer.steps, tokens=trainer.tokens)
    producer.terminate()
    trainer.gradients.close()
    if not stopped:
        report(trainer.model, tokenizer, sets)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(prog="python -m weft.seedling.train", description=__doc__)
    result.add_argument("--minutes", type=float, default=80, help="wall-clock budget over all resumptions")
    result.add_argument("--decay", type=float, default=0.4, help="share of the budget the decay takes")
    result.add_argument("--resume", type=Path, help="checkpoint to go on from, or model folder to begin from")
    result.add_argument("--folder", type=Path, default=MODEL_FOLDER, help="model folder to write")
    result.add_argument("--run", type=Path, default=RUNS_FOLDER, help="folder of checkpoints")
    result.add_argument("--threads", type=int, default=2, help="processes that share a batch")
    result.add_argument("--batch-tokens", type=int, default=4096)
    result.add_argument("--held-out", type=int, default=24, help="held-out examples a task and split")
    result.add_argument("--examine", type=float, default=600, help="seconds between looks at held-out examples")
    result.add_argument("--seed", type=int, default=0)
    flag = argparse.BooleanOptionalAction
    result.add_argument("--bfloat16", action=flag, default=True, help="compute in bfloat16")
    result.add_argument("--compile", action=flag, default=shutil.which("g++") is not None)
    return result


if __name__ == "__main__":
    train(parser().parse_args())
