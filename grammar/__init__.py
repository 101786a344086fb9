"""Constraints on text, compiled to masks over a model's tokens. Knows nothing of models, torch or scheduling.

A constraint (a JSON Schema, a regex, choices) is read into an expression (`expression.py`), which an engine compiles
for one `Vocabulary` into a `Grammar`; a request walks it with a `Matcher` (`protocol.py` says what both promise).

Start at `compiler.py`; `constraints.py` makes constraints from what callers hold; `schemas/` and
`regex_parser.py` read the languages; `limits.py` bounds what they may grow to; `outlines.py` is the engine; `cache.py`
keeps what is compiled.
"""

from .cache import GrammarCache
from .compiler import SUPPORTED, compile
from .constraints import choices, grammar, json_schema, literal, regex, structural_tag
from .protocol import Forced, Grammar, MaskBits, Matcher
from .vocabulary import Vocabulary

__all__ = [
    "SUPPORTED",
    "Forced",
    "Grammar",
    "GrammarCache",
    "MaskBits",
    "Matcher",
    "Vocabulary",
    "choices",
    "compile",
    "grammar",
    "json_schema",
    "literal",
    "regex",
    "structural_tag",
]
