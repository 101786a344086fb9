"""/v1/messages as Anthropic's client sees it: whole answers."""

from __future__ import annotations

import asyncio
from typing import Any

import anthropic
import pydantic
import pytest

from weft.request import ConstraintKind, FinishReason, GenerateRequest

from ..conftest import RunningServer
from ..fake_engine import EOS, ROLES, End
from .conftest import ChatTokenizer

HI: Any = [{"role": "user", "content": "Hi"}]
HI_IDS = (ROLES["user"], *b"Hi", EOS, ROLES["assistant"])
ASK: Any = {"model": "fake-model", "messages": HI, "max_tokens": 50}
TOOL: Any = {"name": "add", "input_schema": {"type": "object", "properties": {"a": {"type": "integer"}}}}
CALL = '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>'


def answers(server: RunningServer, *steps: Any) -> None:
    server.engine.script = lambda request: steps


def test_answer(client: anthropic.Anthropic, server: RunningServer) -> None:
    message = client.messages.create(**ASK)
    assert message.id.startswith("msg_")
    assert (message.type, message.role, message.model) == ("message", "assistant", "fake-model")
    (block,) = message.content
    assert block.type == "text"
    assert block.text == "Hello!"
    assert (message.stop_reason, message.stop_sequence) == ("end_turn", None)
    usage = message.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens) == (len(HI_IDS) - 2, 2)
    assert (usage.cache_creation_input_tokens, usage.output_tokens) == (0, 3)
    (request,) = server.engine.requests
    assert request.prompt == HI_IDS
    assert request.constraint is None
    assert (request.sampling.max_tokens, request.sampling.temperature, request.sampling.top_k) == (50, 1.0, 50)


def test_the_async_client(server: RunningServer) -> None:
    async def main() -> None:
        async with anthropic.AsyncAnthropic(base_url=server.url, api_key="none", timeout=30) as client:
            message = await client.messages.create(**ASK)
            assert message.content[0].text == "Hello!"
            async with client.messages.stream(**ASK) as stream:
                assert [text async for text in stream.text_stream] == ["Hel", "lo", "!"]

    asyncio.run(main())


def test_an_answer_of_nothing_has_no_block(client: anthropic.Anthropic, server: RunningServer) -> None:
    answers(server)
    message = client.messages.create(**ASK)
    assert message.content == []
    assert message.stop_reason == "end_turn"


def test_blank_text_is_an_answer(client: anthropic.Anthropic, server: RunningServer) -> None:
    answers(server, " ", "\n")
    (block,) = client.messages.create(**ASK).content
    assert block.text == " \n"


def test_sampling(client: anthropic.Anthropic, server: RunningServer) -> None:
    extra = {"temperature": 0.0, "top_p": 0.5, "top_k": 3}
    client.messages.create(**ASK, stop_sequences=["\n\n", "END"], extra_body=extra)
    sampling = server.engine.requests[0].sampling
    assert (sampling.temperature, sampling.top_p, sampling.top_k) == (0.0, 0.5, 3)
    assert sampling.stop == ("\n\n", "END")


@pytest.mark.parametrize(
    ("end", "max_tokens", "reason", "sequence"),
    [
        (End(FinishReason.STOP), 50, "end_turn", None),
        (End(FinishReason.STOP, stop_reason="END"), 50, "stop_sequence", "END"),
        (End(FinishReason.STOP, stop_reason=EOS), 50, "end_turn", None),
        (End(FinishReason.LENGTH), 2, "max_tokens", None),
        (End(FinishReason.LENGTH), 50, "model_context_window_exceeded", None),
    ],
)
def test_why_it_stopped(
    client: anthropic.Anthropic, server: RunningServer, end: End, max_tokens: int, reason: str, sequence: str | None
) -> None:
    answers(server, "a", "b", end)
    message = client.messages.create(**ASK | {"max_tokens": max_tokens})
    assert (message.stop_reason, message.stop_sequence) == (reason, sequence)
    assert message.content[0].text == "ab"


