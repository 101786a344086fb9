"""llama.cpp's server, on a GGUF file of the same weights."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from .base import Peer, Places


class LlamaCpp(Peer):
    """`llama-server`: a slot for each request at once, each keeping the prompt that it had before."""

    name = "llama.cpp"

    def find(self, places: Places) -> None:
        self._program = places.program("llama-server", "llama-cpp-server")

    def version(self) -> str:
        done = subprocess.run([self._program, "--version"], check=False, capture_output=True, text=True)
        lines = (done.stdout + done.stderr).splitlines()
        return next((line for line in lines if line.startswith("version")), "unknown version")

    def prepare(self, folder: Path, made: Path) -> Path:
        from ..gguf_file import write_gguf

        return write_gguf(folder, made / f"{folder.name}.gguf")

    def command(self, model: Path, port: int) -> list[str]:
        serve = [self._program, "-m", str(model), "--host", "127.0.0.1", "--port", str(port)]
        slots = ["--parallel", str(self.sequences), "--ctx-size", str(self.sequences * self.length)]
        return [*serve, *slots, "--threads", str(self.threads), "--threads-batch", str(self.threads), *self.extra]

    def constrained(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {"json_schema": schema}
