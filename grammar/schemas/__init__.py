"""JSON Schema to an expression over JSON text, by way of an algebra of sets of values.

`parser.py` is the way in. `document.py` reads the source and follows references; `keywords.py` turns a schema into a
`ValueSet` (`values.py`): for each JSON type, the *shapes* that values may have (`scalars.py`, `arrays.py`,
`objects.py`), which `algebra.py` can intersect and subtract exactly. That is what allOf, oneOf, not, if and
dependencies come down to (`applicators.py`). What lies inside an array or an object is a `Node` (`nodes.py`), read only
when it is asked for, so that schemas may be recursive. `emit.py` writes a set of values as an expression.
"""

from .parser import PROPERTY_ORDERS, WHITESPACES, parse_json_schema

__all__ = ["PROPERTY_ORDERS", "WHITESPACES", "parse_json_schema"]
