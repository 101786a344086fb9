"""One node at a time: a transcript and a node become backend requests and the next transcript.

`interpret` is a generator of requests that is sent their results. It knows neither threads nor event loops, so that
whatever drives it (a program's chain, or a server beside its engine) is a few lines.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from ..errors import UnknownOption, UnsupportedNode
from ..request import (
    Capabilities,
    GenerateRequest,
    GenerateResult,
    ProgramHints,
    Sampling,
    ScoreRequest,
    ScoreResult,
)
from .backend import Backend
from .choice_methods import decide, needs_unconditional
from .ir import Fork, Gen, Node, RoleClose, RoleOpen, Select, Text, Tools
from .transcript import Transcript
from .values import Meta

Call = GenerateRequest | ScoreRequest
Outcome = tuple[Transcript, Meta | None]
"""The transcript after a node, and what its call gave, where it made one."""

Calls = Generator[Call, Any, Outcome]
"""Yields a request, is sent its result, returns the outcome."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a call needs beside its node and transcript.

    Attributes:
        backend: renders prompts; requests are not submitted through it here.
        capabilities: the backend's.
        sampling: the run's defaults.
        request_id: what the next request is called.
        hints: what is known of the program.
    """

    backend: Backend
    capabilities: Capabilities
    sampling: Sampling
    request_id: str
    hints: ProgramHints

    def prompt(self, transcript: Transcript) -> tuple[int, ...] | str:
        return self.backend.render(transcript.segments, transcript.tools)


def interpret(node: Node, transcript: Transcript, scene: Scene) -> Calls:
    """Run one node.

    Raises:
        UnsupportedNode: this interpreter does not know the node.
        WeftError: the backend cannot render the transcript.
    """
    edit = _EDITS.get(type(node))
    if edit is not None:
        return edit(node, transcript), None
    call = _CALLS.get(type(node))
    if call is None:
        raise _unknown(node)
    return (yield from call(node, transcript, scene))


def request_id(session: str, call: int, name: str | None) -> str:
    """The id of a session's `call`-th request, which writes the variable `name`: unique, and readable in a log."""
    return f"{session}/{call}/{name or ''}"


def variable_name(request_id: str) -> str:
    """The variable that a request of a program writes; empty where it writes none."""
    return request_id.split("/", 2)[-1]


def check(node: Node, capabilities: Capabilities) -> None:
    """Refuse, before anything runs, what this interpreter or backend cannot do.

    Raises:
        UnsupportedNode: the node is unknown here, or the backend cannot score or take tools.
        UnknownOption: the backend does not enforce this kind of constraint.
    """
    if type(node) not in _KNOWN:
        raise _unknown(node)
    if isinstance(node, Gen) and node.constraint and node.constraint.kind not in capabilities.constraints:
        kind = node.constraint.kind.value
        known = ", ".join(sorted(capabilities.constraints)) or "none"
        raise UnknownOption(f"gen: {capabilities.model} does not enforce {kind} (it enforces: {known})", param=kind)
    if isinstance(node, Select) and not capabilities.score:
        raise UnsupportedNode(
            f"select: {capabilities.model} cannot score choices; gen(choices=...) may do", param="select"
        )
    if isinstance(node, Tools) and not capabilities.tools:
        raise UnsupportedNode(f"tools: the chat template of {capabilities.model} takes none", param="tools")


def _unknown(node: Node) -> UnsupportedNode:
    return UnsupportedNode(f"the interpreter does not know {type(node).__name__}")


def _generate(node: Gen, transcript: Transcript, scene: Scene) -> Calls:
    result: GenerateResult = yield GenerateRequest(
        id=scene.request_id,
        prompt=scene.prompt(transcript),
        sampling=node.sampling(scene.sampling),
        constraint=node.constraint,
        hints=scene.hints,
    )
    token_ids = result.token_ids if scene.capabilities.token_ids else None
    return transcript.generated(result.text, token_ids), Meta.of_generation(result)


def _select(node: Select, transcript: Transcript, scene: Scene) -> Calls:
    result: ScoreResult = yield ScoreRequest(
        id=scene.request_id,
        prompt=scene.prompt(transcript),
        choices=node.choices,
        unconditional=needs_unconditional(node.method),
        hints=scene.hints,
    )
    decision = decide(node.method, result)
    choice = node.choices[decision.index]
    return transcript.generated(choice, None), Meta.of_selection(choice, node.choices, decision, result)


_EDITS: dict[type[Node], Callable[[Any, Transcript], Transcript]] = {
    Text: lambda node, transcript: transcript.write(node.text),
    RoleOpen: lambda node, transcript: transcript.open(node.role),
    RoleClose: lambda node, transcript: transcript.close(),
    Tools: lambda node, transcript: transcript.with_tools(node.tools),
}

_CALLS: dict[type[Node], Callable[[Any, Transcript, Scene], Calls]] = {Gen: _generate, Select: _select}

# A fork concerns states, not their text: the chain that drives this interpreter sees to it.
_KNOWN: frozenset[type[Node]] = frozenset({*_EDITS, *_CALLS, Fork})
