"""What a compiled grammar offers the runtime; every grammar engine satisfies it.

A `Grammar` is immutable and shared between requests; a `Matcher` is one request's place in it. A mask is handed over as
a row key: `Matcher.mask_row()` names it and `Grammar.mask(row)` gives its bits, so that a runtime which already holds
the row on its device never asks for the bits again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

MaskBits = NDArray[np.int32]
"""int32[(V + 31) // 32]: bit ``t % 32`` of word ``t // 32`` is 1 where token t is allowed; bits past V are zero."""


@dataclass(frozen=True, slots=True)
class Forced:
    """Text that is the only way on.

    Attributes:
        data: the forced bytes, possibly empty, possibly ending inside a UTF-8 character.
        tokens: tokens, as the tokenizer would write them, that spell a prefix of `data`; trailing bytes that could
            begin a longer token are left to be sampled.
    """

    data: bytes = b""
    tokens: tuple[int, ...] = ()


class Matcher(Protocol):
    """One request's place in a grammar. Not thread-safe; cheap to fork."""

    @property
    def grammar(self) -> Grammar:
        """The grammar that `mask_row` names rows of. It may become another, of the same constraint, by an advance."""
        ...

    def mask_row(self) -> int:
        """The key of the current mask, for `Grammar.mask`. Equal keys of one grammar mean equal masks."""
        ...

    def advance(self, token_id: int) -> bool:
        """Consume a token. False, and unchanged, where the token is not allowed here."""
        ...

    def is_accepting(self) -> bool:
        """Whether the text so far is complete. End-of-sequence is allowed exactly then."""
        ...

    def is_finished(self) -> bool:
        """Whether end-of-sequence was consumed, or nothing but it can follow."""
        ...

    def forced(self) -> Forced:
        """What must come next; does not advance."""
        ...

    def rollback(self, count: int) -> None:
        """Take back the last `count` advances. Raises ValueError if there were fewer."""
        ...

    def fork(self) -> Matcher:
        """An independent matcher at the same place."""
        ...

    def reset(self) -> None:
        """Back to the start."""
        ...


class Grammar(Protocol):
    """A compiled constraint over one vocabulary."""

    @property
    def key(self) -> int:
        """With a row key it names a mask among all of this process. Grammars that share their masks share it."""
        ...

    def matcher(self) -> Matcher:
        """A new matcher at the start."""
        ...

    def mask(self, row: int) -> MaskBits:
        """The bits of a row key that one of this grammar's matchers gave. Read-only."""
        ...
