"""Structural tags to expressions: free text in which markers open parts that must match something.

A tag is JSON, in one of these shapes:

- ``{"structures": [{"begin", "schema", "end"}, ...], "triggers": [...]}``: free text; a trigger begins a structure, and
  after its end the text is free again.
- ``{"format": {...}}``: a format as in `_Reader`, told by its ``type``; or the format itself.
- ``{"reasoning_end": "</think>", "then": {...}}``: free text up to the marker, at most two line breaks, and the format
  ``then``. ``"reasoning_begin"`` names a marker that must stand before all of it.

The first two may say ``"type": "structural_tag"``. Where a format is wanted there may also stand an object of the one
key ``json_schema``, ``regex``, ``grammar``, ``choices`` or ``text``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..errors import GrammarError
from ..request import Constraint, ConstraintKind
from .expression import EMPTY, Expression, Text, alt, repeat, seq, texts
from .free_text import Marker, Stop, Tail, following, free_text, tagged_text
from .json_fields import Fields

MAX_SOURCE = 4 * 1024 * 1024
MAX_NESTING = 64
SHORT_FORMS = ("json_schema", "regex", "grammar", "choices", "text")

Parse = Callable[[Constraint], Expression]
Options = tuple[tuple[str, str], ...]

_LINE_BREAKS = repeat(Text("\n"), 0, 2)
_END = Tail(EMPTY)


def parse_structural_tag(source: str, parse: Parse, options: Options = ()) -> Expression:
    """The texts that keep to a structural tag.

    Args:
        source: the tag, as JSON.
        parse: reads the constraints inside it.
        options: what the JSON Schemas inside it are read with, as in `Constraint.options`.

    Raises:
        GrammarError: `source` is no structural tag, or something in it cannot be enforced; `pointer` says where.
    """
    if len(source) > MAX_SOURCE:
        raise GrammarError(
            f"structural tag of {len(source)} characters: at most {MAX_SOURCE} are taken", keyword="length"
        )
    try:
        root = json.loads(source)
    except (ValueError, RecursionError) as error:
        raise GrammarError(f"the structural tag is not JSON: {error}", param="structural_tag") from error
    tag = Fields(root, "")
    with _placed(tag):
        return _Reader(parse, options).root(tag)


class _Reader:
    """Formats to expressions. Each is read together with its tail, what follows it: free text goes on to the tail."""

    def __init__(self, parse: Parse, options: Options) -> None:
        self._parse = parse
        self._options = options
        self._depth = 0

    def root(self, tag: Fields) -> Expression:
        keys = tag.keys - {"type"}
        if tag.value.get("type", "structural_tag") == "structural_tag":
            if "format" in keys:
                tag.only("type", "format")
                return self.format(tag.fields("format"), _END).whole
            if "structures" in keys:
                return self._structures(tag)
            if "then" in keys:
                return self._after_reasoning(tag)
            if keys - set(SHORT_FORMS) or len(keys) != 1:
                tag.refuse("it needs 'format', or 'structures' and 'triggers', or 'reasoning_end' and 'then'")
        return self.format(tag, _END).whole

    def _structures(self, tag: Fields) -> Expression:
        tag.only("type", "structures", "triggers")
        tags = []
        for entry in tag.objects("structures"):
            entry.only("begin", "schema", "end")
            content = self._schema(entry.get("schema", True), entry.at("schema"))
            tags.append((entry, Marker(entry.text("begin")), seq(content, Marker(entry.text("end")).expression)))
        triggers = [Marker(trigger) for trigger in tag.texts("triggers")]
        return tagged_text(_by_trigger(tag, triggers, tags), _END).whole

    def _after_reasoning(self, tag: Fields) -> Expression:
        tag.only("type", "reasoning_begin", "reasoning_end", "then")
        begin = Marker(tag.text("reasoning_begin")).expression if "reasoning_begin" in tag.keys else EMPTY
        then = self.format(tag.fields("then"), _END).whole
        end = Stop(Marker(tag.text("reasoning_end")), seq(_LINE_BREAKS, then))
        return seq(begin, free_text(Tail(seq(end.marker.expression, end.rest), (end,))))

    def format(self, node: Fields, tail: Tail) -> Tail:
        """A format and its tail."""
        kind = node.value.get("type")
        if kind is None and len(node.keys) == 1 and node.keys <= set(SHORT_FORMS):
            (kind,) = node.keys
        read = _FORMATS.get(kind) if isinstance(kind, str) else None
        if read is None:
            node.refuse(f"a format of type {kind!r} is not supported; there are {', '.join(_FORMATS)}", str(kind))
        self._depth += 1
        if self._depth > MAX_NESTING:
            node.refuse(f"more than {MAX_NESTING} formats stand inside each other", "nesting")
        with _placed(node):
            made = read(self, node, tail)
        self._depth -= 1
        return made

    # --- formats that say what their text is ---

    def const_string(self, node: Fields, tail: Tail) -> Tail:
        """`value`, literally."""
        node.only("type", "value", "text")
        return following(Marker(node.text("value" if "value" in node.keys else "text", empty=True)), tail.whole)

    def token(self, node: Fields, tail: Tail) -> Tail:
        """One special token, by name."""
        node.only("type", "token")
        return following(Marker(_token_name(node, "token"), is_token=True), tail.whole)

    def json_schema(self, node: Fields, tail: Tail) -> Tail:
        """JSON that is valid under `json_schema`; `any_order` says that its properties may come in any order."""
        node.only("type", "json_schema", "style", "any_order", "excludes", "max_whitespace_cnt")
        node.without("excludes", "max_whitespace_cnt")
        if node.get("style", "json") != "json":
            node.refuse(f"the style {node.get('style')!r} is not supported; 'json' is", "style")
        if "json_schema" not in node.keys:
            node.refuse("the format json_schema needs its 'json_schema'")
        order = {"property_order": "any"} if node.flag("any_order") else {}
        return Tail(seq(self._schema(node.get("json_schema"), node.at("json_schema"), order), tail.whole))

    def regex(self, node: Fields, tail: Tail) -> Tail:
        """What `pattern` matches, in Python's dialect."""
        node.only("type", "pattern", "regex", "excludes")
        node.without("excludes")
        return self._constraint(ConstraintKind.REGEX, node, "pattern" if "pattern" in node.keys else "regex", tail)

    def grammar(self, node: Fields, tail: Tail) -> Tail:
        """What a grammar, in Lark's syntax or EBNF, produces."""
        node.only("type", "grammar")
        return self._constraint(ConstraintKind.GRAMMAR, node, "grammar", tail)

    def choices(self, node: Fields, tail: Tail) -> Tail:
        """One of `choices`."""
        node.only("type", "choices")
        return Tail(seq(texts(node.texts("choices")), tail.whole))

    # --- formats made of others ---

    def sequence(self, node: Fields, tail: Tail) -> Tail:
        """`elements`, one after the other."""
        node.only("type", "elements")
        for element in reversed(node.objects("elements")):
            tail = self.format(element, tail)
        return tail

    def any_of(self, node: Fields, tail: Tail) -> Tail:
        """One of `elements`."""
        node.only("type", "elements")
        return _either(*(self.format(element, tail) for element in node.objects("elements")))

    def optional(self, node: Fields, tail: Tail) -> Tail:
        """`content`, or nothing."""
        node.only("type", "content")
        return _either(self.format(node.fields("content"), tail), tail)

    def star(self, node: Fields, tail: Tail) -> Tail:
        """`content` any number of times."""
        return self._repeated(node, tail, 0, None)

    def plus(self, node: Fields, tail: Tail) -> Tail:
        """`content` once or more."""
        return self._repeated(node, tail, 1, None)

    def repeat(self, node: Fields, tail: Tail) -> Tail:
        """`content` from `min` to `max` times; a `max` of -1 is no bound."""
        low, high = node.count("min"), node.get("max")
        return self._repeated(node, tail, low, None if high == -1 else node.count("max"))

    def _repeated(self, node: Fields, tail: Tail, low: int, high: int | None) -> Tail:
        node.only("type", "content", "min", "max")
        return Tail(seq(repeat(self.format(node.fields("content"), _END).whole, low, high), tail.whole))

    def tag(self, node: Fields, tail: Tail) -> Tail:
        """`begin`, `content`, `end`; an end may be a list, of which one must come."""
        begin, rest = self._tag(node, tail)
        return following(begin, rest)

    def _tag(self, node: Fields, tail: Tail) -> tuple[Marker, Expression]:
        """How a tag begins, and what follows."""
        node.only("type", "begin", "content", "end")
        ends = _ends(node)
        after = _either(*(following(end, tail.whole) if end.content else tail for end in ends))
        return _marker(node, "begin"), self.format(node.fields("content"), after).whole

    def tags_with_separator(self, node: Fields, tail: Tail) -> Tail:
        """Tags with `separator` between them and nothing else."""
        node.only("type", "tags", "separator", "at_least_one", "stop_after_first")
        tag = alt(*(self.tag(entry, _END).whole for entry in node.objects("tags")))
        more = repeat(seq(Marker(node.text("separator", empty=True)).expression, tag))
        tags = tag if node.flag("stop_after_first") else seq(tag, more)
        return Tail(seq(tags if node.flag("at_least_one") else repeat(tags, 0, 1), tail.whole))

    # --- formats of free text ---

    def any_text(self, node: Fields, tail: Tail) -> Tail:
        """Free text without any of `excludes`, of at most `max_chars` characters."""
        node.only("type", "excludes", "max_chars", "max_tokens")
        node.without("max_tokens")
        most = node.count("max_chars") if node.get("max_chars") is not None else None
        return Tail(free_text(tail, node.texts("excludes", ()), most))

    def triggered_tags(self, node: Fields, tail: Tail) -> Tail:
        """Free text in which each of `triggers` begins one of `tags`."""
        node.only("type", "triggers", "tags", "at_least_one", "stop_after_first", "excludes")
        triggers = [Marker(trigger) for trigger in node.texts("triggers")]
        return self._triggered(node, triggers, tail, node.texts("excludes", ()))

    def token_triggered_tags(self, node: Fields, tail: Tail) -> Tail:
        """Free text in which each of `trigger_tokens` begins one of `tags`. Other special tokens never occur in it."""
        node.only("type", "trigger_tokens", "tags", "at_least_one", "stop_after_first", "exclude_tokens")
        triggers = [Marker(name, is_token=True) for name in node.texts("trigger_tokens")]
        return self._triggered(node, triggers, tail, node.texts("exclude_tokens", ()))

    def _triggered(self, node: Fields, triggers: list[Marker], tail: Tail, excludes: tuple[str, ...]) -> Tail:
        tags = [(entry, *self._tag(entry, _END)) for entry in node.objects("tags")]
        return tagged_text(
            _by_trigger(node, triggers, tags),
            tail,
            excludes,
            at_least_one=node.flag("at_least_one"),
            once=node.flag("stop_after_first"),
        )

    def dispatch(self, node: Fields, tail: Tail) -> Tail:
        """Free text in which each pattern of `rules`, a text, begins its format; without `loop` only once."""
        node.only("type", "rules", "loop", "excludes")
        return self._dispatched(node, tail, node.texts("excludes", ()), is_token=False)

    def token_dispatch(self, node: Fields, tail: Tail) -> Tail:
        """The same with special tokens for patterns."""
        node.only("type", "rules", "loop", "exclude_tokens")
        return self._dispatched(node, tail, node.texts("exclude_tokens", ()), is_token=True)

    def _dispatched(self, node: Fields, tail: Tail, excludes: tuple[str, ...], *, is_token: bool) -> Tail:
        stops = []
        for pattern, content in node.pairs("rules"):
            stops.append(Stop(Marker(pattern, is_token=is_token), self.format(content, _END).whole))
        return tagged_text(stops, tail, excludes, once=not node.flag("loop", True))

    # --- constraints inside ---

    def _schema(self, schema: Any, place: str, options: Mapping[str, str] | None = None) -> Expression:
        merged = tuple(sorted({**dict(self._options), **(options or {})}.items()))
        source = schema if isinstance(schema, str) else json.dumps(schema, ensure_ascii=False)
        return self._read(Constraint(ConstraintKind.JSON_SCHEMA, source, merged), place)

    def _constraint(self, kind: ConstraintKind, node: Fields, key: str, tail: Tail) -> Tail:
        return Tail(seq(self._read(Constraint(kind, node.text(key, empty=True)), node.at(key)), tail.whole))

    def _read(self, constraint: Constraint, place: str) -> Expression:
        """A constraint inside the tag. What it is refused for is told with its place in the tag."""
        try:
            return self._parse(constraint)
        except GrammarError as error:
            inner = error.pointer or ""
            raise GrammarError(
                f"in the structural tag at {place}: {error.message}",
                pointer=place + (inner if inner.startswith("/") else ""),
                keyword=error.keyword,
                code=error.code,
            ) from error


