"""/v1/messages as Anthropic's client sees it: streams."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import httpx
import pytest

from weft.errors import EngineError
from weft.request import FinishReason

from ..conftest import RunningServer
from ..fake_engine import End, Hold
from .test_messages import ASK, CALL, THINKS, TOOL, Point, answers

TOOLED: Any = ASK | {"tools": [TOOL], "max_tokens": 200}


def events(http: httpx.Client, body: Any) -> list[tuple[str, Any]]:
    """A stream's events as they are on the wire."""
    response = http.post("/v1/messages", json=body | {"stream": True})
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    frames = response.text.split("\n\n")
    assert frames.pop() == ""
    told = []
    for frame in frames:
        name, data = frame.split("\n")
        told.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
        assert told[-1][0] == told[-1][1]["type"]
    return told


def test_events_of_a_text(http: httpx.Client) -> None:
    told = events(http, ASK)
    assert [name for name, _ in told] == [
        "message_start",
        "ping",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    message = told[0][1]["message"]
    assert (message["content"], message["stop_reason"], message["role"]) == ([], None, "assistant")
    assert message["usage"]["cache_read_input_tokens"] == 2
    assert told[2][1]["index"] == 0
    assert told[2][1]["content_block"] == {"type": "text", "text": "", "citations": None}
    assert told[3][1]["delta"] == {"type": "text_delta", "text": "Hel"}
    assert told[7][1]["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}
    assert told[7][1]["usage"]["output_tokens"] == 3


def test_events_of_calls(http: httpx.Client, server: RunningServer) -> None:
    answers(server, "\n", *CALL, "\n", *CALL)
    told = events(http, TOOLED)
    starts = [data for name, data in told if name == "content_block_start"]
    assert [data["index"] for data in starts] == [0, 1]
    for data in starts:
        block = data["content_block"]
        assert (block["type"], block["name"], block["input"]) == ("tool_use", "add", {})
    for index in (0, 1):
        parts = [
            data["delta"]["partial_json"]
            for name, data in told
            if name == "content_block_delta" and data["index"] == index
        ]
        assert json.loads("".join(parts)) == {"a": 1}
    assert [name for name, data in told if data.get("index") == 0][-1] == "content_block_stop"
    assert told[-2][1]["delta"]["stop_reason"] == "tool_use"


@pytest.mark.parametrize(
    ("fields", "steps"),
    [
        ({}, ("Hel", "lo", End(FinishReason.STOP, stop_reason="END"))),
        ({"tools": [TOOL]}, ("Let me see.\n", *CALL)),
        ({"tools": [TOOL]}, (*CALL, "\n", *CALL)),
        ({"tools": [TOOL]}, (*CALL[:-20], End(FinishReason.LENGTH))),
        ({}, ()),
    ],
)
def test_a_stream_adds_up_to_the_whole(
    client: anthropic.Anthropic, server: RunningServer, fields: Any, steps: Any
) -> None:
    answers(server, *steps)
    ask = ASK | {"max_tokens": 200} | fields
    whole = client.messages.create(**ask)
    with client.messages.stream(**ask) as stream:
        streamed = stream.get_final_message()
    assert [_without_id(block) for block in streamed.content] == [_without_id(block) for block in whole.content]
    assert (streamed.stop_reason, streamed.stop_sequence) == (whole.stop_reason, whole.stop_sequence)
    assert streamed.usage.output_tokens == whole.usage.output_tokens


def _without_id(block: Any) -> Any:
    return {name: value for name, value in block.to_dict().items() if name != "id"}


def test_the_helper_tells_thinking_and_text(thinking_client: anthropic.Anthropic, thinker: RunningServer) -> None:
    answers(thinker, *THINKS)
    with thinking_client.messages.stream(**ASK, thinking={"type": "adaptive"}) as stream:
        told = [(event.type, getattr(event, event.type)) for event in stream if event.type in ("thinking", "text")]
        message = stream.get_final_message()
    assert "".join(text for kind, text in told if kind == "thinking") == "Hm."
    assert "".join(text for kind, text in told if kind == "text") == "Yes!"
    assert [block.type for block in message.content] == ["thinking", "text"]


def test_the_helper_parses(client: anthropic.Anthropic, server: RunningServer) -> None:
    answers(server, *'{"x": 1, "y": 2}')
    with client.messages.stream(**ASK, output_format=Point) as stream:
        assert stream.get_final_message().parsed_output == Point(x=1, y=2)


def test_raw_events(client: anthropic.Anthropic) -> None:
    with client.messages.create(**ASK, stream=True) as stream:
        assert [event.type for event in stream][-1] == "message_stop"


def test_a_stream_that_fails_raises(client: anthropic.Anthropic, server: RunningServer) -> None:
    answers(server, "a", EngineError("the logits are not numbers"))
    with (
        pytest.raises(anthropic.APIStatusError, match="the logits are not numbers") as caught,
        client.messages.stream(**ASK) as stream,
    ):
        stream.get_final_message()
    assert caught.value.body["error"]["type"] == "api_error"


def test_a_client_that_leaves_its_stream_aborts_it(http: httpx.Client, server: RunningServer) -> None:
    answers(server, "a", Hold())
    with http.stream("POST", "/v1/messages", json=ASK | {"stream": True}) as response:
        assert next(response.iter_bytes())
    assert server.engine.aborted.get(timeout=30) == server.engine.requests[0].id
