"""What a body of /generate asks for, prompt by prompt."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ...errors import InvalidRequest
from ...request import GenerateRequest
from ..calls import current_call
from ..prompts import check_prompts, each_prompt
from ..served import Served, new_id
from .answers import Draft, Shown
from .requests import DEFAULT_MAX_NEW_TOKENS, NO_PROMPT_LOGPROBS, Each, GenerateBody, SamplingParams, for_each_prompt

_SAMPLING_NAMES = {
    "max_tokens": "max_new_tokens",
    "min_tokens": "min_new_tokens",
    "seed": "sampling_seed",
}
_BODY_NAMES = {"top_logprobs": "top_logprobs_num", "cache_salt": "cache_salt", "priority": "priority"}


@dataclass(frozen=True, slots=True)
class Plan:
    """The answers to be made, those of one prompt side by side.

    Attributes:
        id: with which the ids of the requests to the engine begin.
        n: answers for each prompt.
        many: the answer is a list, because several prompts or several answers for one were asked for.
        prompt_field: the field that the prompts came from.
        prompts: as token ids.
        starts: for each prompt, from which token on it is scored before anything is generated; None for not at all.
        requests, names, constraint_params: for each answer, what goes to the engine, what /abort_request may call it
            (its `rid` comes first), and the field that its constraint came from.
        shown: for each answer, what is told beside its text.
    """

    id: str
    n: int
    many: bool
    prompt_field: str
    prompts: Sequence[tuple[int, ...]]
    starts: Sequence[int | None]
    requests: Sequence[GenerateRequest]
    names: Sequence[tuple[str, ...]]
    constraint_params: Sequence[str | None]
    shown: Sequence[Shown]

    def drafts(self, served: Served) -> list[Draft]:
        """The answers, nothing written yet."""
        return [
            Draft(served.tokenizer, names[0], shown, prompt_tokens=len(request.prompt))
            for names, shown, request in zip(self.names, self.shown, self.requests, strict=True)
        ]


async def plan(served: Served, body: GenerateBody) -> Plan:
    """Raises `InvalidRequest` for what can be told before the engine sees the requests."""
    prompt_field, given = body.prompts()
    prompts = each_prompt(given)
    check_prompts(served, prompts, prompt_field, served.limits.prompts)
    params = for_each_prompt(body.sampling_params, len(prompts), "sampling_params", SamplingParams())
    n = _n(served, params)
    if len(prompts) * n > served.limits.generations:
        raise InvalidRequest(
            f"{len(prompts)} prompts of {n} answers each are more than {served.limits.generations} generations",
            param="sampling_params.n",
        )
    ids = await served.encode(prompts)
    many = n > 1 or (isinstance(given, list) and given is not prompts[0])
    call_id = new_id("gen")
    shown, starts = _shown(body, ids, params)
    requests, constraint_params = _requests(served, body, call_id, prompt_field, ids, n, params, shown)
    return Plan(
        id=call_id,
        n=n,
        many=many,
        prompt_field=prompt_field,
        prompts=ids,
        starts=starts,
        requests=requests,
        names=_names(body, len(prompts), n, many),
        constraint_params=constraint_params,
        shown=[each for each in shown for _ in range(n)],
    )


@contextmanager
def in_these_names(prompt_field: str) -> Iterator[None]:
    """Errors raised within name the fields of this API at fault, not those of the requests that they became."""
    try:
        yield
    except InvalidRequest as error:
        names = {"prompt": prompt_field, **_BODY_NAMES, **_SAMPLING_NAMES}
        param = error.param
        if param is not None and param in names:
            error.message = re.sub(rf"\b{param}\b", names[param], error.message)
            error.param = names[param]
        if error.param in SamplingParams.model_fields:
            error.param = f"sampling_params.{error.param}"
        raise


def _n(served: Served, params: Sequence[SamplingParams]) -> int:
    """How many answers for each prompt: the same for all."""
    given = {each.n for each in params}
    if len(given) > 1:
        raise InvalidRequest("n must be the same in all sampling_params", param="sampling_params.n")
    with in_these_names(""):
        return served.check_n(given.pop())


def _shown(
    body: GenerateBody, prompts: Sequence[tuple[int, ...]], params: Sequence[SamplingParams]
) -> tuple[list[Shown], list[int | None]]:
    """What each prompt's answers show, and from which token on it is scored.

    A prompt that nothing is generated for is scored too, its last token alone: so it is put into the cache.
    """
    count = len(prompts)
    logprobs = for_each_prompt(body.return_logprob, count, "return_logprob", False)
    starts = for_each_prompt(body.logprob_start_len, count, "logprob_start_len", NO_PROMPT_LOGPROBS)
    tops = for_each_prompt(body.top_logprobs_num, count, "top_logprobs_num", 0)
    for start, prompt in zip(starts, prompts, strict=True):
        if not NO_PROMPT_LOGPROBS <= start <= len(prompt):
            raise InvalidRequest(
                f"logprob_start_len must lie in [-1, {len(prompt)}], the prompt's tokens, not {start}",
                param="logprob_start_len",
            )
    _check_wanted(body.logprob_start_len, NO_PROMPT_LOGPROBS, "logprob_start_len", logprobs)
    _check_wanted(body.top_logprobs_num, 0, "top_logprobs_num", logprobs)
    shown = [
        Shown(
            logprobs=logprobs[at],
            tops=tops[at] if logprobs[at] else 0,
            texts=bool(body.return_text_in_logprobs),
            prompt=logprobs[at] and 0 <= starts[at] < len(prompts[at]),
            stop=bool(params[at].no_stop_trim),
        )
        for at in range(count)
    ]
    unsaid = [len(prompt) - 1 if params[at].max_new_tokens == 0 else None for at, prompt in enumerate(prompts)]
    return shown, [starts[at] if shown[at].prompt else unsaid[at] for at in range(count)]


def _check_wanted(given: Each[int], nothing: int, param: str, logprobs: Sequence[bool]) -> None:
    """Raise `InvalidRequest` for a field that only log-probabilities have a use for, where there will be none."""
    if isinstance(given, list):
        in_vain = any(value != nothing and not wanted for value, wanted in zip(given, logprobs, strict=True))
    else:
        in_vain = given not in (None, nothing) and not any(logprobs)
    if in_vain:
        raise InvalidRequest(f"{param}: needs return_logprob to be true", param=param)


def _requests(
    served: Served,
    body: GenerateBody,
    call_id: str,
    prompt_field: str,
    prompts: Sequence[tuple[int, ...]],
    n: int,
    params: Sequence[SamplingParams],
    shown: Sequence[Shown],
) -> tuple[list[GenerateRequest], list[str | None]]:
    """For each answer, what goes to the engine and the field that its constraint came from."""
    count = len(prompts)
    salts = for_each_prompt(body.cache_salt, count, "cache_salt", "")
    extras = for_each_prompt(body.extra_key, count, "extra_key", "")
    requests: list[GenerateRequest] = []
    constraint_params: list[str | None] = []
    for at, prompt in enumerate(prompts):
        salt = json.dumps([salts[at], extras[at]]) if extras[at] else salts[at]
        limit = params[at].max_new_tokens
        with in_these_names(prompt_field):
            asked = params[at].constraint()
            constraint_param = None if asked is None else f"sampling_params.{asked.param}"
            requests += served.requests(
                params[at].fields(salt, body.priority),
                f"{call_id}-{at}",
                [prompt],
                n,
                max_tokens=DEFAULT_MAX_NEW_TOKENS if limit is None else limit,
                logprobs=shown[at].logprobs,
                top_logprobs=shown[at].tops,
                constraint=None if asked is None else asked.constraint,
                constraint_param=constraint_param,
            )
        constraint_params += [constraint_param] * n
    current_call().answer_id = call_id
    return requests, constraint_params


def _names(body: GenerateBody, prompts: int, n: int, many: bool) -> list[tuple[str, ...]]:
    """What /abort_request may call each answer: its own `rid` first, then the one that several were given."""
    rid = body.rid
    names: list[tuple[str, ...]]
    if isinstance(rid, list):
        given = for_each_prompt(rid, prompts, "rid", "")
        if len(set(given)) != len(given):
            raise InvalidRequest("rid: each prompt needs one of its own", param="rid")
        bases = [name for name in given for _ in range(n)]
        names = [(base,) if n == 1 else (f"{base}_{at % n}", base) for at, base in enumerate(bases)]
    elif rid is None:
        names = [(new_id("gen"),) for _ in range(prompts * n)]
    else:
        names = [(f"{rid}_{at}", rid) if many else (rid,) for at in range(prompts * n)]
    if any(not name for each in names for name in each):
        raise InvalidRequest("rid: an empty name is none", param="rid")
    return names
