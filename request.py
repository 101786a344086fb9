"""What crosses between floors: requests, sampling, constraints and events, as frozen dataclasses of plain values.

Nothing here imports torch, and nothing knows who sends or serves a request. `validate` is called once, where a request
enters (`engine.submit`), so that every floor above may build requests freely and every floor below may trust them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

from .errors import EngineError, InvalidRequest

MAX_STOP_STRINGS = 16
MAX_STOP_LENGTH = 256
MAX_CHOICES = 256
MAX_BAD_WORDS = 256
MAX_BAD_WORD_LENGTH = 256
MAX_TIMEOUT = 1e9
"""Seconds; some thirty years."""


class ConstraintKind(StrEnum):
    """What language a constraint's source is written in."""

    JSON_SCHEMA = "json_schema"
    REGEX = "regex"
    CHOICES = "choices"
    GRAMMAR = "grammar"
    STRUCTURAL_TAG = "structural_tag"


@dataclass(frozen=True, slots=True)
class Constraint:
    """A constraint on generated text, as text: hashable, serialisable, torch-free.

    Attributes:
        kind: the language of `source`.
        source: JSON Schema as JSON text; a regex; choices as a JSON list of strings; a grammar; a structural tag
            as JSON text.
        options: compiler options as sorted (name, value) pairs, e.g. ``(("whitespace", "compact"),)``.
    """

    kind: ConstraintKind
    source: str
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn.

    Under a constraint the text ends where the constraint says, and these may end it sooner or keep it from its end: at
    a stop string or stop token id it may be the beginning of a valid text, as at `max_tokens`, and its `stop_reason`
    tells; `min_tokens`, `ignore_eos` and `bad_words` hold wherever the constraint leaves another way on, and in no text
    that it forces.

    Attributes:
        max_tokens: most tokens to generate, forced ones included; never more than the context has room for, which is
            also what None means.
        temperature: 0 is greedy.
        top_k: keep the k likeliest; 0 keeps all.
        top_p: keep the smallest set whose mass reaches this, in (0, 1].
        min_p: keep tokens of at least this share of the likeliest one's probability, in [0, 1].
        seed: the draw's seed; None lets the engine choose one per request.
        stop: strings that end the text; never part of it.
        stop_token_ids: ids that end the text like end-of-sequence does.
        min_tokens: end-of-sequence and stop ids are not drawn before this many tokens; 0 is off.
        ignore_eos: go on after end-of-sequence. Under a constraint, which has none inside its text, do not draw it.
        bad_words: strings whose tokens are never drawn one after the other, neither as written nor behind a space.
        logit_bias: (token id, bias) pairs added to the logits, sorted by id.
        presence_penalty, frequency_penalty: OpenAI's, over generated tokens, in [-2, 2].
        repetition_penalty: CTRL's (Keskar et al. 2019, section 4.1), over prompt and generated tokens; 1 is off.
        logprobs: report the log-probability of each token. Text that a constraint forces is then sampled as well,
            since only the model's own distribution says how likely it was.
        top_logprobs: report this many likeliest alternatives too; more than 0 asks for `logprobs` as well.
    """

    max_tokens: int | None = None
    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    stop_token_ids: tuple[int, ...] = ()
    min_tokens: int = 0
    ignore_eos: bool = False
    bad_words: tuple[str, ...] = ()
    logit_bias: tuple[tuple[int, float], ...] = ()
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repetition_penalty: float = 1.0
    logprobs: bool = False
    top_logprobs: int = 0

    @property
    def wants_logprobs(self) -> bool:
        """Whether log-probabilities are reported."""
        return self.logprobs or self.top_logprobs > 0

    def validate(self) -> None:
        """Raise `InvalidRequest` naming the first field out of its range."""
        if self.max_tokens is not None:
            _check_range("max_tokens", self.max_tokens, 0, 2**31 - 1)
        _check_range("temperature", self.temperature, 0.0, 100.0)
        _check_range("top_p", self.top_p, 0.0, 1.0, open_low=True)
        _check_range("min_p", self.min_p, 0.0, 1.0)
        _check_range("presence_penalty", self.presence_penalty, -2.0, 2.0)
        _check_range("frequency_penalty", self.frequency_penalty, -2.0, 2.0)
        _check_range("repetition_penalty", self.repetition_penalty, 0.0, 10.0, open_low=True)
        _check_range("top_k", self.top_k, 0, 2**31 - 1)
        _check_range("min_tokens", self.min_tokens, 0, 2**31 - 1)
        _check_range("top_logprobs", self.top_logprobs, 0, 20)
        if self.seed is not None:
            _check_range("seed", self.seed, -(2**63), 2**63 - 1)
        _check_strings("stop", self.stop, MAX_STOP_STRINGS, MAX_STOP_LENGTH)
        _check_strings("bad_words", self.bad_words, MAX_BAD_WORDS, MAX_BAD_WORD_LENGTH)
        for token in self.stop_token_ids:
            if not isinstance(token, int) or not 0 <= token < 2**31:
                raise InvalidRequest("stop_token_ids: each must be a token id", param="stop_token_ids")
        for token, bias in self.logit_bias:
            in_range = isinstance(bias, int | float) and -100.0 <= bias <= 100.0
            if not isinstance(token, int) or token < 0 or not in_range:
                raise InvalidRequest(
                    f"logit_bias[{token!r}] must map a token id to a number from -100 to 100",
                    param="logit_bias",
                )


def _check_range(name: str, value: float, low: float, high: float, *, open_low: bool = False) -> None:
    too_low = value <= low if open_low else value < low
    if too_low or value > high or math.isnan(value):
        bracket = "(" if open_low else "["
        raise InvalidRequest(f"{name} must lie in {bracket}{low}, {high}], not {value}", param=name)


def _check_strings(name: str, texts: object, most: int, longest: int) -> None:
    if not isinstance(texts, tuple | list):
        raise InvalidRequest(f"{name} must be a tuple of strings, not {texts!r}", param=name)
    if len(texts) > most:
        raise InvalidRequest(f"{name}: {len(texts)} strings given, at most {most}", param=name)
    for text in texts:
        if not isinstance(text, str):
            raise InvalidRequest(f"{name}: each must be text, not {text!r}", param=name)
        if not 0 < len(text) <= longest:
            raise InvalidRequest(f"{name}: each string needs 1 to {longest} characters, not {len(text)}", param=name)


@dataclass(frozen=True, slots=True)
class ProgramHints:
    """What the language knows of a call's program; the scheduler may use it, results never depend on it.

    Attributes:
        session: calls of one program state share this id; the state calls on until the session is released.
        fork_group: calls of one fork share this id; None outside a fork.
        fork_size: how many branches that fork has.
        more_calls: the session is known to call again after this.
        batch: the items of one batch share this id.
        common_prefix: leading prompt tokens (or characters, before tokenisation) that the batch's items have in common,
            as far as they are known.
    """

    session: str | None = None
    fork_group: str | None = None
    fork_size: int = 1
    more_calls: bool = False
    batch: str | None = None
    common_prefix: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What every kind of request has.

    Attributes:
        id: unique among requests in flight; events and aborts name it.
        prompt: token ids, or text to be tokenised by the engine.
        cache_salt: requests share cached prefixes only with equal salts.
        priority: higher is admitted earlier.
        timeout: seconds from its arrival after which it ends, waiting or running, with `DeadlineExceeded`; looked at
            between two steps. None is no limit.
        hints: what the program is known to do next.
    """

    id: str
    prompt: tuple[int, ...] | str
    cache_salt: str = ""
    priority: int = 0
    timeout: float | None = None
    hints: ProgramHints = field(default_factory=ProgramHints)

    def validate(self) -> None:
        """Raise `InvalidRequest` for anything that is wrong whatever the model."""
        if not self.id:
            raise InvalidRequest("a request needs an id", param="id")
        _check_range("priority", self.priority, -(2**31), 2**31 - 1)
        if self.timeout is not None:
            _check_range("timeout", self.timeout, 0.0, MAX_TIMEOUT, open_low=True)
        if len(self.prompt) == 0:
            raise InvalidRequest("the prompt is empty: at least one token is needed", param="prompt")


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateRequest(Request):
    """Continue `prompt`, under `constraint` if there is one.

    `forced_text` (jump-forward) False samples every token, even where the constraint leaves one way on; so do
    log-probabilities, where the sampling asks for them. `speculation` False computes one token after the other, where
    the engine would guess ahead; the output is the same.
    """

    sampling: Sampling = field(default_factory=Sampling)
    constraint: Constraint | None = None
    forced_text: bool = True
    speculation: bool = True

    def validate(self) -> None:
        super(GenerateRequest, self).validate()
        self.sampling.validate()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRequest(Request):
    """The log-probability of each of `choices` as a continuation of `prompt`, unmasked.

    Each choice is a non-empty tuple of token ids, or non-empty text. `top_logprobs` reports that many of the likeliest
    tokens in each token's place too. So the log-probabilities of a prompt's own tokens are those of its rest after its
    first one. `unconditional` reports how likely each choice's tokens are by themselves as well, without the prompt.
    """

    choices: tuple[tuple[int, ...] | str, ...]
    top_logprobs: int = 0
    unconditional: bool = False

    def validate(self) -> None:
        super(ScoreRequest, self).validate()
        _check_range("top_logprobs", self.top_logprobs, 0, 20)
        if not 0 < len(self.choices) <= MAX_CHOICES:
            raise InvalidRequest(f"choices: 1 to {MAX_CHOICES} are needed, not {len(self.choices)}", param="choices")
        if any(len(choice) == 0 for choice in self.choices):
            raise InvalidRequest("choices: an empty choice has no tokens to score", param="choices")


