"""Grammars, in whichever of the two syntaxes they are written: Lark's or EBNF's (``::=``)."""

from __future__ import annotations

import re

from .ebnf import parse_ebnf
from .expression import Expression
from .lark_syntax import parse_lark

_EBNF_RULE = re.compile(r"^[ \t]*[A-Za-z0-9_-]+\s*::=", re.MULTILINE)


def parse_grammar(source: str) -> Expression:
    """The texts a grammar matches. Raises GrammarError, as `parse_ebnf` and `parse_lark`."""
    return parse_ebnf(source) if _EBNF_RULE.search(source) else parse_lark(source)
