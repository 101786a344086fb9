"""What comes out of POST /v1/responses: the response, and the items of its output."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from ...request import Sampling
from ..json_text import is_object
from ..tokens import TokenLogprob
from ..usage import Usage
from .responses_input import ItemStatus
from .responses_types import ResponsesRequest

ResponseStatus = Literal["in_progress", "completed", "incomplete", "failed"]


class AnsweredText(BaseModel):
    """The text of a message."""

    type: Literal["output_text"] = "output_text"
    text: str = ""
    annotations: list[Any] = []
    logprobs: list[TokenLogprob] = []


class AnsweredMessage(BaseModel):
    """Text that the model answers."""

    id: str
    type: Literal["message"] = "message"
    role: Literal["assistant"] = "assistant"
    status: ItemStatus = "in_progress"
    content: list[AnsweredText] = []


class AnsweredReasoningText(BaseModel):
    """The text of a reasoning."""

    type: Literal["reasoning_text"] = "reasoning_text"
    text: str = ""


class AnsweredReasoning(BaseModel):
    """What the model wrote to itself."""

    id: str
    type: Literal["reasoning"] = "reasoning"
    status: ItemStatus = "in_progress"
    summary: list[Any] = []
    content: list[AnsweredReasoningText] = []


class AnsweredCall(BaseModel):
    """A tool call of the model's."""

    id: str
    type: Literal["function_call"] = "function_call"
    status: ItemStatus = "in_progress"
    call_id: str
    name: str
    arguments: str = ""

    def is_whole(self) -> bool:
        """Whether its arguments have come to their end, also where the answer as a whole was cut short."""
        return is_object(self.arguments)


OutputItem = AnsweredReasoning | AnsweredMessage | AnsweredCall


class IncompleteDetails(BaseModel):
    """Why an answer was cut short."""

    reason: Literal["max_output_tokens"]


class ResponseFault(BaseModel):
    """Why there is no answer, in OpenAI's words."""

    code: Literal["server_error", "rate_limit_exceeded", "invalid_prompt"]
    message: str


class InputTokensDetails(BaseModel):
    """`cached_tokens` of the input came from the prefix cache. Writing to it costs nothing, and is not counted."""

    cached_tokens: int
    cache_write_tokens: int = 0


class OutputTokensDetails(BaseModel):
    """`reasoning_tokens` of the output were reasoning."""

    reasoning_tokens: int


class ResponseUsage(BaseModel):
    """How many tokens went in and came out."""

    input_tokens: int
    input_tokens_details: InputTokensDetails
    output_tokens: int
    output_tokens_details: OutputTokensDetails
    total_tokens: int

    @classmethod
    def of(cls, usage: Usage, reasoning_tokens: int) -> ResponseUsage:
        """A usage in this API's names."""
        return cls(
            input_tokens=usage.prompt_tokens,
            input_tokens_details=InputTokensDetails(cached_tokens=usage.prompt_tokens_details.cached_tokens),
            output_tokens=usage.completion_tokens,
            output_tokens_details=OutputTokensDetails(reasoning_tokens=reasoning_tokens),
            total_tokens=usage.total_tokens,
        )


class ResponseObject(BaseModel):
    """The response, whole or on its way. What the request set is told again, with the defaults that took its place."""

    id: str
    object: Literal["response"] = "response"
    created_at: int
    completed_at: int | None = None
    status: ResponseStatus = "in_progress"
    background: Literal[False] = False
    error: ResponseFault | None = None
    incomplete_details: IncompleteDetails | None = None
    instructions: str | None
    max_output_tokens: int | None
    max_tool_calls: None = None
    metadata: dict[str, str]
    model: str
    output: list[OutputItem] = []
    parallel_tool_calls: bool
    previous_response_id: None = None
    prompt_cache_key: str | None
    reasoning: dict[str, Any]
    safety_identifier: str | None
    service_tier: Literal["default"] = "default"
    store: Literal[False] = False
    temperature: float
    text: dict[str, Any]
    tool_choice: str | dict[str, Any]
    tools: list[dict[str, Any]]
    top_logprobs: int
    top_p: float
    truncation: Literal["disabled"] = "disabled"
    usage: ResponseUsage | None = None
    user: str | None

    @classmethod
    def begun(cls, response_id: str, created_at: int, body: ResponsesRequest, sampling: Sampling) -> ResponseObject:
        """The response to a request, before it has any output."""
        choice = body.tool_choice
        form = body.text.format if body.text is not None else None
        return cls(
            id=response_id,
            created_at=created_at,
            instructions=body.instructions,
            max_output_tokens=body.max_output_tokens,
            metadata=body.metadata or {},
            model=body.model,
            parallel_tool_calls=body.parallel_tool_calls is not False,
            prompt_cache_key=body.prompt_cache_key,
            reasoning={"effort": body.effort, "summary": None},
            safety_identifier=body.safety_identifier,
            temperature=sampling.temperature,
            text={"format": _plain(form) if form is not None else {"type": "text"}, "verbosity": "medium"},
            tool_choice=choice or "auto" if isinstance(choice, str | None) else _plain(choice),
            tools=[{"parameters": None, "strict": None, **_plain(tool)} for tool in body.tools or ()],
            top_logprobs=body.top_logprobs or 0,
            top_p=sampling.top_p,
            user=body.user,
        )


def _plain(part: BaseModel) -> dict[str, Any]:
    return part.model_dump(exclude_none=True, by_alias=True)