class Pooling(StrEnum):
    """How an embedding is made of the last hidden states."""

    MEAN = "mean"
    LAST = "last"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedRequest(Request):
    """The pooled last hidden state of `prompt`, scaled to unit length."""

    pooling: Pooling = Pooling.LAST


AnyRequest = GenerateRequest | ScoreRequest | EmbedRequest


class FinishReason(StrEnum):
    """Why a generation ended."""

    STOP = "stop"
    LENGTH = "length"
    ABORT = "abort"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Times:
    """When things happened to a request, in seconds of the engine's monotonic clock; 0 is not yet.

    Attributes:
        arrived: the engine took it; its constraint is still to be compiled.
        admitted: it left the queue, and its prompt went into a step.
        first_token, last_token: the output's first token was there, and its latest one. Leading forced text is there
            before the request is admitted. An end-of-sequence token that ends the output is no part of it.
        finished: it ended.
        prefilled: all of its prompt was computed; for a generation this is when its first token was drawn.
    """

    arrived: float = 0.0
    admitted: float = 0.0
    first_token: float = 0.0
    finished: float = 0.0
    prefilled: float = 0.0
    last_token: float = 0.0

    def with_token(self, now: float) -> Times:
        """The times once a token of the output was there at `now`. Called for each, and far cheaper than `replace`."""
        return Times(self.arrived, self.admitted, self.first_token or now, self.finished, self.prefilled, now)


