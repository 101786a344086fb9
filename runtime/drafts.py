"""One sequence's drafts: written before a pass, drawn from behind it, and settled by what was drawn.

A draft is what its sequence's ids may go on with: guesses that were looked up, and after each one the text that a
constraint then forces. Behind every guess a token is drawn as if all before it were accepted; that draw counts only if
they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..errors import WeftError
from ..grammar.protocol import Grammar, Matcher
from .prompt_lookup import PromptLookup
from .speculation import REST, Guesses, Speculation


@dataclass(frozen=True, slots=True)
class Place:
    """Where a token is drawn: behind the first `ahead` tokens of a draft.

    Attributes:
        grammar, row: whose mask it is drawn under; None without a constraint.
    """

    ahead: int
    grammar: Grammar | None = None
    row: int = 0


@dataclass(frozen=True, slots=True)
class Draft:
    """A proposed continuation.

    Attributes:
        tokens: what may come next.
        places: where to draw behind them, one for each guess, in order.
        match: how many tokens agreed where the guesses were found.
    """

    tokens: tuple[int, ...] = ()
    places: tuple[Place, ...] = ()
    match: int = 0

    @property
    def guesses(self) -> list[int]:
        """The offsets in `tokens` of those that were looked up; the others are forced once these are accepted."""
        return [0, *(place.ahead for place in self.places[:-1])] if self.places else []

    def agreed(self, followed: Sequence[int]) -> int:
        """How many leading tokens are what followed indeed."""
        count = 0
        for token, other in zip(self.tokens, followed, strict=False):
            if token != other:
                break
            count += 1
        return count


EMPTY = Draft()


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a draft of one sequence may be.

    Attributes:
        tokens: its length at most.
        ends: tokens that would end the text; none is guessed, since nothing follows it.
        forces: text that the constraint forces is not sampled.
    """

    tokens: int
    ends: frozenset[int]
    forces: bool


@dataclass(slots=True)
class Drafter:
    """Drafts of one sequence, at most one at a time. Reads `ids`, whose owner appends what was drawn."""

    ids: list[int]
    pending: Draft = EMPTY
    _lookup: PromptLookup | None = None
    _guesses: Guesses = field(default_factory=Guesses)
    _start: int = 0  # where the pending draft begins in `ids`
    _in_pass: bool = False

    def rests(self) -> bool:
        """Whether nothing is guessed this time. Called once a step; forgets the last draft."""
        self.pending, self._in_pass = EMPTY, False
        if not self._guesses.resting:
            return False
        self._guesses.resting -= 1
        return True

    def propose(
        self, speculation: Speculation, sequences: int, matcher: Matcher | None, bounds: Bounds
    ) -> tuple[int, ...]:
        """The tokens to put into the next pass, in which `sequences` sequences decode; empty where that does not pay.

        Called where the draft does not rest.

        `matcher` is moved ahead and back; None without a constraint.
        """
        if self._lookup is None:
            self._lookup = PromptLookup(self.ids)
        match = self._lookup.find()
        if match is None:
            self._guesses.resting = min(sequences - 1, REST)  # among many a guess saves little, and looking costs
            return ()
        count = speculation.length(self._guesses, match.length, sequences)
        if not count:
            self._guesses.resting = REST
        self.pending = write(self._lookup, matcher, max(count, 1), bounds)
        self._start = len(self.ids)
        self._in_pass = count > 0
        return self.pending.tokens if self._in_pass else ()

    def places(self, drafted: int) -> list[Place]:
        """Where to draw behind the draft, of which the first `drafted` tokens found room in the pass."""
        return [place for place in self.pending.places if place.ahead <= drafted] if self._in_pass else []

    def reaches(self, place: Place) -> bool:
        """Whether `ids` are by now just what was assumed at `place`."""
        followed = self.ids[self._start :]
        return len(followed) == place.ahead == self.pending.agreed(followed)

    def settle(self, speculation: Speculation, drafted: int) -> None:
        """What was drawn is in `ids`: count what came true, of the draft and of its first `drafted` tokens."""
        draft, self.pending = self.pending, EMPTY
        if not draft.tokens:
            return
        followed = self.ids[self._start :]
        agreed = draft.agreed(followed)
        hits = sum(offset < agreed for offset in draft.guesses)
        missed = agreed < min(len(followed), len(draft.tokens))
        speculation.verified(self._guesses, draft.match, hits, int(missed))
        if self._in_pass:
            speculation.drafted += drafted
            speculation.accepted += min(agreed, drafted)


def write(lookup: PromptLookup, matcher: Matcher | None, count: int, bounds: Bounds) -> Draft:
    """A draft of up to `count` guesses, each allowed by the constraint, with the text forced after each."""
    match = lookup.find()
    tokens: list[int] = []
    places: list[Place] = []
    ahead = _Ahead(matcher, bounds)
    try:
        place = match.place if match else None
        while place is not None and len(places) < count:
            step = ahead.step(lookup.token(place, tokens))
            if not step or len(tokens) + len(step) > bounds.tokens:
                break
            copied = all(lookup.token(place + at, (*tokens, *step)) == token for at, token in enumerate(step))
            tokens += step
            places.append(Place(len(tokens), *ahead.mask()))
            if copied:
                place += len(step)
            else:
                found = lookup.find(tokens)
                place = found.place if found else None
    except WeftError:
        pass  # it is met again, and told, if that place is reached indeed
    finally:
        ahead.back()
    return Draft(tuple(tokens[: places[-1].ahead]), tuple(places), match.length) if match and places else EMPTY


class _Ahead:
    """A matcher that is moved along a draft, and back."""

    def __init__(self, matcher: Matcher | None, bounds: Bounds) -> None:
        self._matcher = matcher
        self._bounds = bounds
        self._advanced = 0

    def step(self, token: int) -> list[int]:
        """A guess and what is forced after it; empty where it is not allowed, or where nothing would follow it."""
        if token in self._bounds.ends or not self._advance(token):
            return []
        if self._matcher is None:
            return [token]
        if self._matcher.is_finished():
            return []
        forced = self._matcher.forced().tokens if self._bounds.forces else ()
        if not all(self._advance(each) for each in forced) or self._matcher.is_finished():
            return []
        return [token, *forced]

    def mask(self) -> tuple[Grammar | None, int]:
        """The mask of what comes next."""
        return (self._matcher.grammar, self._matcher.mask_row()) if self._matcher is not None else (None, 0)

    def back(self) -> None:
        """Undo all."""
        if self._matcher is not None and self._advanced:
            self._matcher.rollback(self._advanced)

    def _advance(self, token: int) -> bool:
        if self._matcher is None:
            return True
        advanced = self._matcher.advance(token)
        self._advanced += advanced
        return advanced
