"""The way of a run: make the model, then start, measure and end one server after the other."""

from __future__ import annotations

import argparse
import os
import shlex
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from rich.console import Console

from ...errors import WeftError
from ...runtime.folder import BUILTIN, resolve
from ..about import cores
from .measure import Plan, Target, measure
from .model import SMALL, Shape, write_model
from .peers import PEERS, Address, Missing, NotServing, Peer, Places, Running, running
from .report import Measured, append, show
from .workloads import Workload, vocab_size, workloads

LENGTH = 512
"""Tokens that each request may need: more than any workload's prompt and output."""

DEFAULT_WORKLOADS = ("shared", "unshared", "shared-json", "shared-records")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m weft.benchmarks.serving",
        description="Measure weft's server and others on the same weights, workloads and client.",
    )
    add = parser.add_argument
    add("--peer", action="append", metavar="NAME[:OPTIONS]", help=f"only these; of {', '.join(PEERS)}; with options")
    add("--url", action="append", default=[], metavar="NAME=URL", help="a server that runs already, without /v1")
    add("--environment", action="append", default=[], type=Path, help="a virtual environment to find servers in")
    add("--model", help="a model folder, or 'seedling'; the random 135M Llama unless given")
    add("--models", type=Path, default=default_folder(), help="where models are made and converted")
    add("--workload", action="append", choices=list(workloads()), help=f"default: {', '.join(DEFAULT_WORKLOADS)}")
    add("--concurrency", default="1,8,32,64", help="requests in flight, by commas")
    add("--per-slot", type=int, default=2, help="requests of a cell for each one in flight")
    add("--rounds", type=int, default=1, help="how often all is measured, each server anew; the median counts")
    add("--threads", type=int, default=cores(), help="threads that a server computes with")
    add("--timeout", type=float, default=900.0, help="seconds for a server to come up, and for a cell")
    add("--quick", action="store_true", help="a tiny model and a few tokens: whether it runs, not how fast")
    add("--make-model", action="store_true", help="only make the model, and print its folder")
    add("--out", type=Path, help="a Markdown file to add the tables to")
    return parser.parse_args(arguments)


def default_folder() -> Path:
    """Where models are made unless told otherwise: the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "weft" / "benchmarks"


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    folder = model_folder(options)
    if options.make_model:
        print(folder)
        return
    known = workloads(quick=options.quick)
    plan = Plan(
        workloads=[known[name] for name in options.workload or DEFAULT_WORKLOADS],
        concurrency=[1, 2] if options.quick else [int(part) for part in options.concurrency.split(",")],
        per_slot=1 if options.quick else options.per_slot,
        timeout=options.timeout,
    )
    servers: dict[str, Measured] = {}
    for turn in range(options.rounds):
        for label in [*(options.peer or PEERS), *options.url]:
            server = servers.setdefault(label, Measured(label.partition("=")[0]))
            _measure(server, label, options, plan, folder, turn)
    show(list(servers.values()))
    if options.out is not None:
        append(list(servers.values()), options.out, _described(options, plan, folder))


def model_folder(options: argparse.Namespace) -> Path:
    """The folder of the model to serve, made where it is not there yet."""
    if options.model is not None:
        return resolve(options.model)[1]
    shape, name = (SMALL, "llama-small") if options.quick else (Shape(), "llama-135m")
    return write_model(options.models.resolve() / name, shape)


def make_peer(label: str, options: argparse.Namespace, plan: Plan) -> Peer:
    """The server that a label of `--peer` or `--url` stands for. Raises `Missing`."""
    name, _, url = label.partition("=") if label in options.url else ("", "", "")
    settings = {"threads": options.threads, "sequences": max(plan.concurrency), "length": LENGTH}
    if url:
        return Address(url)
    name, _, extra = label.partition(":")
    if name not in PEERS:
        raise Missing(f"no such server is known; known are {', '.join(PEERS)}")
    return PEERS[name](Places(tuple(options.environment)), extra=shlex.split(extra), **settings)


def _measure(server: Measured, label: str, options: argparse.Namespace, plan: Plan, folder: Path, turn: int) -> None:
    """One server, once. What hinders it becomes a note, so that the others are measured all the same."""
    console = Console(stderr=True)

    def say(what: str) -> None:
        console.print(f"{server.label}: {what}", markup=False, highlight=False, soft_wrap=True)

    try:
        peer = make_peer(label, options, plan)
        server.version = peer.version()
        server.notes = [f"no {what}: {reason}" for what, reason in peer.cannot.items()]
        model = peer.prepare(folder, options.models.resolve())
        say(f"starting {server.version}")
        with _served(peer, model, plan.timeout) as (url, started):
            target = Target(peer, url, model, vocab_size(folder), plan.timeout)
            first = target.first_token(_plainest(plan))
            if started is not None:
                server.starts.append(first - started)
            server.cells += measure(target, plan, seed=f"round {turn}", say=say)
    except (Missing, NotServing, WeftError, TimeoutError, OSError) as hindrance:
        told = str(hindrance).strip() or type(hindrance).__name__
        say(told)
        last = told.splitlines()[-1]
        server.notes.append(f"stopped: {last}" if server.cells else f"not measured: {last}")


def _served(peer: Peer, model: Path, timeout: float) -> AbstractContextManager[Running]:
    if isinstance(peer, Address):
        return nullcontext(Running(peer.url, None))
    return running(peer, model, timeout=timeout)


def _plainest(plan: Plan) -> Workload:
    return min(plan.workloads, key=lambda workload: workload.schema is not None)


def _described(options: argparse.Namespace, plan: Plan, folder: Path) -> str:
    what = BUILTIN if options.model == BUILTIN else folder.name
    lengths = "; ".join(
        f"{work.name}: {work.shared + work.own} prompt tokens ({work.shared} shared), {work.output} out"
        for work in plan.workloads
    )
    return f"Model {what}, {options.threads} threads. {lengths}. Median of {options.rounds} rounds."
