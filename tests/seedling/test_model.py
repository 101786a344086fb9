"""The shipped model folder, its tokenizer, its chat template, and that training learns."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2.sandbox import ImmutableSandboxedEnvironment

from weft.seedling.corpus import sample
from weft.seedling.folder import MODEL_FOLDER, TEMPLATE_FILE, save_weights
from weft.seedling.initialise import initialise
from weft.seedling.model import ModelConfig, Seedling
from weft.seedling.parallel import Gradients
from weft.seedling.stream import collate, render, tokenise, weigh
from weft.seedling.tokenizer import END, PAD, load_tokenizer
from weft.seedling.train import SCHOOLED, Schedule, Trainer, examine

transformers = pytest.importorskip("transformers")

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "price_of",
            "description": 'The price of <goods>, in "euros" & cents – it\'s exact.',
            "parameters": {
                "type": "object",
                "properties": {"thing": {"type": "string"}, "count": {"type": "integer", "minimum": 1}},
                "required": ["thing"],
                "additionalProperties": False,
            },
        },
    }
]
CALL = {"id": "call_1", "type": "function", "function": {"name": "price_of", "arguments": '{"thing": "ink"}'}}
TALK = [
    {"role": "system", "content": "You may call tools."},
    {"role": "user", "content": "What does ink cost?"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "content": "4.50", "tool_call_id": "call_1"},
    {"role": "assistant", "content": "Ink costs 4.50."},
    {"role": "user", "content": [{"type": "text", "text": "Thank "}, {"type": "text", "text": "you"}]},
]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return load_tokenizer()


@pytest.fixture(scope="module")
def hugging_face_tokenizer() -> Any:
    return transformers.AutoTokenizer.from_pretrained(MODEL_FOLDER)


def sandboxed(messages: list[dict[str, Any]], **variables: Any) -> str:
    def raise_exception(message: str) -> None:
        raise ValueError(message)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = raise_exception
    template = environment.from_string(TEMPLATE_FILE.read_text(encoding="utf-8"))
    return template.render(messages=messages, **variables)


def test_transformers_loads_the_folder_and_computes_equal_logits(tokenizer: Any) -> None:
    theirs = transformers.AutoModelForCausalLM.from_pretrained(MODEL_FOLDER, dtype=torch.float32).eval()
    ours = Seedling(ModelConfig())
    ours.load_state_dict({k: v for k, v in theirs.state_dict().items() if k != "lm_head.weight"})
    ids = torch.tensor([tokenizer.encode(render(sample(random.Random(3)))).ids])
    with torch.no_grad():
        expected, got = theirs(ids).logits, ours.head(ours.hidden(ids))
    torch.testing.assert_close(got, expected, atol=2e-3, rtol=1e-3)


def test_the_folder_is_small_and_consistent(tokenizer: Any) -> None:
    config = json.loads((MODEL_FOLDER / "config.json").read_text())
    assert config == ModelConfig().as_hugging_face(tokenizer.token_to_id(END), tokenizer.token_to_id(PAD))
    assert tokenizer.get_vocab_size() == config["vocab_size"]
    parameters = sum(weight.numel() for weight in Seedling(ModelConfig()).parameters())
    assert 4_000_000 < parameters < 7_000_000
    assert (MODEL_FOLDER / "model.safetensors").stat().st_size < 16_000_000


@settings(deadline=None)
@given(st.text())
def test_any_text_comes_back(text: str) -> None:
    tokenizer = load_tokenizer()
    assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text


def test_both_tokenizers_give_the_same_ids(tokenizer: Any, hugging_face_tokenizer: Any) -> None:
    rng = random.Random(0)
    for _ in range(50):
        text = render(sample(rng, "templates"))
        assert hugging_face_tokenizer.encode(text) == tokenizer.encode(text).ids
    call = tokenizer.encode("<tool_call>{}</tool_call><|end|>").ids
    assert hugging_face_tokenizer.decode(call, skip_special_tokens=True) == "<tool_call>{}</tool_call>"


def strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    if isinstance(value, dict):
        value = list(value.values())
    return [text for item in value for text in strings(item)] if isinstance(value, list) else []


def cuts(tokenizer: Any, text: str, first: int, last: int) -> list[int]:
    """Where tokens begin within text[first:last], counted from `first`; a token may begin before it."""
    offsets = tokenizer.encode(text).offsets
    return [max(begin, first) - first for begin, end in offsets if begin < last and end > first]


def test_a_value_has_the_same_tokens_in_text_and_in_json(tokenizer: Any) -> None:
    rng = random.Random(1)
    same = seen = 0
    for _ in range(400):
        example = sample(rng, "values", "extraction")
        document = example.messages[-2]["content"]
        answer = json.dumps(example.record, ensure_ascii=False)
        for value in strings(example.record):
            place = document.rfind(value)
            if place < 0 or json.dumps(value, ensure_ascii=False) != f'"{value}"':
                continue
            quoted = answer.find(f'"{value}"') + 1
            seen += 1
            same += cuts(tokenizer, document, place, place + len(value)) == cuts(
                tokenizer, answer, quoted, quoted + len(value)
            )
    assert seen > 500
    assert same > 0.99 * seen


@pytest.mark.parametrize("tools", [None, TOOLS])
@pytest.mark.parametrize("messages", [TALK, TALK[1:]])
def test_the_template_gives_one_text_everywhere_and_only_grows(
    hugging_face_tokenizer: Any, messages: list[dict[str, Any]], tools: Any
) -> None:
    whole = sandboxed(messages, tools=tools)
    assert whole == hugging_face_tokenizer.apply_chat_template(messages, tools=tools, tokenize=False)
    assert sandboxed(messages, tools=tools, add_generation_prompt=True) == whole + "<|assistant|>"
    for count in range(1, len(messages)):
        assert whole.startswith(sandboxed(messages[:count], tools=tools))
    if tools:
        function = json.dumps(tools[0]["function"], ensure_ascii=False)
        assert f"\nTools:\n{function}<|end|>" in whole
    assert '<tool_call>{"name": "price_of", "arguments": {"thing": "ink"}}</tool_call><|end|><|tool|>' in whole


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(), json_values, max_size=3))
def test_the_template_writes_json_as_json_dumps_does(arguments: dict[str, Any]) -> None:
    call = {"function": {"name": "f", "arguments": arguments}}
    text = sandboxed([{"role": "assistant", "content": "", "tool_calls": [call]}])
    assert text == (
        '<|assistant|><tool_call>{"name": "f", "arguments": '
        + json.dumps(arguments, ensure_ascii=False)
        + "}</tool_call><|end|>"
    )


def test_the_template_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="not oracle"):
        sandboxed([{"role": "oracle", "content": "x"}])
    with pytest.raises(ValueError, match="not image_url"):
        sandboxed([{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}])


def test_loss_falls_on_what_the_assistant_wrote_and_its_end(tokenizer: Any) -> None:
    example = sample(random.Random(4), "train", "tools")
    sequence = tokenise(example, tokenizer)
    said = [token for token, inside in zip(sequence.ids, sequence.answer, strict=True) if inside]
    turns = tokenizer.decode(said, skip_special_tokens=False).split("<|end|>")
    assert len(turns) - 1 == sum(message["role"] == "assistant" for message in example.messages)
    assert turns[-2].endswith(example.messages[-1]["content"])
    assert turns[-1] == ""


def test_copying_works_before_any_training() -> None:
    model = Seedling(ModelConfig())
    initialise(model, seed=0)
    once = torch.randint(20, 4096, (2, 96), generator=torch.Generator().manual_seed(0))
    ids = torch.cat([once, once], 1)
    with torch.no_grad():
        guessed = model.head(model.hidden(ids)).argmax(-1)
    assert (guessed[:, 96:-1] == ids[:, 97:]).float().mean() > 0.2


def test_a_short_training_learns_and_resumes(tokenizer: Any, tmp_path: Any) -> None:
    config = ModelConfig(hidden=32, layers=2, heads=2, kv_heads=1, ffn=48)
    rng = random.Random(0)
    sequences = [tokenise(sample(rng, "train", "copy"), tokenizer) for _ in range(8)]
    sequences = [sequence for sequence in sequences if len(sequence.ids) < 200]
    batch = collate([(sequence.ids, weigh(sequence, rng)) for sequence in sequences], pad=0)

    def trainer() -> Trainer:
        return Trainer(config, Schedule(seconds=1e6, decay=0.3, warm_up=3), torch.float32)

    first = trainer()
    before = examine(first.model, tokenizer, sequences)["loss"]
    for _ in range(12):
        first.step(*batch)
    assert examine(first.model, tokenizer, sequences)["loss"] < before - 0.5
    first.save(tmp_path / "last.pt")
    second = trainer()
    second.load(tmp_path / "last.pt")
    assert second.steps == 12
    save_weights(first.model.state_dict(), tmp_path / "model")
    third = trainer()
    third.load_weights(tmp_path / "model")
    assert (third.steps, third.progress) == (0, SCHOOLED)
    losses = [each.step(*batch) for each in (first, second, third)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    assert losses[2] == pytest.approx(losses[0], rel=0.02)  # the folder's weights are bfloat16


def test_the_schedule_rises_stays_and_falls_to_nothing() -> None:
    schedule = Schedule(seconds=100, decay=0.25, warm_up=10)
    assert schedule.factor(0, 0) == pytest.approx(0.1)
    assert schedule.factor(50, 500) == 1
    assert schedule.factor(87.5, 900) == pytest.approx(0.5)
    assert schedule.factor(100, 999) == 0


def test_helpers_add_up_to_the_same_gradient(tokenizer: Any) -> None:
    config = ModelConfig(hidden=32, layers=2, heads=2, kv_heads=1, ffn=48)
    rng = random.Random(0)
    sequences = [tokenise(sample(rng, "train", "copy"), tokenizer) for _ in range(12)]
    batch = collate([(sequence.ids, weigh(sequence, rng)) for sequence in sequences], pad=0)
    alone, shared = Seedling(config), Seedling(config)
    initialise(alone, seed=1)
    initialise(shared, seed=1)
    gradients = Gradients(shared, helpers=1, compiled=False)
    try:
        losses = [Gradients(alone, helpers=0, compiled=False).add(*batch), gradients.add(*batch)]
    finally:
        gradients.close()
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    for (name, weight), other in zip(alone.named_parameters(), shared.parameters(), strict=True):
        torch.testing.assert_close(
            other.grad, weight.grad, atol=1e-5, rtol=1e-3, msg=lambda text, n=name: f"{n}: {text}"
        )
