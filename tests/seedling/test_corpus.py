"""The corpus: what it asks for can be found in the text, and held-out material stays out of training."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from weft.seedling import corpus, words
from weft.seedling.amounts import in_words
from weft.seedling.dates import span_text
from weft.seedling.phrases import allowed, kinds, lines
from weft.seedling.templates import Node, parse, snippets, unfold
from weft.seedling.words import SPLITS, Words, held_out, made_up

COUNT = 300


def _examples(split: str, count: int = COUNT, seed: int = 5) -> list[corpus.Example]:
    rng = random.Random(seed)
    return [corpus.sample(rng, split, "extraction") for _ in range(count)]


def _document(example: corpus.Example) -> str:
    """The prompt without its schema."""
    prompt = "\n".join(message["content"] for message in example.messages[:-1])
    return prompt.replace(json.dumps(example.schema, ensure_ascii=False), "")


def _copied(schema: dict[str, Any], value: Any, definitions: dict[str, Any]) -> Iterator[str]:
    """The strings of a record that must be copied from the text: not labels, dates, times or currency codes."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].removeprefix("#/$defs/")]
    if "anyOf" in schema:
        schema = {**schema, **schema["anyOf"][0]}
    if isinstance(value, dict):
        for key, member in value.items():
            yield from _copied(schema["properties"][key], member, definitions)
    elif isinstance(value, list):
        for item in value:
            yield from _copied(schema["items"], item, definitions)
    elif isinstance(value, str) and not (
        "enum" in schema or "pattern" in schema or schema.get("format") == "date" or "4217" in str(schema)
    ):
        yield value


@pytest.mark.parametrize("split", SPLITS)
def test_records_validate_and_their_strings_stand_in_the_text(split: str) -> None:
    for example in _examples(split):
        assert example.schema is not None
        assert example.record is not None
        jsonschema.Draft202012Validator.check_schema(example.schema)
        jsonschema.validate(example.record, example.schema)
        document = _document(example)
        for text in _copied(example.schema, example.record, example.schema.get("$defs", {})):
            assert text in document


@pytest.mark.parametrize("split", SPLITS)
def test_the_answer_is_the_record_in_schema_order(split: str) -> None:
    for example in _examples(split, 100):
        assert example.schema is not None
        assert example.messages[-1]["role"] == "assistant"
        answer = example.messages[-1]["content"]
        assert answer == json.dumps(example.record, ensure_ascii=False)
        assert list(json.loads(answer)) == list(example.schema["properties"])
        assert any(json.dumps(example.schema, ensure_ascii=False) in m["content"] for m in example.messages)


@pytest.mark.parametrize("split", SPLITS)
def test_the_same_seed_gives_the_same_examples(split: str) -> None:
    once, again = ([corpus.sample(rng, split) for _ in range(60)] for rng in (random.Random(11), random.Random(11)))
    assert once == again


def test_the_mixture_holds_every_task_at_its_share() -> None:
    rng = random.Random(2)
    drawn = Counter(corpus.sample(rng).task for _ in range(1500))
    assert drawn.keys() == corpus.MIXTURE.keys()
    for task, (share, _) in corpus.MIXTURE.items():
        assert abs(drawn[task] / 1500 - share) < 0.05


def test_unknown_split_and_task_are_refused() -> None:
    with pytest.raises(ValueError, match="'dev'"):
        corpus.sample(random.Random(0), "dev")
    with pytest.raises(ValueError, match="'summaries'"):
        corpus.sample(random.Random(0), "train", "summaries")


def test_word_lists_are_divided_by_a_stable_hash() -> None:
    assert held_out("Oslo") == held_out("Oslo")
    lists = [value for value in vars(words).values() if isinstance(value, Words)]
    assert len(lists) > 30
    for listed in lists:
        assert listed.train
        assert listed.held
        assert not set(listed.train) & set(listed.held)
    total = sum(len(listed.train) + len(listed.held) for listed in lists)
    assert 0.1 < sum(len(listed.held) for listed in lists) / total < 0.2


def test_made_up_words_differ_between_the_splits() -> None:
    rng = random.Random(4)
    train = {made_up(rng, "train") for _ in range(500)}
    held = {made_up(rng, "values") for _ in range(500)}
    assert not any(held_out(word) for word in train)
    assert all(held_out(word) for word in held)


def test_training_draws_no_held_out_template() -> None:
    for kind in kinds():
        if not kind.held:
            for key, candidates in kind.by_field.items():
                assert not any(candidate.held for candidate in allowed(candidates, "train")), key
                assert allowed(candidates, "templates")
    for name in ("asides", "openers", "closers", "replies", "generic", "missing"):
        assert not any(candidate.held for candidate in allowed(lines(name), "train"))
        assert any(candidate.held for candidate in lines(name)), name


def test_held_out_kinds_and_field_combinations_never_come_in_training() -> None:
    names: dict[bool, set[str]] = {True: set(), False: set()}
    for kind in kinds():
        for made in kind.fields.values():
            for field in (made, *made.columns):
                names[kind.held].update(field.names)
    only_held = names[True] - names[False]
    assert len(only_held) > 20
    seen = {name for example in _examples("train") for name in _names(example.schema)}
    assert not seen & only_held


def _names(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        for name, member in schema.get("properties", {}).items():
            yield name
            yield from _names(member)
        yield from _names(schema.get("items"))
        for member in schema.get("$defs", {}).values():
            yield from _names(member)


def _literals(nodes: list[Node]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, str):
            yield node
        elif isinstance(node, list):
            for branch in node:
                yield from _literals(branch)


def test_held_out_wordings_do_not_stand_in_training_texts() -> None:
    """Long literal parts that only held-out snippets have are absent from training documents."""
    known = "\n".join(
        literal
        for kind in kinds()
        for made in (*kind.snippets, *kind.others)
        if not made.held and not kind.held
        for literal in _literals(made.nodes)
    ).lower()
    held = {
        literal.strip().lower()
        for kind in kinds()
        for made in kind.snippets
        if made.held or kind.held
        for literal in _literals(made.nodes)
    }
    held = {literal for literal in held if len(literal) > 20 and literal not in known}
    assert len(held) > 20
    text = "\n".join(_document(example) for example in _examples("train", 600)).lower()
    assert not [literal for literal in held if literal in text]


def test_every_field_can_be_said() -> None:
    for kind in kinds():
        for key, made in kind.fields.items():
            if made.kind == "currency":
                continue
            assert kind.by_field.get(key), f"{kind.name}: nothing states {key}"
            if made.kind == "enum":
                stated = {state for snippet in kind.by_field[key] for name, state in snippet.conditions if name == key}
                assert stated <= {labels[0] for labels in made.labels}, f"{kind.name}: {key}"


def test_templates_parse_and_unfold() -> None:
    assert parse("(a|b) c") == [[["a"], ["b"]], " c"]
    assert parse("an aside (in brackets)") == ["an aside ", "(", "in brackets", ")"]
    assert parse("{x}, {@city}") == [("field", "x", ""), ", ", ("noise", "city")]
    assert len(unfold(parse("{x}(.| at {y}.)"))) == 2
    both = snippets("^ [paid=true] {x} was paid.")[0]
    assert (both.position, both.conditions, both.fields) == ("first", (("paid", "true"),), {"x", "paid"})
    with pytest.raises(ValueError, match="unclosed"):
        parse("(a|b")


def test_numbers_and_spans_in_words() -> None:
    assert [in_words(number) for number in (0, 12, 20, 47)] == ["zero", "twelve", "twenty", "forty-seven"]
    assert "2024" in span_text(random.Random(1), "2024-03-03", "2024-03-09")