_FORMATS: dict[str, Callable[[_Reader, Fields, Tail], Tail]] = {
    "const_string": _Reader.const_string,
    "text": _Reader.const_string,
    "json_schema": _Reader.json_schema,
    "regex": _Reader.regex,
    "grammar": _Reader.grammar,
    "choices": _Reader.choices,
    "any_text": _Reader.any_text,
    "sequence": _Reader.sequence,
    "or": _Reader.any_of,
    "optional": _Reader.optional,
    "star": _Reader.star,
    "plus": _Reader.plus,
    "repeat": _Reader.repeat,
    "tag": _Reader.tag,
    "triggered_tags": _Reader.triggered_tags,
    "tags_with_separator": _Reader.tags_with_separator,
    "dispatch": _Reader.dispatch,
    "token": _Reader.token,
    "token_triggered_tags": _Reader.token_triggered_tags,
    "token_dispatch": _Reader.token_dispatch,
}


@contextmanager
def _placed(node: Fields) -> Iterator[None]:
    """Give an error about a marker, which knows no place, that of the format it belongs to."""
    try:
        yield
    except GrammarError as error:
        if error.pointer is None:
            raise GrammarError(
                f"{node.place or 'the whole'}: {error.message}", pointer=node.place, keyword=error.keyword
            ) from error
        raise


