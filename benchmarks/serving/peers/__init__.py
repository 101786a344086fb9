"""The servers that are measured: how each is found, started and asked, and what it cannot do.

`base.py` is what they have in common and `running.py` a server as a process; every other file is one server's, or two's
that are alike.
"""

from __future__ import annotations

from .address import Address
from .base import Missing, Peer, Places
from .libraries import OpenVino, Transformers
from .llama_cpp import LlamaCpp
from .running import NotServing, Running, running
from .vllm_sglang import SGLang, Vllm
from .weft_server import Weft

PEERS: dict[str, type[Peer]] = {peer.name: peer for peer in (Weft, LlamaCpp, OpenVino, Vllm, SGLang, Transformers)}
"""Those that the script can start, by the names that `--peer` takes."""

__all__ = ["PEERS", "Address", "Missing", "NotServing", "Peer", "Places", "Running", "running"]
