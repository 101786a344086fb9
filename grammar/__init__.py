"""Constraints on text, compiled to masks over a model's tokens. Knows nothing of models, torch or scheduling.

A constraint (a JSON Schema, a regex, a grammar, choices, a structural tag) is read into one `Expression` over
characters (`expression.py`), which `engine/` compiles for a `Vocabulary` into a `Grammar`; a request walks it with a
`Matcher` (`protocol.py` says what both promise).

Start at `compiler.py`, then `expression.py`. `constraints.py` makes constraints from what callers hold; `schemas/`,
`regex_parser.py`, `grammar_parser.py` and `structural_tags.py` read the languages; `compile_worker.py` reads long ones
in another process, and `cache.py` keeps what is compiled. `outlines.py` is another engine, to compare with.
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
