"""Python types and signatures as JSON Schemas, by way of pydantic, which is imported only when one is given."""

from __future__ import annotations

import inspect
import sys
import typing
from enum import EnumMeta
from types import GenericAlias, NoneType, UnionType
from typing import Any

from ..errors import GrammarError

Schema = dict[str, Any]


def is_type(thing: object) -> bool:
    """Whether `thing` is a type or an annotation made of types, such as ``list[int]`` or ``int | None``."""
    is_named = type(thing).__name__ in ("TypeAliasType", "NewType")
    return isinstance(thing, type | GenericAlias | UnionType) or typing.get_origin(thing) is not None or is_named


def schema_of(thing: Any) -> Schema:
    """The JSON Schema of what `thing` describes.

    Args:
        thing: a pydantic model, dataclass, TypedDict, NamedTuple, enum or other annotation: JSON that reads as one. Or
            a function: an object of the arguments it can be called with, by name. Parameters without an annotation
            take anything, those with a default may be left out, and ``**kwargs`` allows others of its annotation.

    Raises:
        GrammarError: JSON Schema cannot say what it describes, or a parameter cannot be given by name.
    """
    if callable(getattr(thing, "model_json_schema", None)):
        return dict(thing.model_json_schema())
    if is_type(thing):
        return _of_annotation(thing, getattr(thing, "__name__", str(thing)))
    if callable(thing):
        return _of_signature(thing)
    raise GrammarError(
        "json_schema must be a mapping, a boolean, JSON text, a type or a function, not "
        f"{type(thing).__name__} {str(thing)[:40]!r}",
        param="json_schema",
    )


def read_json(annotation: Any, text: str) -> Any:
    """JSON text as the Python object that `annotation` describes. Raises ValueError where it is none."""
    from pydantic import TypeAdapter

    return TypeAdapter(_as_pydantic_reads_it(annotation)).validate_json(text)


def _of_annotation(annotation: Any, place: str) -> Schema:
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticUserError

    if isinstance(annotation, EnumMeta) and not list(annotation):
        raise GrammarError(f"json_schema: the enum {place} has no members", param="json_schema")
    try:
        return dict(TypeAdapter(_as_pydantic_reads_it(annotation)).json_schema())
    except (PydanticUserError, NameError) as error:
        reason = error.message if isinstance(error, PydanticUserError) else str(error)
        raise GrammarError(f"json_schema: JSON Schema cannot express {place}: {reason}", param="json_schema") from error


def _as_pydantic_reads_it(annotation: Any, inside: tuple[Any, ...] = ()) -> Any:
    """The same, where Python is older than 3.12, whose own TypedDict pydantic does not take."""
    if sys.version_info >= (3, 12) or annotation in inside:
        return annotation
    if typing.is_typeddict(annotation):
        import typing_extensions

        fields = {}
        for name, hint in typing.get_type_hints(annotation, include_extras=True).items():
            if typing.get_origin(hint) in (typing.Required, typing.NotRequired):
                (hint,) = typing.get_args(hint)
            needed = typing.Required if name in annotation.__required_keys__ else typing.NotRequired
            fields[name] = needed[_as_pydantic_reads_it(hint, (*inside, annotation))]
        make: Any = typing_extensions.TypedDict  # of fields that no checker can know
        return make(annotation.__name__, fields)
    if typing.get_origin(annotation) is typing.Annotated:
        return typing.Annotated[(_as_pydantic_reads_it(annotation.__origin__, inside), *annotation.__metadata__)]
    arguments = typing.get_args(annotation)
    if not arguments or typing.get_origin(annotation) is typing.Literal:
        return annotation
    changed = tuple(_as_pydantic_reads_it(argument, inside) for argument in arguments)
    if isinstance(annotation, UnionType):
        return typing.Union[changed]  # noqa: UP007
    return annotation.copy_with(changed) if hasattr(annotation, "copy_with") else typing.get_origin(annotation)[changed]


def _of_signature(function: Any) -> Schema:
    name = getattr(function, "__qualname__", type(function).__name__)
    try:
        signature = inspect.signature(function)
        target = function if inspect.isroutine(function) else type(function).__call__
        hints = typing.get_type_hints(target, include_extras=True)
    except (TypeError, ValueError, NameError) as error:
        raise GrammarError(
            f"json_schema: the signature of {name} cannot be read: {error}", param="json_schema"
        ) from error
    properties: dict[str, Schema] = {}
    required: list[str] = []
    others: Schema | bool = False
    definitions: Schema = {}
    for parameter in signature.parameters.values():
        place = f"{name}: parameter {parameter.name}"
        hint = hints.get(parameter.name, Any)
        described = _of_annotation(NoneType if hint is None else hint, place)
        for title, definition in described.pop("$defs", {}).items():
            if definitions.setdefault(title, definition) != definition:
                raise GrammarError(f"json_schema: two types in {name} are named {title}", param="json_schema")
        match parameter.kind:
            case parameter.VAR_KEYWORD:
                others = described or True
            case parameter.VAR_POSITIONAL | parameter.POSITIONAL_ONLY:
                raise GrammarError(f"json_schema: {place} cannot be given by name", param="json_schema")
            case _:
                properties[parameter.name] = described
                if parameter.default is parameter.empty:
                    required.append(parameter.name)
    schema: Schema = {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": others,
    }
    return {**schema, "$defs": definitions} if definitions else schema
