"""POST /v1/decisions: what `weft.select` decides, as an API."""

from __future__ import annotations

import time

from fastapi import APIRouter, Request
from starlette.responses import Response

from ...errors import InvalidRequest
from ...lang.choice_methods import decide, needs_unconditional
from ...request import ScoreRequest, ScoreResult
from ..answers import json_response, until_gone
from ..calls import current_call
from ..prompts import check_prompts
from ..served import Served, new_id
from ..tokens import LEAST_LOGPROB
from ..turns import Conversation, effort_variables, prepare, taken_prefill, template_variables
from ..usage import Meter
from .chat_types import ChatMessage
from .decision_types import ChoiceProbability, Decision, DecisionRequest


def decisions_router(served: Served) -> APIRouter:
    """The route, for one model."""
    router = APIRouter()

    @router.post("/v1/decisions", response_model=Decision)
    async def create_decision(request: Request, body: DecisionRequest) -> Response:
        """Choose among texts by how likely each is as the continuation, and tell how likely.

        The probabilities are what `select` of the language gives: of whole texts, not of their first tokens. Texts are
        scored as they stand, so that `" yes"` and `"yes"` differ: give them as the prompt wants them continued. Names
        of special tokens in them are plain text.
        """
        served.check_model(body.model)
        served.engine.check()
        body.check()
        options = body.options()
        prompt = await _prompt(served, body)
        return json_response(await until_gone(request, _answer(served, body, prompt, options)))

    return router


async def _prompt(served: Served, body: DecisionRequest) -> tuple[int, ...]:
    """What the choice continues, as ids."""
    if body.messages is not None:
        return await _conversation_prompt(served, body, body.messages)
    prompts = [body.prompt or ""]
    check_prompts(served, prompts, "prompt", 1)
    return (await served.encode(prompts))[0]


async def _conversation_prompt(served: Served, body: DecisionRequest, given: list[ChatMessage]) -> tuple[int, ...]:
    effort = effort_variables(body.reasoning_effort, served)
    variables = effort | template_variables(body.chat_template_kwargs, served)
    messages = [message.plain(f"messages[{at}]") for at, message in enumerate(given)]
    prefill = taken_prefill(messages, len(given) - 1)
    turn = await prepare(served, Conversation(messages, variables=variables, prefill=prefill))
    if turn.form.reasoning_opened:
        raise InvalidRequest(
            "messages: this model begins by reasoning, so that nothing can be decided there; where its chat template "
            "allows it, turn reasoning off (reasoning_effort, chat_template_kwargs)",
            param="messages",
        )
    return turn.prompt


async def _answer(served: Served, body: DecisionRequest, prompt: tuple[int, ...], options: tuple[str, ...]) -> Decision:
    call_id = current_call().answer_id = new_id("decision")
    meter = Meter(1, served.tokenizer.eos_ids)
    request = ScoreRequest(
        id=f"{call_id}-0",
        prompt=prompt,
        choices=options,
        unconditional=needs_unconditional(body.by()),
        cache_salt=served.salt(body.cache_salt),
        priority=body.priority or 0,
    )
    try:
        result = await served.engine.score(request)
    except InvalidRequest as error:
        names = {"choices": body.options_param(), "prompt": "prompt" if body.messages is None else "messages"}
        error.param = names.get(error.param or "", error.param)
        raise
    meter.count_prompt(0, result.prompt_tokens, result.cached_tokens)
    return _decision(served, body, call_id, options, result, meter)


def _decision(
    served: Served, body: DecisionRequest, call_id: str, options: tuple[str, ...], result: ScoreResult, meter: Meter
) -> Decision:
    shares = result.shares
    decision = decide(body.by(), result)
    index = decision.index
    probabilities = [
        ChoiceProbability(
            choice=options[at],
            logprob=max(logprob, LEAST_LOGPROB),
            probability=shares[at],
            score=max(decision.scores[at], LEAST_LOGPROB),
            token_logprobs=[max(token, LEAST_LOGPROB) for token in result.token_logprobs[at]],
        )
        for at, logprob in enumerate(result.logprobs)
    ]
    return Decision(
        id=call_id,
        object="decision",
        created=int(time.time()),
        model=served.name,
        type=body.type or "choice",
        method=body.by(),
        choice=options[index],
        index=index,
        probabilities=probabilities,
        usage=meter.usage(),
        **body.verdict(index, shares),
    )
