"""How good the built-in model is: `python -m weft.seedling.evaluate`.

Greedy answers to examples that training never saw, with and without constraints:

- `values`: values (names, places, ...) never trained on, in sentence templates that were;
- `templates`: new values in sentence templates and schemas that were held out too;
- `hand`: the hand-written documents of examples/data, which no generator made.

Extraction counts top-level fields and whole records that equal the right ones, and answers that are valid under
their schema. Tools count, over every assistant turn, the right decision (which tool, or none) and, where a call is
right, equal arguments. With constraints a record is generated under its schema, a choice is the likeliest option,
and a call's name and arguments are generated under the offered tools once the model has begun a call. Bounds that the
constraint engine refuses (`minimum` and its like) are left out of the constraint, never of the judgement.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from ..errors import WeftError
from ..grammar.constraints import json_schema
from ..request import Constraint, GenerateRequest, GenerateResult, Sampling, ScoreRequest
from ..runtime.engine import Engine
from ..runtime.ticket import Ticket
from .corpus import sample
from .example import Example
from .folder import MODEL_FOLDER
from .tokenizer import TOOL_CALL

HAND_WRITTEN = Path(__file__).parent.parent / "examples" / "data"
LONGEST_ANSWER = 400
INSTRUCTION = "Extract a record as JSON."
NOT_ENFORCED = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "uniqueItems")


@dataclass
class Tally:
    """Shares, each as right out of seen."""

    right: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    seen: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, measure: str, right: bool) -> None:
        self.right[measure] += right
        self.seen[measure] += 1

    def share(self, measure: str) -> float:
        return self.right[measure] / self.seen[measure]


class Asker:
    """Sends many requests at once to an engine and keeps their order."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.sent = 0

    def prompt(self, messages: Sequence[dict[str, Any]], tools: Sequence[dict[str, Any]], begun: str = "") -> list[int]:
        """Ids up to an assistant turn in which `begun` is already written."""
        return self.engine.tokenizer.render_chat(messages, tools) + self.engine.tokenizer.encode(begun)

    def generate(
        self, prompt: Sequence[int], constraint: Constraint | None = None, most: int = LONGEST_ANSWER
    ) -> Ticket[GenerateResult]:
        self.sent += 1
        request = GenerateRequest(
            id=f"evaluate-{self.sent}",
            prompt=tuple(prompt),
            constraint=constraint,
            sampling=Sampling(max_tokens=most),
        )
        return self.engine.generate(request)

    def likeliest(self, prompt: Sequence[int], options: Sequence[str]) -> Iterator[str]:
        """The likeliest option, as `select` finds it; asked at once, waited for when taken."""
        self.sent += 1
        request = ScoreRequest(id=f"evaluate-{self.sent}", prompt=tuple(prompt), choices=tuple(options))
        ticket = self.engine.score(request)

        def wait() -> Iterator[str]:
            scores = ticket.result().logprobs
            yield options[scores.index(max(scores))]

        return wait()


def parsed(text: str) -> Any:
    """`text` as JSON; None where it is not JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def equal(left: Any, right: Any) -> bool:
    """Equality of JSON values: 1 and 1.0 are equal, true and 1 are not."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    return bool(left == right)


def enforceable(schema: Any) -> Any:
    """`schema` without the keywords in `NOT_ENFORCED`, wherever a schema may stand in it."""
    if not isinstance(schema, dict):
        return schema
    kept: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword in ("properties", "$defs", "definitions"):
            kept[keyword] = {name: enforceable(inner) for name, inner in value.items()}
        elif keyword in ("anyOf", "oneOf", "allOf", "prefixItems"):
            kept[keyword] = [enforceable(inner) for inner in value]
        elif keyword in ("items", "additionalProperties"):
            kept[keyword] = enforceable(value)
        elif keyword not in NOT_ENFORCED:
            kept[keyword] = value
    return kept


def judge_extraction(asker: Asker, examples: Sequence[Example], constrained: bool, tally: Tally, show: int) -> None:
    """Measures "fields", "records", "valid"; a schema the constraint engine refuses counts in "refused" alone."""
    tickets: list[tuple[Example, Ticket[GenerateResult]]] = []
    for example in examples:
        assert example.schema is not None
        prompt = asker.prompt(example.messages[:-1], example.tools)
        try:
            constraint = json_schema(enforceable(example.schema)) if constrained else None
            tickets.append((example, asker.generate(prompt, constraint)))
        except WeftError as error:
            tally.add("refused", True)
            print("refused:", error)
    for example, ticket in tickets:
        result = ticket.result()
        value, right = parsed(result.text), example.record or {}
        got = value if isinstance(value, dict) else {}
        for name, expected in right.items():
            tally.add("fields", name in got and equal(got[name], expected))
        tally.add("records", equal(value, right))
        tally.add("valid", value is not None and Draft202012Validator(example.schema or {}).is_valid(value))
        if show > 0 and not equal(value, right):
            show -= 1
            print(f"--- {example.messages[-2]['content']}\n    right: {json.dumps(right, ensure_ascii=False)}")
            print(f"    got:   {result.text}", flush=True)


def judge_choices(asker: Asker, examples: Sequence[Example], constrained: bool, tally: Tally) -> None:
    """Measures "choice"."""
    prompts = [asker.prompt(example.messages[:-1], example.tools) for example in examples]
    if constrained:
        picks = [asker.likeliest(p, e.choices) for p, e in zip(prompts, examples, strict=True)]
        answers = [next(pick) for pick in picks]
    else:
        answers = [ticket.result().text for ticket in [asker.generate(p, most=40) for p in prompts]]
    for example, answer in zip(examples, answers, strict=True):
        tally.add("choice", answer == example.messages[-1]["content"])


