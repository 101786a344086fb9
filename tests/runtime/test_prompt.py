"""Conversations and program states to ids: the template's text, with nothing in a message read as a special token."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import TEMPLATE, write_tokenizer

from weft.chat.template import ChatTemplate
from weft.errors import InvalidRequest
from weft.request import Segment, SegmentKind
from weft.runtime import Tokenizer

TRIMMING = TEMPLATE.replace("message.content", "message.content | trim")
WITH_TOOLS = (
    "{% for tool in tools or [] %}{{ tool | tojson }}{% endfor %}{% for message in messages %}<|{{ message.role }}|>"
    "{{ message.content }}{% for call in message.tool_calls or [] %}{{ call | tojson }}{% endfor %}<|end|>{% endfor %}"
)
TEMPLATES = {"plain": TEMPLATE, "trimming": TRIMMING, "tools": WITH_TOOLS}


@pytest.fixture(scope="module")
def tokenizers_by_template(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tokenizer]:
    made = {}
    for name, template in TEMPLATES.items():
        folder = tmp_path_factory.mktemp(name)
        write_tokenizer(folder, template=template)
        made[name] = Tokenizer(folder)
    return made


def read(tokenizer: Tokenizer, ids: list[int]) -> tuple[str, int]:
    """The ids' text, special tokens included, and how many of these there are."""
    names = {token: tokenizer._tokenizer.id_to_token(token).encode() for token in tokenizer.special_ids}
    text = b"".join(names.get(token) or tokenizer.token_bytes(token) for token in ids).decode()
    return text, sum(token in names for token in ids)


contents = st.lists(
    st.sampled_from(["a", " ", "\n", "é", "<|end|>", "<|end", "|>", "<|system|>", "\uf8f00\uf8f1"])
).map("".join)


@given(name=st.sampled_from(sorted(TEMPLATES)), texts=st.lists(contents, min_size=1, max_size=3))
def test_ids_spell_the_templates_text_and_only_the_template_writes_special_tokens(
    tokenizers_by_template: dict[str, Tokenizer], name: str, texts: list[str]
) -> None:
    tokenizer = tokenizers_by_template[name]
    call = {"name": "f", "arguments": {"x": texts[0], texts[-1]: 1}}
    messages = [{"role": "user", "content": text, "tool_calls": [call]} for text in texts]
    tools = [{"name": "f", "description": texts[0]}]
    text, specials = read(tokenizer, tokenizer.render_chat(messages, tools, add_generation_prompt=False))
    assert text == ChatTemplate(TEMPLATES[name]).render(messages, tools)
    assert specials == 2 * len(messages)


