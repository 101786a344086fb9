"""What every measured server is to the script."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from ..workloads import Workload


class Missing(Exception):
    """This server cannot be measured here, and why."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where servers are looked for: this Python and PATH, then `environments` (folders of virtual environments)."""

    environments: tuple[Path, ...] = ()

    def python_with(self, module: str) -> str:
        """A Python that has `module`. Raises `Missing`."""
        for python in (sys.executable, *(str(folder / "bin" / "python") for folder in self.environments)):
            if _has_module(python, module):
                return python
        raise Missing(f"no Python here has {module}")

    def program(self, *names: str) -> str:
        """The first of the programs `names` that is there. Raises `Missing`."""
        folders = [str(folder / "bin") for folder in self.environments] + [str(folder) for folder in self.environments]
        path = os.pathsep.join([os.environ.get("PATH", ""), *folders])
        for name in names:
            if found := shutil.which(name, path=path):
                return found
        raise Missing(f"there is no program {' or '.join(names)}")


@lru_cache
def _has_module(python: str, module: str) -> bool:
    if not os.access(python, os.X_OK):
        return False
    find = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    return subprocess.run([python, "-c", find], check=False, capture_output=True).returncode == 0


def version_in(python: str, *packages: str) -> str:
    """The version of the first of `packages` that a Python has installed; "unknown version" where it has none."""
    script = (
        "import sys\nfrom importlib.metadata import version\n"
        "for name in sys.argv[1:]:\n"
        "    try:\n        sys.exit(print(version(name)))\n"
        "    except ImportError:\n        pass\n"
    )
    done = subprocess.run([python, "-c", script, *packages], check=False, capture_output=True, text=True)
    return done.stdout.strip() or "unknown version"


class Peer(ABC):
    """A server, found: `Missing` is raised where it is made if it is not there.

    Args:
        places: where to look for it.
        threads: how many threads it should compute with.
        sequences: how many requests it must be able to compute at once,
        length: each of up to so many tokens, prompt and output together.
        extra: further arguments of its command line.

    Attributes:
        name: what `--peer` calls it.
        cannot: workload features it lacks, each with the reason: "schema".
    """

    name: ClassVar[str]

    def __init__(self, places: Places, *, threads: int, sequences: int, length: int, extra: Sequence[str] = ()) -> None:
        self.threads = threads
        self.sequences = sequences
        self.length = length
        self.extra = tuple(extra)
        self.cannot: dict[str, str] = {}
        self.find(places)

    @abstractmethod
    def find(self, places: Places) -> None:
        """Look for the server. Raises `Missing`."""

    @abstractmethod
    def version(self) -> str:
        """Its version."""

    def prepare(self, folder: Path, made: Path) -> Path:
        """What it loads: the model folder `folder`, or a form of its own, converted into `made`. Not timed."""
        return folder

    @abstractmethod
    def command(self, model: Path, port: int) -> list[str]:
        """The command line that serves `model` (of `prepare`) on a port of 127.0.0.1."""

    def environment(self) -> Mapping[str, str]:
        """Environment variables to set for it. No module of the folder that the script runs in may shadow its own."""
        return {"OMP_NUM_THREADS": str(self.threads), "PYTHONSAFEPATH": "1"}

    health = "/health"
    """The path that answers 200 once requests are taken."""

    def body(self, model: Path, prompt: list[int], workload: Workload) -> dict[str, Any]:
        """A request of `/v1/completions`: greedy, streamed with usage, as long as the workload says."""
        return {
            "model": str(model),
            "prompt": prompt,
            "max_tokens": workload.output,
            "temperature": 0,
            "stream": True,
            "stream_options": {"include_usage": True},
            **(self.constrained(workload.schema) if workload.schema is not None else {"ignore_eos": True}),
        }

    def constrained(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The fields that ask for JSON valid under `schema`."""
        return {"response_format": {"type": "json_schema", "json_schema": {"name": "records", "schema": schema}}}

    def forced_tokens(self, url: str) -> int | None:
        """Output tokens so far that were not sampled; None where the server samples every token."""
        return None