@dataclass(frozen=True, slots=True)
class TokenEvent:
    """One token of one request, sent as soon as it is decided. The last event of a request has `finish` set.

    Attributes:
        request_id: whose token.
        token_id: the token; -1 on a closing event that carries no token of its own.
        text: the text this event adds, possibly empty (part of a UTF-8 character, or of a stop string, is held
            back until it is decided). The concatenation over all events is the whole output.
        logprob: natural log of the drawn token's probability under the unmasked, unfiltered model distribution at
            temperature 1; None unless asked for.
        top_logprobs: the likeliest (id, logprob), best first; empty unless asked for.
        allowed: how many tokens the mask allowed (the vocabulary size when unconstrained; 1 when forced).
        forced: the token was not sampled: the constraint left one way on.
        cached_tokens: prompt tokens taken from the cache rather than computed; the same on every event but those of
            leading forced text, which come before the prompt is looked up.
        prompt_tokens: the prompt's length in tokens; the same on every event.
        finish: why the request ended, on its last event.
        stop_reason: the stop string or stop token id that ended it, where one did.
        error: what went wrong, when finish is `error`: (code, message, param).
        times: the request's times so far.
    """

    request_id: str
    token_id: int
    text: str = ""
    logprob: float | None = None
    top_logprobs: tuple[tuple[int, float], ...] = ()
    allowed: int = 0
    forced: bool = False
    cached_tokens: int = 0
    prompt_tokens: int = 0
    finish: FinishReason | None = None
    stop_reason: str | int | None = None
    error: tuple[str, str, str | None] | None = None
    times: Times = field(default_factory=Times)