def test_a_prompt_alone_can_be_run(client: anthropic.Anthropic, server: RunningServer) -> None:
    answers(server, End(FinishReason.LENGTH))
    message = client.messages.create(**ASK | {"max_tokens": 0})
    assert (message.content, message.stop_reason) == ([], "max_tokens")
    assert server.engine.requests[0].sampling.max_tokens == 0


def test_what_asks_for_nothing_is_taken(client: anthropic.Anthropic, server: RunningServer) -> None:
    cached = {"type": "ephemeral", "ttl": "1h"}
    client.messages.create(
        model="fake-model",
        max_tokens=5,
        system=[{"type": "text", "text": "Be kind.", "cache_control": cached}],
        messages=[{"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": cached}]}],
        tools=[],
        tool_choice={"type": "none"},
        thinking={"type": "disabled"},
        metadata={"user_id": "me"},
        service_tier="standard_only",
        cache_control=cached,
        extra_headers={"anthropic-version": "2023-06-01", "anthropic-beta": "structured-outputs-2025-11-13"},
        extra_body={"container": None, "mcp_servers": [], "context_management": None, "speed": "standard"},
    )
    assert server.engine.requests[0].constraint is None


# -- conversations ----------------------------------------------------------------------------------------------------


def test_a_conversation_of_blocks(client: anthropic.Anthropic, rendered: ChatTokenizer) -> None:
    client.messages.create(
        model="fake-model",
        max_tokens=5,
        system=[{"type": "text", "text": "Be kind."}, {"type": "text", "text": "Be short."}],
        messages=[
            {"role": "user", "content": [{"type": "text", "text": "What"}, {"type": "text", "text": "is it?"}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm.", "signature": ""},
                    {"type": "text", "text": "Let me "},
                    {"type": "text", "text": "add."},
                    {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"a": 1}},
                    {"type": "tool_use", "id": "toolu_2", "name": "sub", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_2", "content": "no", "is_error": True},
                    {
                        "type": "tool_result",
                        "tool_use_id": "toolu_1",
                        "content": [{"type": "text", "text": "4"}, {"type": "text", "text": "2"}],
                    },
                    {"type": "text", "text": "And?"},
                ],
            },
        ],
    )
    assert rendered.rendered.messages == [
        {"role": "system", "content": "Be kind.\nBe short."},
        {"role": "user", "content": "What\nis it?"},
        {
            "role": "assistant",
            "content": "Let me add.",
            "reasoning_content": "Hm.",
            "tool_calls": [
                {"id": "toolu_1", "type": "function", "function": {"name": "add", "arguments": {"a": 1}}},
                {"id": "toolu_2", "type": "function", "function": {"name": "sub", "arguments": {}}},
            ],
        },
        {"role": "tool", "tool_call_id": "toolu_2", "name": "sub", "content": "Error: no"},
        {"role": "tool", "tool_call_id": "toolu_1", "name": "add", "content": "4\n2"},
        {"role": "user", "content": "And?"},
    ]


def test_neighbours_of_one_role_are_one_message(client: anthropic.Anthropic, rendered: ChatTokenizer) -> None:
    client.messages.create(
        model="fake-model",
        max_tokens=5,
        system="Be kind.",
        messages=[
            {"role": "user", "content": "Add"},
            {"role": "user", "content": "it"},
            {"role": "assistant", "content": "Let me"},
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": " see"},
                    {"type": "tool_use", "id": "1", "name": "add", "input": {}},
                ],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1"}]},
        ],
    )
    assert [(message["role"], message["content"]) for message in rendered.rendered.messages] == [
        ("system", "Be kind."),
        ("user", "Add\nit"),
        ("assistant", "Let me see"),
        ("tool", ""),
    ]
    assert len(rendered.rendered.messages[2]["tool_calls"]) == 1


