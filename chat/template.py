"""A model's chat template: messages and tools to the text the model was trained on."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import jinja2
import jinja2.meta

from ..errors import TemplateError
from .sandbox import MAX_TEXT, MAX_WORK, LimitExceeded, Sandbox, plain, work_left

MAX_SOURCE = 256 * 1024
MAX_MESSAGES = 4096
MAX_TOOLS = 1024
SET_HERE = frozenset({"messages", "tools", "documents", "add_generation_prompt"})
"""Names that `render` gives a template itself, as it does those of special tokens."""


@cache
def _sandbox() -> Sandbox:
    return Sandbox()


class ChatTemplate:
    """A Jinja chat template, as in ``tokenizer_config.json``. Thread-safe.

    Renders the same text as `transformers` does for the same template, messages and tools.

    Args:
        source: the template.
        special_tokens: names the template may use, such as ``{"bos_token": "<s>"}``.

    Attributes:
        variables: the further names that the template reads, such as ``enable_thinking``: what `render` may be given.

    Raises:
        TemplateError: a syntax error, naming its line.
    """

    def __init__(self, source: str, special_tokens: Mapping[str, str] | None = None) -> None:
        if len(source) > MAX_SOURCE:
            raise TemplateError(f"chat template of {len(source)} characters: at most {MAX_SOURCE} are taken")
        self.source = source
        self.special_tokens = dict(special_tokens or {})
        try:
            self._template = _sandbox().from_string(source)
            self.variables = _read_names(source) - SET_HERE - set(self.special_tokens)
        except jinja2.TemplateSyntaxError as error:
            raise TemplateError(f"chat template, line {error.lineno}: {error.message}") from error
        except RecursionError as error:
            raise TemplateError("chat template: it nests too deeply") from error

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] = (),
        add_generation_prompt: bool = False,
        variables: Mapping[str, Any] | None = None,
    ) -> str:
        """The conversation as text.

        Args:
            messages: OpenAI chat messages.
            tools: tools in OpenAI's form.
            add_generation_prompt: end with what begins the assistant's turn.
            variables: further names for the template, such as ``{"enable_thinking": False}``.

        Raises:
            TemplateError: the template refuses these messages, fails on them (with the line), or exceeds a bound; or a
                variable has a name that is given here.
        """
        for count, most, name in ((len(messages), MAX_MESSAGES, "messages"), (len(tools), MAX_TOOLS, "tools")):
            if count > most:
                raise TemplateError(f"{count} {name}: at most {most} are taken", param=name)
        variables = variables or {}
        for name in variables:
            if name in SET_HERE or name in self.special_tokens:
                raise TemplateError(f"the chat template is given {name!r} already", param="variables")
        try:
            more = plain(variables)
        except (TypeError, RecursionError) as error:
            raise TemplateError(f"variables must be plain JSON values: {error}", param="variables") from error
        try:
            names = {
                **self.special_tokens,
                **more,
                "messages": plain(messages),
                "tools": plain(tools) or None,
                "documents": None,
                "add_generation_prompt": add_generation_prompt,
            }
        except (TypeError, RecursionError) as error:
            raise TemplateError(f"messages and tools must be plain JSON values: {error}", param="messages") from error
        token = work_left.set([MAX_WORK])
        try:
            return self._write(names)
        except Exception as error:  # a template is foreign code: whatever it raises is a template error
            raise TemplateError(_describe(error), param="messages") from error
        finally:
            work_left.reset(token)

    def _write(self, names: dict[str, Any]) -> str:
        pieces = []
        length = 0
        for piece in self._template.generate(names):
            length += len(piece)
            if length > MAX_TEXT:
                raise LimitExceeded(f"the conversation is longer than {MAX_TEXT} characters")
            pieces.append(piece)
        return "".join(pieces)


def _read_names(source: str) -> frozenset[str]:
    """The names that a template reads and does not set, without those that the sandbox knows."""
    sandbox = _sandbox()
    return frozenset(jinja2.meta.find_undeclared_variables(sandbox.parse(source)) - set(sandbox.globals))


def _describe(error: Exception) -> str:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    place = f", line {lines[-1]}" if lines else ""
    kind = "" if isinstance(error, jinja2.TemplateError) else f"{type(error).__name__}: "
    return f"chat template{place}: {kind}{error}"
