"""Random JSON Schemas, small and dense in keywords that interact, and random values that are close to them."""

from __future__ import annotations

import random
from typing import Any

NAMES = ("a", "b", "ab")
STRINGS = ("", "a", "b", "ab", "é")
PATTERNS = ("a", "^a", "b$", "^.$")
NUMBERS = (0, 1, 2, 3, -1, 1.5, 1.0, 4)


class SchemaMaker:
    """Makes schemas out of one source of randomness.

    Args:
        choice: the source.
        unevaluated: whether unevaluatedProperties and unevaluatedItems are among the keywords.
    """

    def __init__(self, choice: random.Random, unevaluated: bool = False) -> None:
        self.random = choice
        self.unevaluated = unevaluated

    def document(self, depth: int = 3) -> Any:
        """A whole schema, some of whose subschemas are references."""
        schema = self.schema(depth)
        if isinstance(schema, bool):
            return schema
        return {**schema, "$defs": {"one": self.schema(1), "two": self.schema(2)}}

    def schema(self, depth: int) -> Any:
        """A schema whose subschemas nest up to `depth` times."""
        draw = self.random
        if draw.random() < 0.06:
            return draw.random() < 0.7
        makers = [self.typed, self.number, self.string, self.listed]
        if depth > 0:
            makers += [self.object, self.object, self.array, self.merged, self.merged, self.reference]
        schema: dict[str, Any] = {}
        for _ in range(draw.choice((1, 1, 2, 2, 3))):
            schema.update(draw.choice(makers)(depth - 1))
        if self.unevaluated and depth > 0 and draw.random() < 0.4:
            schema[draw.choice(("unevaluatedProperties", "unevaluatedItems"))] = draw.choice(
                (False, False, {"type": "integer"}, {"const": "a"})
            )
        return schema

    def typed(self, _: int) -> dict[str, Any]:
        names = ["null", "boolean", "integer", "number", "string", "array", "object"]
        count = self.random.choice((1, 1, 2, 3))
        chosen = self.random.sample(names, count)
        return {"type": chosen[0] if count == 1 else chosen}

    def number(self, _: int) -> dict[str, Any]:
        draw = self.random
        keyword = draw.choice(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"))
        return {keyword: draw.choice((1, 2, 3, 0.5) if keyword == "multipleOf" else (0, 1, 1.5, 2))}

    def string(self, _: int) -> dict[str, Any]:
        draw = self.random
        keyword = draw.choice(("minLength", "maxLength", "pattern"))
        return {keyword: draw.choice(PATTERNS) if keyword == "pattern" else draw.choice((0, 1, 2))}

    def listed(self, _: int) -> dict[str, Any]:
        if self.random.random() < 0.5:
            return {"const": self.value(1)}
        return {"enum": [self.value(1) for _ in range(self.random.randint(1, 4))]}

    def object(self, depth: int) -> dict[str, Any]:
        draw = self.random
        schema: dict[str, Any] = {}
        for _ in range(draw.choice((1, 2, 2, 3))):
            match draw.randrange(9):
                case 0 | 1:
                    names = draw.sample(NAMES, draw.choice((1, 2)))
                    schema["properties"] = {name: self.schema(depth) for name in names}
                case 2 | 3:
                    schema["required"] = draw.sample(NAMES, draw.choice((1, 1, 2)))
                case 4:
                    schema["additionalProperties"] = draw.choice((False, self.schema(depth)))
                case 5:
                    schema["patternProperties"] = {draw.choice(PATTERNS): self.schema(depth)}
                case 6:
                    schema["propertyNames"] = draw.choice(({"maxLength": 1}, {"pattern": "a"}, {"enum": ["a", "b"]}))
                case 7:
                    schema[draw.choice(("minProperties", "maxProperties"))] = draw.choice((0, 1, 2))
                case 8:
                    if draw.random() < 0.5:
                        schema["dependentRequired"] = {draw.choice(NAMES): draw.sample(NAMES, 1)}
                    else:
                        schema["dependentSchemas"] = {draw.choice(NAMES): self.schema(depth)}
        return schema

    def array(self, depth: int) -> dict[str, Any]:
        draw = self.random
        schema: dict[str, Any] = {}
        for _ in range(draw.choice((1, 2, 2))):
            match draw.randrange(5):
                case 0 | 1:
                    schema["items"] = self.schema(depth)
                case 2:
                    schema["prefixItems"] = [self.schema(depth) for _ in range(draw.choice((1, 2)))]
                case 3:
                    schema[draw.choice(("minItems", "maxItems"))] = draw.choice((0, 1, 2))
                case 4:
                    schema["contains"] = self.schema(depth)
                    if draw.random() < 0.5:
                        schema["minContains"] = draw.choice((0, 1, 2))
                    if draw.random() < 0.4:
                        schema["maxContains"] = draw.choice((1, 2))
        return schema

    def merged(self, depth: int) -> dict[str, Any]:
        draw = self.random
        keyword = draw.choice(("allOf", "anyOf", "oneOf", "oneOf", "not", "if"))
        if keyword == "not":
            return {"not": self.schema(depth)}
        if keyword == "if":
            parts = {word: self.schema(depth) for word in ("then", "else") if draw.random() < 0.7}
            return {"if": self.schema(depth), **parts}
        return {keyword: [self.schema(depth) for _ in range(draw.choice((1, 2, 2, 3)))]}

    def reference(self, _: int) -> dict[str, Any]:
        return {"$ref": self.random.choice(("#/$defs/one", "#/$defs/one", "#/$defs/two", "#"))}

    def value(self, depth: int) -> Any:
        """A JSON value, small and like those that the schemas speak of."""
        draw = self.random
        kind = draw.randrange(8 if depth > 0 else 4)
        match kind:
            case 0:
                return draw.choice((None, True, False))
            case 1 | 2:
                return draw.choice(NUMBERS)
            case 3:
                return draw.choice(STRINGS)
            case 4 | 5:
                return [self.value(depth - 1) for _ in range(draw.choice((0, 1, 2, 2, 3)))]
            case _:
                names = draw.sample((*NAMES, "c"), draw.choice((0, 1, 1, 2, 3)))
                return {name: self.value(depth - 1) for name in names}