def _either(*tails: Tail) -> Tail:
    """Any of several; where free text before them must stop is known only if it is known of each."""
    stops = tuple(stop for tail in tails for stop in tail.stops) if all(tail.stops for tail in tails) else ()
    return Tail(alt(*(tail.whole for tail in tails)), stops)


def _by_trigger(node: Fields, triggers: list[Marker], tags: list[tuple[Fields, Marker, Expression]]) -> list[Stop]:
    """What follows each trigger: the rest of the beginnings of its tags, with their content and end."""
    rests: dict[Marker, list[Expression]] = {trigger: [] for trigger in triggers}
    if not triggers:
        node.refuse("at least one trigger is needed", "triggers")
    for entry, begin, rest in tags:
        fitting = [trigger for trigger in rests if begin.content.startswith(trigger.content)]
        if len(fitting) != 1:
            names = ", ".join(repr(trigger.content) for trigger in fitting) or "none"
            entry.refuse(f"{begin.content!r} must begin with exactly one trigger, not with {names}", "begin")
        begun = begin.content[len(fitting[0].content) :]
        rests[fitting[0]].append(seq(Marker(begun).expression if begun else EMPTY, rest))
    return [Stop(trigger, alt(*options)) for trigger, options in rests.items()]


def _marker(node: Fields, key: str) -> Marker:
    if isinstance(node.get(key), dict):
        return Marker(_token_name(node.fields(key), "token"), is_token=True)
    return Marker(node.text(key))


def _ends(node: Fields) -> list[Marker]:
    end = node.get("end")
    if isinstance(end, dict):
        return [_marker(node, "end")]
    if isinstance(end, list):
        return [Marker(one) for one in node.texts("end")] or [Marker("")]
    return [Marker(node.text("end", empty=True))]


def _token_name(node: Fields, key: str) -> str:
    if isinstance(node.get(key), int):
        node.refuse("a token is named by its text; ids differ from model to model", key)
    return node.text(key)