def test_a_begun_answer_goes_on(client: anthropic.Anthropic, server: RunningServer) -> None:
    message = client.messages.create(**ASK | {"messages": [*HI, {"role": "assistant", "content": "Well, "}]})
    assert server.engine.requests[0].prompt == (*HI_IDS, *b"Well, ")
    assert message.content[0].text == "Hello!"


def test_count_tokens(client: anthropic.Anthropic, server: RunningServer) -> None:
    count = client.messages.count_tokens(model="fake-model", messages=HI)
    assert count.input_tokens == len(HI_IDS)
    more = client.messages.count_tokens(
        model="fake-model", messages=HI, system="Be kind.", tools=[TOOL], tool_choice={"type": "any"}
    )
    assert more.input_tokens > count.input_tokens + len("Be kind.")
    assert server.engine.requests == []


# -- tools ------------------------------------------------------------------------------------------------------------


def test_a_round_of_tools(client: anthropic.Anthropic, server: RunningServer, rendered: ChatTokenizer) -> None:
    answers(server, "Let me ", "see.\n", *CALL)
    message = client.messages.create(**ASK, tools=[TOOL | {"description": "Adds.", "cache_control": None}])
    assert message.stop_reason == "tool_use"
    text, call = message.content
    assert text.text.strip() == "Let me see."
    assert (call.type, call.name, call.input) == ("tool_use", "add", {"a": 1})
    assert call.id.startswith("toolu_")
    assert rendered.rendered.tools == (
        {
            "type": "function",
            "function": {"name": "add", "parameters": TOOL["input_schema"], "description": "Adds."},
        },
    )
    constraint = server.engine.requests[0].constraint
    assert constraint is not None
    assert constraint.kind is ConstraintKind.STRUCTURAL_TAG

    answers(server, "It is 2.")
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "2"}
    conversation = [*HI, {"role": "assistant", "content": message.content}, {"role": "user", "content": [result]}]
    last = client.messages.create(**ASK | {"messages": conversation}, tools=[TOOL])
    assert last.content[0].text == "It is 2."
    assert last.stop_reason == "end_turn"
    assert rendered.rendered.messages[-1] == {
        "role": "tool",
        "tool_call_id": call.id,
        "name": "add",
        "content": "2",
    }


def test_calls_alone_come_without_text(client: anthropic.Anthropic, server: RunningServer) -> None:
    answers(server, "\n", *CALL, "\n", *CALL.replace("1", "2"), "\n")
    message = client.messages.create(**ASK | {"max_tokens": 200}, tools=[TOOL])
    assert [(block.type, block.input) for block in message.content] == [("tool_use", {"a": 1}), ("tool_use", {"a": 2})]
    assert message.content[0].id != message.content[1].id


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "add"}])
def test_a_call_can_be_required(client: anthropic.Anthropic, server: RunningServer, choice: Any) -> None:
    answers(server, *CALL)
    message = client.messages.create(**ASK | {"max_tokens": 200}, tools=[TOOL], tool_choice=choice)
    (call,) = message.content
    assert call.input == {"a": 1}
    assert server.engine.requests[0].constraint is not None


def test_tools_not_to_be_used_are_not_told_of(
    client: anthropic.Anthropic, server: RunningServer, rendered: ChatTokenizer
) -> None:
    client.messages.create(**ASK, tools=[TOOL], tool_choice={"type": "none"})
    assert rendered.rendered.tools == ()
    assert server.engine.requests[0].constraint is None


def test_a_call_cut_short_is_told_as_far_as_it_goes(client: anthropic.Anthropic, server: RunningServer) -> None:
    tool = {"name": "add", "input_schema": {"type": "object", "properties": {"a": {"type": "array"}}}}
    cut = '<tool_call>\n{"name": "add", "arguments": {"a": [1, 2'
    answers(server, *cut, End(FinishReason.LENGTH))
    message = client.messages.create(**ASK | {"max_tokens": len(cut)}, tools=[tool])
    assert message.stop_reason == "max_tokens"
    (call,) = message.content
    assert call.name == "add"
    assert call.input == {"a": [1]} or call.input == {"a": [1, 2]}


