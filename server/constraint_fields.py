"""The request fields that say what a text must be: OpenAI's `response_format`, and vLLM's and SGLang's names beside it.

At most one of them may be given. Each is enforced, or refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NoReturn

from pydantic import Field

from ..errors import GrammarError, InvalidRequest
from ..grammar.constraints import choices, grammar, json_schema, regex, structural_tag
from ..request import Constraint
from .fields import ApiModel, Refusals


@dataclass(frozen=True, slots=True)
class Asked:
    """A constraint, and the field that asks for it."""

    constraint: Constraint
    param: str


class JsonSchemaFormat(ApiModel):
    """`strict` or not, the schema is always enforced. The model is not shown `name` and `description`."""

    name: str | None = None
    description: str | None = None
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")
    strict: bool | None = None


class ResponseFormat(ApiModel):
    """What the text must be.

    Extensions to OpenAI's: `regex`, whose `pattern` must match the whole text; `grammar`, in Lark's syntax or EBNF; and
    `structural_tag`, with a `format`, or with `structures` and `triggers`.
    """

    type: Literal["text", "json_object", "json_schema", "regex", "grammar", "structural_tag"]
    json_schema: JsonSchemaFormat | None = None
    pattern: str | None = None
    grammar: str | None = None
    format: dict[str, Any] | None = None
    structures: list[dict[str, Any]] | None = None
    triggers: list[str] | None = None

    def constraint(self) -> Constraint | None:
        """The constraint it stands for. Raises `InvalidRequest` where its parts do not fit its type."""
        self._check_parts()
        match self.type:
            case "text":
                return None
            case "json_object":
                return json_schema({"type": "object"})
            case "json_schema":
                schema = self.json_schema.schema_ if self.json_schema is not None else None
                if schema is None:
                    place = "response_format.json_schema.schema"
                    raise InvalidRequest(f"{place}: this field is required", param=place)
                return json_schema(schema)
            case "regex":
                return regex(self.pattern or "")
            case "grammar":
                return grammar(self.grammar or "")
            case "structural_tag":
                return structural_tag(
                    {part: value for part in _TAG_PARTS if (value := getattr(self, part)) is not None}
                )

    def _check_parts(self) -> None:
        """Refuse a part that belongs to another type, and the lack of the one that this type needs."""
        given = [part for part in _TYPE_OF_PART if getattr(self, part) is not None]
        for part in given:
            if _TYPE_OF_PART[part] != self.type:
                _refuse_part(part, f"does not belong to the type {self.type!r}")
        needed = [part for part, kind in _TYPE_OF_PART.items() if kind == self.type]
        if needed and not given:
            _refuse_part(needed[0], f"the type {self.type!r} needs it")


_TAG_PARTS = ("format", "structures", "triggers")
_TYPE_OF_PART = {
    "json_schema": "json_schema",
    "pattern": "regex",
    "grammar": "grammar",
    **dict.fromkeys(_TAG_PARTS, "structural_tag"),
}


def _refuse_part(part: str, problem: str) -> NoReturn:
    raise InvalidRequest(f"response_format.{part}: {problem}", param=f"response_format.{part}")


class StructuredOutputs(ApiModel):
    """vLLM's field: exactly one of these. What tunes vLLM's own backends is taken where it asks for nothing."""

    refused: ClassVar[Refusals] = {
        "disable_fallback": (None, True, False),  # nothing here ever falls back
        "disable_any_whitespace": (None, True, False),  # JSON is written as json.dumps does, with no other whitespace
        "disable_additional_properties": (None, False),
        "whitespace_pattern": (None,),
    }

    json_: dict[str, Any] | bool | str | None = Field(default=None, alias="json")
    json_object: bool | None = None
    regex: str | None = None
    choice: list[str] | None = None
    grammar: str | None = None
    structural_tag: str | dict[str, Any] | None = None


class ConstraintFields(ApiModel):
    """What the text must be: at most one of these fields.

    `structured_outputs` and `guided_*` are vLLM's names; `regex`, `ebnf`, `json_schema` and `structural_tag` SGLang's.
    """

    response_format: ResponseFormat | None = None
    structured_outputs: StructuredOutputs | None = None
    guided_json: dict[str, Any] | str | None = None
    guided_regex: str | None = None
    guided_choice: list[str] | None = None
    guided_grammar: str | None = None
    regex: str | None = None
    ebnf: str | None = None
    json_schema: str | dict[str, Any] | None = None
    structural_tag: str | dict[str, Any] | None = None

    def constraint(self) -> Asked | None:
        """The constraint asked for, if any. Raises `InvalidRequest` for two of them, or one that is no constraint."""
        given = list(self._given())
        if len(given) > 1:
            names = " and ".join(name for name, _, _ in given)
            raise InvalidRequest(f"{names}: only one constraint can be given", param=given[1][0])
        if self.response_format is not None:
            made = self.response_format.constraint()
            if made is not None and given:
                raise InvalidRequest(
                    f"response_format and {given[0][0]}: only one constraint can be given", param=given[0][0]
                )
            if made is not None:
                return Asked(made, "response_format")
        for name, make, value in given:
            try:
                return Asked(make(value), name)
            except GrammarError as error:
                raise GrammarError(f"{name}: {error.message}", param=name, code=error.code) from error
        return None

    def _given(self) -> list[tuple[str, Callable[[Any], Constraint], Any]]:
        """(field, maker of its constraint, value) of all constraints but `response_format`."""
        outputs = self.structured_outputs
        parts = [
            (f"structured_outputs.{field}", _MAKERS[name], getattr(outputs, attribute))
            for field, attribute, name in _OUTPUTS
            if outputs is not None
        ]
        parts += [(name, make, getattr(self, name)) for name, make in _MAKERS.items() if name != "json_object"]
        given = [part for part in parts if part[2] is not None and part[2] is not False]
        if outputs is not None and not any(name.startswith("structured_outputs") for name, _, _ in given):
            raise InvalidRequest("structured_outputs: one of its fields is needed", param="structured_outputs")
        return given


_MAKERS: dict[str, Callable[[Any], Constraint]] = {
    "guided_json": json_schema,
    "guided_regex": regex,
    "guided_choice": choices,
    "guided_grammar": grammar,
    "regex": regex,
    "ebnf": grammar,
    "json_schema": json_schema,
    "structural_tag": structural_tag,
    "json_object": lambda _: json_schema({"type": "object"}),
}
_OUTPUTS = (
    ("json", "json_", "json_schema"),
    ("json_object", "json_object", "json_object"),
    ("regex", "regex", "regex"),
    ("choice", "choice", "guided_choice"),
    ("grammar", "grammar", "ebnf"),
    ("structural_tag", "structural_tag", "structural_tag"),
)
"""The parts of `structured_outputs`: their names there, as attributes, and the field that means the same."""
