"""Random requests of every kind, in the groups that programs make of them, and what each answer must be."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jsonschema

from weft.grammar import choices, grammar, json_schema, regex, structural_tag
from weft.request import (
    AnyRequest,
    Constraint,
    ConstraintKind,
    EmbedRequest,
    EmbedResult,
    FinishReason,
    GenerateRequest,
    GenerateResult,
    Pooling,
    ProgramHints,
    Sampling,
    ScoreRequest,
    ScoreResult,
)

VOCABULARY = 300
MOST_PROMPT = 90
"""Tokens; every request fits a context of twice as many."""
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 6}, "ok": {"type": "boolean"}},
    "required": ["name", "ok"],
    "additionalProperties": False,
}
TAG = {"type": "tag", "begin": "<call>", "content": {"json_schema": {"type": "boolean"}}, "end": "</call>"}


@dataclass(frozen=True)
class Arrival:
    """Requests that come together, and what their program tells beside them: forks, and sessions that end."""

    requests: tuple[AnyRequest, ...]
    fork: tuple[str, tuple[str, ...]] | None = None
    release: tuple[str, ...] = ()


class RandomTraffic:
    """A stream of arrivals, the same for the same generator of random numbers."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._count = 0
        self._sessions: dict[str, tuple[int, ...]] = {}
        self._stems = [self._tokens(rng.randint(10, 60)) for _ in range(12)]

    def next(self) -> Arrival:
        """The next arrival: 1 to 6 requests."""
        if self._rng.random() < 0.02:
            self._stems[self._rng.randrange(len(self._stems))] = self._tokens(self._rng.randint(10, 60))
        kinds = [self._single, self._siblings, self._session, self._fork, self._batch]
        return self._rng.choices(kinds, [6, 1, 3, 1, 1])[0]()

    def malformed(self) -> AnyRequest:
        """A request that is to be refused where it enters."""
        name = self._name()
        wrong: list[Callable[[], AnyRequest]] = [
            lambda: GenerateRequest(id=name, prompt=()),
            lambda: GenerateRequest(id=name, prompt=(1, 5000)),
            lambda: GenerateRequest(id=name, prompt="word " * 2000),
            lambda: GenerateRequest(id=name, prompt="x", sampling=Sampling(top_p=0.0)),
            lambda: GenerateRequest(id=name, prompt="x", sampling=Sampling(logit_bias=((9999, 1.0),))),
            lambda: GenerateRequest(id=name, prompt="x", constraint=regex(f"({self._rng.randrange(1000)}")),
            lambda: GenerateRequest(id=name, prompt="x", constraint=json_schema({"type": "thing"})),
            lambda: ScoreRequest(id=name, prompt="x", choices=((),)),
            lambda: EmbedRequest(id="", prompt="x"),
        ]
        return self._rng.choice(wrong)()

    # --- arrivals ---

    def _single(self) -> Arrival:
        kind = self._rng.random()
        if kind < 0.15:
            return Arrival((self._score(),))
        if kind < 0.25:
            pooling = self._rng.choice([Pooling.LAST, Pooling.MEAN])
            return Arrival((EmbedRequest(pooling=pooling, **self._common()),))
        return Arrival((self._generate(self._prompt()),))

    def _siblings(self) -> Arrival:
        """Several answers to one prompt."""
        prompt = self._prompt()
        return Arrival(tuple(self._generate(prompt) for _ in range(self._rng.randint(2, 5))))

    def _session(self) -> Arrival:
        """A session's next call, which goes on from its last one; now and then one that ends."""
        if self._sessions and (len(self._sessions) > 8 or self._rng.random() < 0.3):
            gone = self._rng.choice(sorted(self._sessions))
            del self._sessions[gone]
            return Arrival((), release=(gone,))
        if self._sessions and self._rng.random() < 0.7:
            name = self._rng.choice(sorted(self._sessions))
        else:
            name = f"session {self._count}"
        prompt = (self._sessions.get(name, self._prompt()) + self._tokens(self._rng.randint(1, 12)))[:MOST_PROMPT]
        self._sessions[name] = prompt
        hints = ProgramHints(session=name, more_calls=self._rng.random() < 0.8)
        return Arrival((self._generate(prompt, hints=hints),))

    def _fork(self) -> Arrival:
        """A state's branches, of which each makes one call and ends."""
        size = self._rng.randint(2, 5)
        group = f"fork {self._count}"
        children = tuple(f"{group} {at}" for at in range(size))
        stem = self._prompt()[: MOST_PROMPT - 8]
        requests = tuple(
            self._generate(
                stem + self._tokens(self._rng.randint(1, 8)),
                hints=ProgramHints(session=child, fork_group=group, fork_size=size),
            )
            for child in children
        )
        parent = self._rng.choice([*sorted(self._sessions), group])
        return Arrival(requests, fork=(parent, children), release=children)

    def _batch(self) -> Arrival:
        """Items of a batch that begin alike."""
        stem = self._rng.choice(self._stems)
        hints = ProgramHints(batch=f"batch {self._count}", common_prefix=len(stem))
        prompts = [stem + self._tokens(self._rng.randint(1, 20)) for _ in range(self._rng.randint(2, 6))]
        requests = tuple(self._generate(prompt, hints=hints) for prompt in prompts)
        return Arrival(requests, release=(hints.batch or "",) if self._rng.random() < 0.8 else ())

    # --- requests ---

    def _name(self) -> str:
        self._count += 1
        return f"r{self._count}"

    def _tokens(self, count: int) -> tuple[int, ...]:
        """Some alike, so that what is written repeats itself and choices part late."""
        return tuple(self._rng.randrange(VOCABULARY) if self._rng.random() < 0.3 else 65 for _ in range(count))

    def _prompt(self) -> tuple[int, ...]:
        prompt = self._tokens(self._rng.randint(1, 30))
        return (self._rng.choice(self._stems) if self._rng.random() < 0.7 else ()) + prompt

    def _common(self) -> dict[str, Any]:
        rng = self._rng
        return {
            "id": self._name(),
            "prompt": rng.choice(["the name of the thing: " * 3, self._prompt(), self._prompt(), self._prompt()]),
            "cache_salt": rng.choice(["", "", "", "tenant"]),
            "priority": rng.choice([0, 0, 0, 1, -1]),
            "timeout": rng.choice([1e-6, 0.01, 0.1]) if rng.random() < 0.04 else None,
        }

    def _score(self) -> ScoreRequest:
        rng = self._rng
        made = tuple(self._tokens(rng.randint(1, 12)) for _ in range(rng.randint(1, 9)))
        return ScoreRequest(
            choices=made, top_logprobs=rng.choice([0, 0, 3]), unconditional=rng.random() < 0.3, **self._common()
        )

    def _generate(self, prompt: tuple[int, ...], hints: ProgramHints | None = None) -> GenerateRequest:
        rng = self._rng
        return GenerateRequest(
            sampling=self._sampling(),
            constraint=self._constraint() if rng.random() < 0.35 else None,
            forced_text=rng.random() < 0.8,
            speculation=rng.random() < 0.8,
            **{**self._common(), "prompt": prompt, "hints": hints or ProgramHints()},
        )

    def _sampling(self) -> Sampling:
        rng = self._rng

        def now_and_then(*values: Any, share: float = 0.15) -> Any:
            return rng.choice(values[1:]) if rng.random() < share else values[0]

        return Sampling(
            max_tokens=rng.choice([0, 1, 2, 5, 10, 20, 40]),
            temperature=rng.choice([0.0, 0.0, 0.7, 1.5]),
            top_k=now_and_then(0, 1, 5, 100),
            top_p=now_and_then(1.0, 0.5, 0.95),
            min_p=now_and_then(0.0, 0.05),
            seed=now_and_then(None, 1, 2**62, share=0.5),
            stop=now_and_then((), ("a", "the"), ("AB",)),
            stop_token_ids=now_and_then((), (65, 66)),
            min_tokens=now_and_then(0, 3, 12),
            ignore_eos=now_and_then(False, True),
            bad_words=now_and_then((), ("A", "the name"), ("b",)),
            logit_bias=now_and_then((), ((65, 40.0), (66, 40.0)), ((70, -100.0),), share=0.4),
            presence_penalty=now_and_then(0.0, 1.0, -2.0),
            frequency_penalty=now_and_then(0.0, 0.5),
            repetition_penalty=now_and_then(1.0, 1.3, 0.8),
            logprobs=now_and_then(False, True),
            top_logprobs=now_and_then(0, 2, 7, share=0.1),
        )

    def _constraint(self) -> Constraint:
        """One of a few that come again and again, or one that was never seen."""
        rng = self._rng
        number = rng.randrange(10_000)
        made: list[Callable[[], Constraint]] = [
            lambda: regex("(yes|no|maybe[0-9]{2,5})"),
            lambda: regex(f"{number}: [a-f]{{0,{number % 9}}};"),
            lambda: choices(["the naming of names", "the nameless", "nothing true"]),
            lambda: choices([f"{number} or so", f"{number}", "none"]),
            lambda: json_schema(SCHEMA),
            lambda: json_schema({"type": "array", "items": {"type": "integer"}, "maxItems": number % 4}),
            lambda: grammar('root ::= "(" root ")" | [0-9]'),
            lambda: structural_tag({"format": TAG}),
        ]
        return rng.choice(made)()