def test_the_tool_runner_comes_to_an_end(client: anthropic.Anthropic, server: RunningServer) -> None:
    @anthropic.beta_tool
    def add(a: int) -> str:
        """Add one.

        Args:
            a: a number.
        """
        return str(a + 1)

    def script(request: GenerateRequest) -> Any:
        return ["It is 2."] if request.prompt[-3:-1] == (*b"2", EOS) else CALL

    server.engine.script = script
    runner = client.beta.messages.tool_runner(**ASK | {"max_tokens": 200}, tools=[add])
    message = runner.until_done()
    assert message.content[0].text == "It is 2."
    assert len(server.engine.requests) == 2


# -- what the answer must be -------------------------------------------------------------------------------------------


class Point(pydantic.BaseModel):
    x: int
    y: int


def test_parse(client: anthropic.Anthropic, server: RunningServer) -> None:
    answers(server, '{"x": 1, ', '"y": 2}')
    message = client.messages.parse(**ASK, output_format=Point)
    assert message.parsed_output == Point(x=1, y=2)
    constraint = server.engine.requests[0].constraint
    assert constraint is not None
    assert constraint.kind is ConstraintKind.JSON_SCHEMA


@pytest.mark.parametrize("field", ["output_config", "output_format"])
def test_a_schema(client: anthropic.Anthropic, server: RunningServer, field: str) -> None:
    form = {"type": "json_schema", "schema": Point.model_json_schema()}
    client.messages.create(**ASK, extra_body={field: {"format": form} if field == "output_config" else form})
    constraint = server.engine.requests[0].constraint
    assert constraint is not None
    assert constraint.kind is ConstraintKind.JSON_SCHEMA


# -- thinking ---------------------------------------------------------------------------------------------------------

THINKS = ("<think>", "Hm", ".", "</think>", "Yes", "!")


def test_thinking(thinking_client: anthropic.Anthropic, thinker: RunningServer, rendered: ChatTokenizer) -> None:
    answers(thinker, *THINKS)
    message = thinking_client.messages.create(
        **ASK | {"max_tokens": 2000}, thinking={"type": "enabled", "budget_tokens": 1024}
    )
    thinking, text = message.content
    assert (thinking.type, thinking.thinking, thinking.signature) == ("thinking", "Hm.", "")
    assert text.text == "Yes!"
    assert rendered.rendered.variables == {"enable_thinking": True}

    conversation = [*HI, {"role": "assistant", "content": message.content}, *HI]
    thinking_client.messages.create(**ASK | {"messages": conversation})
    assert rendered.rendered.messages[1] == {"role": "assistant", "content": "Yes!", "reasoning_content": "Hm."}


def test_thinking_that_is_not_shown(thinking_client: anthropic.Anthropic, thinker: RunningServer) -> None:
    answers(thinker, *THINKS)
    message = thinking_client.messages.create(**ASK, thinking={"type": "adaptive", "display": "omitted"})
    assert [block.text for block in message.content] == ["Yes!"]


@pytest.mark.parametrize("fields", [{}, {"thinking": {"type": "disabled"}}])
def test_no_thinking_where_none_is_wanted(
    thinking_client: anthropic.Anthropic, thinker: RunningServer, rendered: ChatTokenizer, fields: Any
) -> None:
    message = thinking_client.messages.create(**ASK, **fields)
    assert rendered.rendered.variables == {"enable_thinking": False}
    assert [block.text for block in message.content] == ["Hello!"]
    assert thinker.engine.requests[0].constraint is None


def test_any_model_thinks_as_much_as_it_will(client: anthropic.Anthropic) -> None:
    message = client.messages.create(**ASK, thinking={"type": "adaptive"}, output_config={"effort": "high"})
    assert message.content[0].text == "Hello!"
