"""What every route works with."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ..errors import GrammarError, InvalidRequest, NotFound
from ..request import MAX_BAD_WORDS, Constraint, ConstraintKind, GenerateRequest, ProgramHints
from .calls import current_call
from .dialect import Dialect
from .fields import SamplingFields, seed_of_choice
from .json_text import deeper
from .options import Limits
from .tokens import ApiTokenizer
from .wire.client import AsyncEngine

MAX_STOP_TOKEN_IDS = 1024

MAX_SALT = 512
"""Characters of a cache salt: the cache keeps it as long as what is cached under it."""

LONG_TEXT = 16_384
"""Characters, over a request's prompts, from which tokenising is worth a thread: others are not held up."""


@dataclass(frozen=True)
class Served:
    """A model being served.

    Attributes:
        name: what clients call it.
        dialect: how it writes tool calls and reasoning.
        salt_by_key: whether requests of different API keys share no cached prefix.
        created: seconds since the epoch.
    """

    engine: AsyncEngine
    tokenizer: ApiTokenizer
    name: str
    limits: Limits = field(default_factory=Limits)
    dialect: Dialect = field(default_factory=Dialect)
    salt_by_key: bool = False
    created: int = field(default_factory=lambda: int(time.time()))

    def check_model(self, name: str) -> None:
        """Raise `NotFound` unless `name` is the served model."""
        if name != self.name:
            raise NotFound(
                f"there is no such model: the one served here is {self.name!r}", param="model", code="model_not_found"
            )

    def check_n(self, n: int | None) -> int:
        """How many choices for each prompt. Raises `InvalidRequest` for a number out of bounds."""
        if n is not None and not 1 <= n <= self.limits.n:
            raise InvalidRequest(f"n must lie in [1, {self.limits.n}], not {n}", param="n")
        return 1 if n is None else n

    def check_sampling(self, fields: SamplingFields) -> None:
        """Raise `InvalidRequest` for more stop strings, bad words or biases than are taken."""
        stop = [fields.stop] if isinstance(fields.stop, str) else fields.stop
        for name, given, most in (
            ("stop", stop, self.limits.stop),
            ("bad_words", fields.bad_words, MAX_BAD_WORDS),
            ("stop_token_ids", fields.stop_token_ids, MAX_STOP_TOKEN_IDS),
            ("logit_bias", fields.logit_bias, self.limits.logit_bias),
        ):
            if given is not None and len(given) > most:
                raise InvalidRequest(f"{name}: at most {most} are taken, not {len(given)}", param=name)

    def check_constraint(self, constraint: Constraint, param: str | None) -> None:
        """Raise `GrammarError`, naming `param`, for a constraint that is too long or nests too deeply."""
        source = constraint.source.encode()
        place = param or "the constraint"
        most, depth = self.limits.constraint_bytes, self.limits.schema_depth
        if len(source) > most:
            raise GrammarError(f"{place}: larger than {most} bytes", param=param)
        if constraint.kind in (ConstraintKind.JSON_SCHEMA, ConstraintKind.STRUCTURAL_TAG) and deeper(source, depth):
            raise GrammarError(f"{place}: nested too deeply, more than {depth} levels", param=param)

    async def encode(self, prompts: Sequence[str | list[int]], *, begin: bool = True) -> list[tuple[int, ...]]:
        """Ids of prompts, which may be ids already; names of special tokens in a text are those tokens.

        With `begin` a text gets the tokens that the tokenizer puts before every text.
        """

        def encode() -> list[tuple[int, ...]]:
            return [
                tuple(self.tokenizer.encode(prompt, special=True, begin=begin) if isinstance(prompt, str) else prompt)
                for prompt in prompts
            ]

        length = sum(len(prompt) for prompt in prompts if isinstance(prompt, str))
        return encode() if length < LONG_TEXT else await asyncio.to_thread(encode)

    def salt(self, given: str | None) -> str:
        """The cache salt of a request whose client gave this one: prefixes are shared under equal salts only.

        Raises `InvalidRequest` for one that is too long.
        """
        if given is not None and len(given) > MAX_SALT:
            raise InvalidRequest(f"cache_salt: at most {MAX_SALT} characters are taken", param="cache_salt")
        # A key's id is of one length and stands first: no salt that a client makes up can be another key's.
        owner = f"{current_call().key}:" if self.salt_by_key else ""
        return owner + (given or "")

    def requests(
        self,
        fields: SamplingFields,
        call_id: str,
        prompts: list[tuple[int, ...]],
        n: int,
        *,
        max_tokens: int | None,
        logprobs: bool,
        top_logprobs: int,
        constraint: Constraint | None = None,
        constraint_param: str | None = None,
    ) -> list[GenerateRequest]:
        """`n` requests for each prompt, one prompt's side by side. The i-th choice draws with the given seed plus i.

        The engine computes the prompt once for them all, and admits them together.

        Raises `InvalidRequest` for what can be told before the engine sees them.
        """
        current_call().answer_id = call_id
        self.check_sampling(fields)
        if constraint is not None:
            self.check_constraint(constraint, constraint_param)
        requests = []
        sampling = fields.sampling(
            max_tokens=max_tokens,
            logprobs=logprobs,
            top_logprobs=top_logprobs,
            vocab_size=self.tokenizer.vocab_size,
            defaults=self.tokenizer.default_sampling,
        )
        salt = self.salt(fields.cache_salt)
        for at, prompt in enumerate(prompts):
            for choice in range(n):
                request = GenerateRequest(
                    id=f"{call_id}-{at * n + choice}",
                    prompt=prompt,
                    cache_salt=salt,
                    priority=fields.priority or 0,
                    sampling=replace(sampling, seed=seed_of_choice(sampling.seed, choice)),
                    constraint=constraint,
                    hints=ProgramHints(fork_group=f"{call_id}-{at}", fork_size=n) if n > 1 else ProgramHints(),
                )
                request.validate()
                requests.append(request)
        return requests


def new_id(prefix: str, separator: str = "-") -> str:
    """An id for an answer, not to be guessed."""
    return f"{prefix}{separator}{secrets.token_hex(16)}"
