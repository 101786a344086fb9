"""The way in: a JSON Schema's source to an expression of the JSON texts that are valid under it."""

from __future__ import annotations

from ...errors import GrammarError, UnknownOption
from ..expression import NOTHING, Expression
from ..json_text import STYLES
from .algebra import Algebra
from .document import Document
from .emit import Emitter
from .keywords import Reader
from .nodes import FALSE
from .productive import barren

PROPERTY_ORDERS = ("schema", "any")
FORMAT_USES = ("assert", "annotate")
WHITESPACES = tuple(STYLES)


def parse_json_schema(
    source: str, *, property_order: str = "schema", whitespace: str = "spaced", formats: str = "assert"
) -> Expression:
    """The JSON texts that are valid under a schema: every keyword is enforced exactly, or the schema is refused.

    Args:
        source: the schema, as JSON. Drafts 4 to 7, 2019-09 and 2020-12, which is what one without `$schema` is read as.
        property_order: ``"schema"``: properties come in the order in which the schema lists them, and an object whose
            schema lists some but says nothing of others has no others. ``"any"``: in any order, with all others that
            the schema allows.
        whitespace: ``"spaced"``, as `json.dumps` writes; ``"compact"``, none; ``"flexible"``, up to 20 characters of
            it between any two tokens.
        formats: whether `format` is enforced or says nothing; formats that no standard names never say anything.

    Raises:
        GrammarError: `source` is no schema, uses what cannot be enforced, is too large, or nothing is valid under it.
            `keyword` and `pointer` (a JSON pointer into the schema) say what and where.
        UnknownOption: an option has no such value.
    """
    for name, value, known in (
        ("property_order", property_order, PROPERTY_ORDERS),
        ("whitespace", whitespace, WHITESPACES),
        ("formats", formats, FORMAT_USES),
    ):
        if value not in known:
            raise UnknownOption(f"{name} must be one of {', '.join(known)}, not {value!r}", param=name)
    document = Document(source)
    reader = Reader(document, Algebra(), asserts=formats == "assert")
    ordered = property_order == "schema"
    emitter = Emitter(STYLES[whitespace], ordered, plain_integers=ordered or document.scope.resource.draft <= 4)
    try:
        root = reader.root()
        expression = emitter.node(root)
        while empty := barren(emitter.rules, expression):
            expression = emitter.again(root, empty)
    except RecursionError:
        raise GrammarError("the JSON Schema nests too deeply", keyword="nesting") from None
    if expression is NOTHING:
        keyword = "false" if root is FALSE else "empty"
        raise GrammarError(f"JSON Schema at /: {keyword}: no value is valid", pointer="", keyword=keyword)
    return expression