@dataclass(frozen=True, slots=True)
class GenerateResult:
    """A whole generation: what the events of one request add up to."""

    request_id: str
    text: str
    token_ids: tuple[int, ...]
    finish: FinishReason
    stop_reason: str | int | None = None
    prompt_tokens: int = 0
    cached_tokens: int = 0
    forced_tokens: int = 0
    logprobs: tuple[float, ...] = ()
    top_logprobs: tuple[tuple[tuple[int, float], ...], ...] = ()
    times: Times = field(default_factory=Times)


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """Log-probabilities of a score request's choices.

    Attributes:
        token_logprobs: per choice, the natural log-probability of each of its tokens given all before.
        top_logprobs: per choice and token, the likeliest (id, logprob) in its place; empty unless asked for.
        unconditional_logprobs: per choice, the natural log-probability of each of its tokens given only its own tokens
            before it; 0 for the first, before which nothing stands. Empty unless asked for.
        prompt_tokens, cached_tokens: as in `TokenEvent`.
    """

    request_id: str
    token_logprobs: tuple[tuple[float, ...], ...]
    top_logprobs: tuple[tuple[tuple[tuple[int, float], ...], ...], ...] = ()
    unconditional_logprobs: tuple[tuple[float, ...], ...] = ()
    prompt_tokens: int = 0
    cached_tokens: int = 0
    times: Times = field(default_factory=Times)

    @property
    def logprobs(self) -> tuple[float, ...]:
        """Per choice, the natural log of its probability: the sum over its tokens."""
        return tuple(math.fsum(tokens) for tokens in self.token_logprobs)

    @property
    def shares(self) -> tuple[float, ...]:
        """The choices' probabilities as shares of their sum. Raises `EngineError` where they cannot be compared."""
        logprobs = self.logprobs
        best = max(logprobs)
        if any(map(math.isnan, logprobs)) or not math.isfinite(best):
            raise EngineError(f"these log-probabilities of the choices cannot be compared: {list(logprobs)}")
        weights = [math.exp(logprob - best) for logprob in logprobs]
        total = sum(weights)
        return tuple(weight / total for weight in weights)


@dataclass(frozen=True, slots=True)
class EmbedResult:
    """A unit-length embedding, float32 values."""

    request_id: str
    embedding: tuple[float, ...]
    prompt_tokens: int = 0
    cached_tokens: int = 0
    times: Times = field(default_factory=Times)


class SegmentKind(StrEnum):
    """What a segment of a program's state is."""

    TEXT = "text"
    GENERATED = "generated"


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a program's state.

    Attributes:
        text: its text.
        role: the chat role whose turn it stands in; None outside any turn (plain completion text).
        turn: which turn, counted from 0 in the state; segments of one turn share it. -1 outside any turn.
        closed: the turn is complete; False for the turn still being written.
        kind: written by the program, or generated.
        token_ids: a generated segment's tokens as sampled, where the backend has them; kept verbatim so that forks
            share by construction.
    """

    text: str
    role: str | None = None
    turn: int = -1
    closed: bool = False
    kind: SegmentKind = SegmentKind.TEXT
    token_ids: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a backend can do, so that the language refuses early and by name.

    Attributes:
        model: the served model's name.
        token_ids: renders to and generates token ids; otherwise it works on text.
        constraints: the constraint kinds it enforces.
        score: it can score choices.
        embed: it can embed.
        tools: its chat template takes tools.
        context_length: most tokens of prompt and output together; None where unknown.
    """

    model: str
    token_ids: bool
    constraints: frozenset[ConstraintKind]
    score: bool = True
    embed: bool = False
    tools: bool = True
    context_length: int | None = None