def test_a_template_that_rewrites_contents_is_tokenised_as_one_text_with_a_notice(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_tokenizer(tmp_path, template=TRIMMING)
    tokenizer = Tokenizer(tmp_path)
    with caplog.at_level(logging.WARNING):
        ids = tokenizer.render_chat([{"role": "user", "content": " the name "}])
    assert ids == tokenizer.encode("<|user|>the name<|end|><|assistant|>", special=True)
    assert "rewrites its contents" in caplog.text


def test_a_mark_of_another_conversation_is_text(tokenizers_by_template: dict[str, Tokenizer]) -> None:
    tokenizer = tokenizers_by_template["tools"]
    call = {"name": "f", "arguments": "\uf8f0999\uf8f1"}
    text, _ = read(tokenizer, tokenizer.render_chat([{"role": "user", "content": "x", "tool_calls": [call]}]))
    assert "\uf8f0999\uf8f1" in text


def test_a_longer_state_extends_a_shorter_one_and_keeps_generated_ids(
    tokenizers_by_template: dict[str, Tokenizer],
) -> None:
    tokenizer = tokenizers_by_template["plain"]
    user = Segment("Say the name", "user", 0, closed=True)
    first = tokenizer.render([user, Segment("It is: ", "assistant", 1)])
    spelled = tuple(tokenizer.encode("t") + tokenizer.encode("he"))  # not how the tokenizer writes "the"
    assert spelled != tuple(tokenizer.encode("the"))
    turn = [
        Segment("It is: ", "assistant", 1, closed=True),
        Segment("the", "assistant", 1, closed=True, kind=SegmentKind.GENERATED, token_ids=spelled),
    ]
    longer = tokenizer.render([user, *turn, Segment("And?", "user", 2, closed=True)])
    assert longer[: len(first) + len(spelled)] == [*first, *spelled]
    assert read(tokenizer, longer)[0].endswith("It is: the<|end|><|user|>And?<|end|><|assistant|>")


def test_ids_of_a_text_that_a_stop_string_cut_are_not_kept(tokenizers_by_template: dict[str, Tokenizer]) -> None:
    tokenizer = tokenizers_by_template["plain"]
    ids = tuple(tokenizer.encode("name; more"))
    cut = Segment("name", kind=SegmentKind.GENERATED, token_ids=ids)
    assert tokenizer.render([Segment("The "), cut]) == tokenizer.encode("The name")


def test_an_empty_turn_is_one_to_the_template_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_tokenizer(
        tmp_path, template="{% for m in messages %}{{ m.role ~ ':' ~ m.content if m.content else m.role }};{% endfor %}"
    )
    tokenizer = Tokenizer(tmp_path)
    segments = [Segment("", "system", 0, closed=True), Segment("x", "user", 1, closed=True)]
    with caplog.at_level(logging.WARNING):
        assert tokenizer.decode(tokenizer.render(segments)) == "system;user:x;"
    assert caplog.text == ""


@pytest.mark.parametrize(
    "content",
    [[{"type": "image_url"}], [{"type": "text"}], [{"type": "text", "text": 3}], ["x"], 5, {"type": "text"}],
    ids=json.dumps,
)
def test_a_content_that_is_no_text_is_refused(tokenizers_by_template: dict[str, Tokenizer], content: Any) -> None:
    with pytest.raises(InvalidRequest, match="content"):
        tokenizers_by_template["plain"].render_chat([{"role": "user", "content": content}])


def test_text_parts_are_joined(tokenizers_by_template: dict[str, Tokenizer]) -> None:
    tokenizer = tokenizers_by_template["plain"]
    parts = [{"type": "text", "text": "na"}, {"type": "text", "text": "me"}]
    assert tokenizer.render_chat([{"role": "user", "content": parts}]) == tokenizer.render_chat(
        [{"role": "user", "content": "name"}]
    )


def test_roles_and_plain_text_do_not_mix(tokenizers_by_template: dict[str, Tokenizer]) -> None:
    with pytest.raises(InvalidRequest, match=r"generated text outside any role .* 'Yes' belongs inside a turn"):
        tokenizers_by_template["plain"].render(
            [Segment("y", "user", 0, closed=True), Segment("Yes", kind=SegmentKind.GENERATED)]
        )


def test_without_a_template_there_are_no_roles(tmp_path: Path) -> None:
    write_tokenizer(tmp_path, template=None)
    tokenizer = Tokenizer(tmp_path)
    with pytest.raises(InvalidRequest, match="no chat template"):
        tokenizer.render([Segment("x", "user", 0, closed=True)])
    assert tokenizer.render([Segment("x")]) == tokenizer.encode("x")


@pytest.mark.parametrize("trimming", [False, True])
def test_variables_reach_the_template_and_are_text(tmp_path: Path, trimming: bool) -> None:
    template = "{{ style }}" + (TRIMMING if trimming else TEMPLATE)
    write_tokenizer(tmp_path, template=template)
    tokenizer = Tokenizer(tmp_path)
    assert tokenizer.template_source == template
    assert tokenizer.template_variables == {"style"}
    plain = tokenizer.render_chat([{"role": "user", "content": "x"}])
    styled = tokenizer.render_chat([{"role": "user", "content": "x"}], variables={"style": "<|end|>!"})
    assert read(tokenizer, styled) == ("<|end|>!" + read(tokenizer, plain)[0], read(tokenizer, plain)[1])


def test_without_a_template_there_is_nothing_to_give_it(tmp_path: Path) -> None:
    write_tokenizer(tmp_path, template=None)
    tokenizer = Tokenizer(tmp_path)
    assert tokenizer.template_source is None
    assert tokenizer.template_variables == frozenset()
