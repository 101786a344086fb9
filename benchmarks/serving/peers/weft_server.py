"""weft's own server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from ..workloads import Workload
from .base import Peer, Places, version_in


class Weft(Peer):
    """`weft serve` of the Python that runs the script, in bfloat16."""

    name = "weft"

    def find(self, places: Places) -> None:
        pass

    def version(self) -> str:
        return version_in(sys.executable, "weft")

    def prepare(self, folder: Path, made: Path) -> Path:
        """Compiles the grammar engine, which is done once on a machine and not at each start."""
        subprocess.run([sys.executable, "-c", "import weft.grammar.engine.matcher"], check=True)
        return folder

    def command(self, model: Path, port: int) -> list[str]:
        serve = [sys.executable, "-m", "weft", "serve", str(model), "--port", str(port), "--dtype", "bfloat16"]
        return [*serve, "--max-running", str(self.sequences), "--log-level", "warning", *self.extra]

    def body(self, model: Path, prompt: list[int], workload: Workload) -> dict[str, Any]:
        return super().body(model, prompt, workload) | {"model": model.resolve().name}

    def forced_tokens(self, url: str) -> int | None:
        with urlopen(f"{url}/server_info") as answer:
            return int(json.load(answer)["stats"]["forced_tokens"])
