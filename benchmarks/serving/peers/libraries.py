"""Libraries that bring no server, each behind a face of `shims/`: OpenVINO GenAI and transformers' `generate`."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from .base import Missing, Peer, Places, version_in

PACKAGE = Path(__file__).resolve().parents[3]
SHIMS = "weft.benchmarks.serving.shims"


class Library(Peer):
    """A library, served by the Python that has it.

    Attributes:
        module: what it is imported as, and
        package: installed as.
        shim: the module of `shims/` that serves it.
        precision: what it calls bfloat16; options of the command line replace it.
    """

    module: ClassVar[str]
    package: ClassVar[str]
    shim: ClassVar[str]
    precision: ClassVar[str]

    def find(self, places: Places) -> None:
        self._python = places.python_with(self.module)
        self._path: Path | None = None

    def version(self) -> str:
        return version_in(self._python, self.package)

    def prepare(self, folder: Path, made: Path) -> Path:
        """Also makes a folder that holds this package as `weft`, whatever its own folder is called."""
        self._path = made / "path"
        self._path.mkdir(parents=True, exist_ok=True)
        link = self._path / "weft"
        link.unlink(missing_ok=True)
        link.symlink_to(PACKAGE)
        return folder

    def command(self, model: Path, port: int) -> list[str]:
        told = self.extra or (self.precision,)
        return [self._python, "-m", f"{SHIMS}.{self.shim}", str(model), str(port), str(self.sequences), *told]

    def environment(self) -> Mapping[str, str]:
        return {**super().environment(), "PYTHONPATH": str(self._path)}


class OpenVino(Library):
    """OpenVINO GenAI's continuous batching, on a model that `optimum-cli` converts once."""

    name = "openvino"
    module = "openvino_genai"
    package = "openvino-genai"
    shim = "openvino_genai"
    precision = "bf16"

    def prepare(self, folder: Path, made: Path) -> Path:
        super().prepare(folder, made)
        converted = made / f"{folder.name}-openvino"
        if (converted / "openvino_detokenizer.xml").exists():
            return converted
        program = Path(self._python).with_name("optimum-cli")
        if not program.exists():
            raise Missing("optimum-cli, which converts the model, is not beside it: install optimum-intel there")
        convert = [str(program), "export", "openvino", "--model", str(folder), "--weight-format", "fp16"]
        done = subprocess.run(
            [*convert, "--task", "text-generation-with-past", str(converted)],
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise Missing(f"optimum-cli cannot convert the model: {done.stderr.strip().splitlines()[-1:]}")
        return converted


class Transformers(Library):
    """transformers' `generate` on a batch of all that waits, greedy."""

    name = "transformers"
    module = "transformers"
    package = "transformers"
    shim = "transformers_generate"
    precision = "bfloat16"

    def find(self, places: Places) -> None:
        super().find(places)
        self.cannot["schema"] = "generate brings no constraints"
