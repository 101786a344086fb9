"""Constraints inside the engine's loop: special tokens that a grammar names, and grammars that fail underway."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from weft.errors import EngineError, GrammarError
from weft.grammar import Forced, MaskBits, regex
from weft.request import FinishReason, GenerateRequest, GenerateResult, Sampling, Segment, SegmentKind
from weft.runtime import Engine

_keys = itertools.count(-1, -1)  # of no other grammar, not even one that is gone: the engine keeps its masks


class Line:
    """A grammar of one token after the other, and its own only matcher's maker. `fail` is called with each place."""

    def __init__(self, tokens: Sequence[int], end: int, size: int, fail: Callable[[str, int], None]) -> None:
        self.tokens = [*tokens, end]
        self.size = size
        self.fail = fail
        self.key = next(_keys)

    def matcher(self) -> LineMatcher:
        return LineMatcher(self)

    def mask(self, row: int) -> MaskBits:
        self.fail("mask", row)
        bits = np.zeros((self.size + 31) // 32, np.int32)
        if row < len(self.tokens) and self.tokens[row] >= 0:
            token = self.tokens[row]
            bits.view(np.uint32)[token // 32] = 1 << token % 32
        return bits


class LineMatcher:
    def __init__(self, line: Line) -> None:
        self.line = self.grammar = line
        self.at = 0

    def mask_row(self) -> int:
        self.line.fail("mask_row", self.at)
        return self.at

    def advance(self, token_id: int) -> bool:
        self.line.fail("advance", self.at)
        allowed = self.at < len(self.line.tokens) and self.line.tokens[self.at] == token_id
        self.at += allowed
        return allowed

    def is_accepting(self) -> bool:
        return self.at == len(self.line.tokens) - 1

    def is_finished(self) -> bool:
        return self.at >= len(self.line.tokens) - 1

    def forced(self) -> Forced:
        self.line.fail("forced", self.at)
        return Forced()


@pytest.fixture(scope="module")
def engine(tiny_folder: Path) -> Iterator[Engine]:
    with Engine(tiny_folder, device="cpu", dtype="float32") as engine:
        yield engine


@pytest.fixture
def run(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Callable[..., GenerateResult]:
    """Generates under a `Line` of tokens, beside a request of another constraint that must not notice."""

    def never(call: str, at: int) -> None: ...

    def generate(tokens: Sequence[int], fail: Callable[[str, int], None] = never, **sampling: Any) -> GenerateResult:
        (end,) = engine.tokenizer.eos_ids
        line = Line(tokens, end, engine.tokenizer.vocab_size, fail)
        beside = engine.generate(
            GenerateRequest(id="beside", prompt="Go: ", sampling=Sampling(max_tokens=40), constraint=regex("[ab]{20}"))
        )
        with monkeypatch.context() as patch:
            patch.setattr(engine._intake._grammars, "get", lambda constraint: line)
            request = GenerateRequest(
                id="line",
                prompt="Go: ",
                sampling=Sampling(**{"max_tokens": 50, **sampling}),
                constraint=regex("unused"),
            )
            ticket = engine.generate(request)
        try:
            return ticket.result(60)
        finally:
            assert len(beside.result(60).text) == 20
            engine.recount()

    return generate


def test_special_tokens_that_are_named_are_part_of_the_text(engine: Engine, run: Callable[..., GenerateResult]) -> None:
    (tool,) = engine.tokenizer.encode("<|tool|>", special=True)
    letters = engine.tokenizer.encode("abc")
    result = run([tool, *letters, tool])
    assert result.finish is FinishReason.STOP
    assert result.token_ids == (tool, *letters, tool)
    assert result.text == "<|tool|>abc<|tool|>"
    assert engine.tokenizer.decode(result.token_ids) == "abc"
    assert engine.tokenizer.decode(result.token_ids, special=True) == result.text
    said = Segment(text=result.text, kind=SegmentKind.GENERATED, token_ids=result.token_ids)
    assert engine.render([Segment(text="x"), said]) == (*engine.tokenizer.encode("x"), *result.token_ids)


@pytest.mark.parametrize("call", ["mask_row", "mask", "advance", "forced"])
@pytest.mark.parametrize("place", [0, 2])
def test_a_grammar_that_gives_up_fails_its_own_request(
    engine: Engine, run: Callable[..., GenerateResult], call: str, place: int
) -> None:
    def fail(at_call: str, at: int) -> None:
        if (at_call, at) == (call, place):
            raise GrammarError("out of fuel", keyword="fuel")

    with pytest.raises(GrammarError, match="out of fuel") as caught:
        run(engine.tokenizer.encode("abcd"), fail)
    assert caught.value.keyword == "fuel"
    assert run(engine.tokenizer.encode("abcd")).text == "abcd"


def test_a_broken_grammar_fails_its_own_request(engine: Engine, run: Callable[..., GenerateResult]) -> None:
    def fail(at_call: str, at: int) -> None:
        if at == 1:
            raise ZeroDivisionError

    with pytest.raises(EngineError):
        run(engine.tokenizer.encode("abcd"), fail)


def test_where_nothing_is_allowed_the_request_fails(engine: Engine, run: Callable[..., GenerateResult]) -> None:
    with pytest.raises(GrammarError, match="no token") as caught:
        run([*engine.tokenizer.encode("ab"), -1])
    assert caught.value.code == "constraint_dead_end"


@pytest.mark.parametrize("bias", [-100.0, 100.0])
def test_a_bias_changes_no_constraint(engine: Engine, run: Callable[..., GenerateResult], bias: float) -> None:
    letters = engine.tokenizer.encode("abc")
    (end,) = engine.tokenizer.eos_ids
    biases = tuple(sorted((token, bias) for token in {*letters, *engine.tokenizer.encode("xyz"), end}))
    assert run(letters, logit_bias=biases, repetition_penalty=1.5, presence_penalty=2.0).text == "abc"
