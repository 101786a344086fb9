"""A server that runs already, wherever it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from ..workloads import Workload
from .base import Missing, Peer, Places


class Address(Peer):
    """Any server of OpenAI's completions with token ids and `ignore_eos`; it must serve the same model folder."""

    name = "url"

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        super().__init__(Places(), threads=0, sequences=0, length=0)

    def find(self, places: Places) -> None:
        try:
            with urlopen(f"{self.url}/v1/models") as answer:
                self._model = str(json.load(answer)["data"][0]["id"])
        except (OSError, ValueError, LookupError) as error:
            raise Missing(f"{self.url}/v1/models names no model: {error}") from error

    def version(self) -> str:
        return f"{self._model} at {self.url}"

    def command(self, model: Path, port: int) -> list[str]:
        raise Missing("it is started by others")

    def body(self, model: Path, prompt: list[int], workload: Workload) -> dict[str, Any]:
        return super().body(model, prompt, workload) | {"model": self._model}
