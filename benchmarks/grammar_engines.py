"""The grammar engines that `grammar.py` compares, behind one small face each, all over one vocabulary and set alike.

All take JSON Schemas as text and expect what `json.dumps` writes. Each engine is made in a process of its own.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import GrammarError
from ..grammar import Vocabulary

Mask = NDArray[np.int32]


class Refused(Exception):
    """The engine does not take this schema."""


class Walker(ABC):
    """One text under one schema. A mask is valid until the next one is asked for."""

    @abstractmethod
    def mask(self) -> Mask:
        """int32[(V + 31) // 32]. Raises `Refused` where the engine gives up."""

    @abstractmethod
    def advance(self, token: int) -> bool:
        """Take a token; whether it was taken."""

    @abstractmethod
    def is_accepting(self) -> bool:
        """Whether the text may end here."""


class Competitor(ABC):
    """An engine with its vocabulary loaded."""

    @abstractmethod
    def compile(self, schema: str) -> object:
        """What walkers are made from. Raises `Refused`."""

    @abstractmethod
    def walker(self, compiled: Any) -> Walker:
        """At the start of a text."""


# weft


class _WeftWalker(Walker):
    def __init__(self, grammar: Any) -> None:
        self.grammar = grammar
        self.matcher = grammar.matcher()

    def mask(self) -> Mask:
        try:
            bits: Mask = self.grammar.mask(self.matcher.mask_row())
        except GrammarError as error:
            raise Refused(str(error)) from error
        return bits

    def advance(self, token: int) -> bool:
        try:
            taken: bool = self.matcher.advance(token)
        except GrammarError as error:
            raise Refused(str(error)) from error
        return taken

    def is_accepting(self) -> bool:
        accepting: bool = self.matcher.is_accepting()
        return accepting


class Weft(Competitor):
    """Ours. `formats` is "annotate" for the official suite, as the standard has it."""

    def __init__(self, path: Path, property_order: str, formats: str) -> None:
        self.vocabulary = Vocabulary.from_file(path)
        self.options: dict[str, Any] = {"property_order": property_order, "formats": formats}
        self.walker(self.compile('{"type": "null"}')).mask()  # what is set up once, is

    def compile(self, schema: str) -> object:
        from .. import grammar

        try:
            return grammar.compile(json_schema=schema, vocabulary=self.vocabulary, **self.options)
        except GrammarError as error:
            raise Refused(str(error)) from error

    def walker(self, compiled: Any) -> Walker:
        return _WeftWalker(compiled)


# llguidance


class _LLGuidanceWalker(Walker):
    def __init__(self, matcher: Any, words: int) -> None:
        self.matcher = matcher
        self.bits = np.zeros((1, words), dtype=np.int32)

    def mask(self) -> Mask:
        from llguidance.numpy import fill_next_token_bitmask

        fill_next_token_bitmask(self.matcher, self.bits, 0)
        if self.matcher.is_error():
            raise Refused(self.matcher.get_error())
        bits: Mask = self.bits[0]
        return bits

    def advance(self, token: int) -> bool:
        return bool(self.matcher.consume_token(token))

    def is_accepting(self) -> bool:
        return bool(self.matcher.is_accepting())


class LLGuidance(Competitor):
    """llguidance with its default slices, and separators as `json.dumps` writes them."""

    def __init__(self, path: Path) -> None:
        vocabulary = Vocabulary.from_file(path)
        self.words = (vocabulary.size + 31) // 32
        self.tokenizer = _llguidance_tokenizer(path, vocabulary)
        self.options: Any = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}

    def compile(self, schema: str) -> object:
        from llguidance import LLMatcher

        try:
            grammar = LLMatcher.grammar_from_json_schema(schema, overrides=self.options)
            matcher = LLMatcher(self.tokenizer, grammar, log_level=0)
        except ValueError as error:
            raise Refused(str(error)) from error
        if matcher.is_error():
            raise Refused(matcher.get_error())
        return matcher

    def walker(self, compiled: Any) -> Walker:
        return _LLGuidanceWalker(compiled.deep_copy(), self.words)


def _llguidance_tokenizer(path: Path, vocabulary: Vocabulary) -> Any:
    """With the way text is cut to tokens: where text is forced, only the token it would be cut to is allowed."""
    from llguidance import LLTokenizer

    description = json.loads(path.read_bytes())
    if "config" not in description:
        return LLTokenizer(path.read_text(encoding="utf-8"), vocabulary.size, vocabulary.eos_ids[0])
    return LLTokenizer.from_tiktoken(  # type: ignore[attr-defined]
        encoder={token: index for index, token in enumerate(vocabulary.tokens) if token is not None},
        special_tokens={f"<|{index}|>": index for index, token in enumerate(vocabulary.tokens) if token is None},
        pattern=description["config"]["pattern"],
        eos_token=vocabulary.eos_ids[0],
        n_vocab=vocabulary.size,
        slices=None,
    )


# xgrammar


class _XGrammarWalker(Walker):
    def __init__(self, compiled: Any, size: int) -> None:
        import xgrammar

        self.matcher = xgrammar.GrammarMatcher(compiled)
        self.bits = xgrammar.allocate_token_bitmask(1, size)
        self.view: Mask = self.bits[0].numpy()

    def mask(self) -> Mask:
        self.matcher.fill_next_token_bitmask(self.bits, 0)
        return self.view

    def advance(self, token: int) -> bool:
        return bool(self.matcher.accept_token(token))

    def is_accepting(self) -> bool:
        return bool(self.matcher.is_completed())


class XGrammar(Competitor):
    """xgrammar on one thread, without its cache of whole schemas; `strict` takes no properties a schema leaves out."""

    def __init__(self, path: Path, strict: bool) -> None:
        import xgrammar

        vocabulary = Vocabulary.from_file(path)
        self.size = vocabulary.size
        self.strict = strict
        information = xgrammar.TokenizerInfo(
            [token or b"" for token in vocabulary.tokens],
            vocab_size=vocabulary.size,
            stop_token_ids=list(vocabulary.eos_ids),
        )
        self.compiler = xgrammar.GrammarCompiler(information, max_threads=1, cache_enabled=False)

    def compile(self, schema: str) -> object:
        try:
            return self.compiler.compile_json_schema(schema, any_whitespace=False, strict_mode=self.strict)
        except (RuntimeError, ValueError, TypeError) as error:
            raise Refused(str(error)) from error

    def walker(self, compiled: Any) -> Walker:
        return _XGrammarWalker(compiled, self.size)


ENGINES: dict[str, Callable[[Path, str], Competitor]] = {
    "weft": lambda path, formats: Weft(path, "any", formats),
    "weft, schema order": lambda path, formats: Weft(path, "schema", formats),
    "llguidance": lambda path, formats: LLGuidance(path),
    "xgrammar, strict": lambda path, formats: XGrammar(path, strict=True),
    "xgrammar, compliant": lambda path, formats: XGrammar(path, strict=False),
}
"""By the name of its row: made from a tokenizer file, and what formats are to the official suite or to real schemas."""