def check(request: AnyRequest, answer: object) -> None:
    """Assert what every answer to such a request has, whatever the model's weights are."""
    if isinstance(request, ScoreRequest):
        assert isinstance(answer, ScoreResult)
        assert [len(row) for row in answer.token_logprobs] == [len(choice) for choice in request.choices]
        assert all(value <= 1e-5 for row in answer.token_logprobs for value in row)
        return
    if isinstance(request, EmbedRequest):
        assert isinstance(answer, EmbedResult)
        assert abs(sum(value * value for value in answer.embedding) - 1) < 1e-3
        return
    assert isinstance(answer, GenerateResult)
    sampling = request.sampling
    assert answer.finish in (FinishReason.STOP, FinishReason.LENGTH)
    assert len(answer.token_ids) <= (sampling.max_tokens or 0)
    assert not any(stop in answer.text for stop in sampling.stop)
    assert not sampling.wants_logprobs or len(answer.logprobs) == len(answer.token_ids)
    if request.constraint is not None and answer.finish is FinishReason.STOP and answer.stop_reason is None:
        _check_constraint(request.constraint, answer.text)


def _check_constraint(constraint: Constraint, text: str) -> None:
    match constraint.kind:
        case ConstraintKind.REGEX:
            assert re.fullmatch(constraint.source, text)
        case ConstraintKind.CHOICES:
            assert text in json.loads(constraint.source)
        case ConstraintKind.JSON_SCHEMA:
            jsonschema.validate(json.loads(text), json.loads(constraint.source))
        case ConstraintKind.GRAMMAR:
            assert re.fullmatch(r"\(*[0-9]\)*", text)
            assert text.count("(") == text.count(")")
        case ConstraintKind.STRUCTURAL_TAG:
            assert text in ("<call>true</call>", "<call>false</call>")
