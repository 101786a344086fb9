"""Servers of a scripted engine whose models call tools, and one that thinks besides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import anthropic
import httpx
import pytest

from weft.chat.reasoning import ReasoningMarkers
from weft.chat.tool_formats import FORMATS
from weft.server.dialect import Dialect

from ..conftest import RunningServer, serve
from ..fake_engine import FakeTokenizer


@dataclass
class Rendered:
    """What a chat template was given."""

    messages: Sequence[Mapping[str, Any]] = ()
    tools: Sequence[Mapping[str, Any]] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)


class ChatTokenizer(FakeTokenizer):
    """Remembers the conversation that it rendered last; closes the thinking in the prompt where none is wanted."""

    def __init__(self) -> None:
        self.rendered = Rendered()

    def token_bytes(self, token_id: int, special: bool = False) -> bytes:
        return super().token_bytes(token_id)

    def render_chat(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] = (),
        add_generation_prompt: bool = True,
        variables: Mapping[str, Any] | None = None,
    ) -> list[int]:
        self.rendered = Rendered(messages, tools, variables or {})
        ids = super().render_chat(messages, tools, add_generation_prompt)
        return ids + list(b"<think></think>") if self.rendered.variables.get("enable_thinking") is False else ids


TOKENIZER = ChatTokenizer()


@pytest.fixture
def rendered() -> ChatTokenizer:
    """The tokenizer of the servers here; its `rendered` is the last conversation."""
    TOKENIZER.rendered = Rendered()
    return TOKENIZER


@pytest.fixture(scope="module")
def running() -> Iterator[RunningServer]:
    """A model that calls tools and does not think."""
    with serve(TOKENIZER, Dialect(FORMATS["hermes"])) as made:
        yield made


@pytest.fixture(scope="module")
def running_thinker() -> Iterator[RunningServer]:
    """A model that can be told whether to think."""
    dialect = Dialect(FORMATS["hermes"], ReasoningMarkers(), frozenset({"enable_thinking"}))
    with serve(TOKENIZER, dialect) as made:
        yield made


@pytest.fixture
def thinker(running_thinker: RunningServer) -> RunningServer:
    """The thinking model's server, its engine's script as new."""
    running_thinker.engine.reset()
    return running_thinker


@pytest.fixture
def client(server: RunningServer) -> Iterator[anthropic.Anthropic]:
    """Anthropic's own client."""
    with anthropic.Anthropic(base_url=server.url, api_key="none", max_retries=0, timeout=30) as made:
        yield made


@pytest.fixture
def thinking_client(thinker: RunningServer) -> Iterator[anthropic.Anthropic]:
    """The same, of the thinking model's server."""
    with anthropic.Anthropic(base_url=thinker.url, api_key="none", max_retries=0, timeout=30) as made:
        yield made


@pytest.fixture
def http(server: RunningServer) -> Iterator[httpx.Client]:
    """A plain HTTP client of the server."""
    with httpx.Client(base_url=server.url, timeout=30) as made:
        yield made