def judge_answers(asker: Asker, examples: Sequence[Example], tally: Tally) -> None:
    """Measures "answer": the text equals the right one exactly."""
    tickets = [asker.generate(asker.prompt(example.messages[:-1], example.tools)) for example in examples]
    for example, ticket in zip(examples, tickets, strict=True):
        tally.add("answer", ticket.result().text == example.messages[-1]["content"])


def judge_tools(asker: Asker, examples: Sequence[Example], constrained: bool, tally: Tally) -> None:
    """Measures "tool choice", "arguments" and, of turns that call nothing, "text"."""
    turns = [
        (example, place)
        for example in examples
        for place, message in enumerate(example.messages)
        if message["role"] == "assistant"
    ]
    free = [asker.generate(asker.prompt(e.messages[:place], e.tools)) for e, place in turns]
    for (example, place), ticket in zip(turns, free, strict=True):
        text = ticket.result().text
        if constrained and text.startswith(TOOL_CALL[0]):
            text = constrained_call(asker, example, place)
        calls = example.messages[place].get("tool_calls")
        got = called(text)
        if not calls:
            tally.add("tool choice", got is None)
            tally.add("text", text == example.messages[place]["content"])
            continue
        function = calls[0]["function"]
        named = got is not None and got.get("name") == function["name"]
        tally.add("tool choice", named)
        if named and got is not None:
            tally.add("arguments", equal(got.get("arguments"), json.loads(function["arguments"])))


def constrained_call(asker: Asker, example: Example, place: int) -> str:
    """A whole call: of one of the offered tools, with arguments valid for it.

    One constraint from brace to brace, so that the model writes it in the tokens it learnt.
    """
    calls = [
        {
            "type": "object",
            "properties": {
                "name": {"const": tool["function"]["name"]},
                "arguments": {"additionalProperties": False, **enforceable(tool["function"]["parameters"])},
            },
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for tool in example.tools
    ]
    prompt = asker.prompt(example.messages[:place], example.tools, TOOL_CALL[0])
    return f"{TOOL_CALL[0]}{asker.generate(prompt, json_schema({'anyOf': calls})).result().text}{TOOL_CALL[1]}"


def called(text: str) -> dict[str, Any] | None:
    """The first call in `text`; an empty mapping where it began one that cannot be read, None without any."""
    if TOOL_CALL[0] not in text:
        return None
    inside = text.split(TOOL_CALL[0], 1)[1].split(TOOL_CALL[1], 1)[0]
    value = parsed(inside)
    return value if isinstance(value, dict) else {}


def hand_written(folder: Path = HAND_WRITTEN) -> list[Example]:
    """The hand-written documents as extraction examples."""
    schemas = json.loads((folder / "schemas.json").read_text(encoding="utf-8"))
    examples = []
    for line in (folder / "documents.jsonl").read_text(encoding="utf-8").splitlines():
        document = json.loads(line)
        schema = schemas[document["kind"]]
        question = f"{INSTRUCTION}\nSchema: {json.dumps(schema, ensure_ascii=False)}\nText: {document['text']}"
        answer = json.dumps(document["record"], ensure_ascii=False)
        messages = ({"role": "user", "content": question}, {"role": "assistant", "content": answer})
        examples.append(Example("extraction", messages, schema=schema, record=document["record"]))
    return examples


def evaluate(engine: Engine, arguments: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Every measure by "split, with constraints or not"; printed as they come."""
    asker = Asker(engine)
    results: dict[str, dict[str, float]] = {}
    for split in arguments.splits:
        drawn = hand_written() if split == "hand" else []
        for constrained in arguments.modes:
            tally = Tally()
            by_task = {
                task: [sample(random.Random(f"{split} {task} {n}"), split, task) for n in range(arguments.count)]
                for task in ("extraction", "choice", "tools", "answer")
                if split != "hand"
            }
            judge_extraction(asker, drawn or by_task["extraction"], constrained, tally, arguments.show)
            if by_task:
                judge_choices(asker, by_task["choice"], constrained, tally)
                judge_tools(asker, by_task["tools"], constrained, tally)
                if not constrained:
                    judge_answers(asker, by_task["answer"], tally)
            name = f"{split}, {'with' if constrained else 'without'} constraints"
            results[name] = {measure: tally.share(measure) for measure in tally.seen}
            shares = "  ".join(f"{m} {tally.share(m):.1%} of {tally.seen[m]}" for m in tally.seen)
            print(f"{name}: {shares}", flush=True)
    return results


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m weft.seedling.evaluate", description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL_FOLDER, help="model folder")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--constrained", dest="modes", action="store_const", const=[True])
    mode.add_argument("--unconstrained", dest="modes", action="store_const", const=[False])
    parser.set_defaults(modes=[True, False])
    parser.add_argument("--count", type=int, default=100, help="examples a task and split")
    names = ["values", "templates", "hand"]
    parser.add_argument("--splits", nargs="+", default=names, choices=names)
    parser.add_argument("--show", type=int, default=0, help="print this many wrong records of each part")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    arguments = parser.parse_args()
    with Engine(arguments.model) as engine:
        results = evaluate(engine, arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
