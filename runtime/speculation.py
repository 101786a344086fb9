"""Whether guessing ahead pays, and how far to guess.

A draft is verified in the pass that its sequence needs anyway (Leviathan et al. 2023, "Fast Inference from Transformers
via Speculative Decoding", section 2): each of its tokens is accepted while it is the very token that is drawn in its
place. Since a draw depends on seed and position alone, nothing else of their scheme is needed: the output is what it
would have been, sampled or greedy.

What a draft costs is the rule here. A pass over T tokens takes a + bT; with S sequences in it, an accepted token saves
the S-th part of a pass, and a guess that is not accepted costs b. So a guess pays where its chance to be accepted is
above bS / (a + bS): little for one sequence, nearly 1 for many. The chance of the i-th guess is c^i, c being how often
guesses of this sequence, and of matches as long, came true of late. Drafts end where that falls below; where not even
the first guess pays, it is only compared with what is drawn, so that what has begun to pay is noticed at no cost.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .prompt_lookup import LONGEST

MODES = ("auto", "off", "prompt_lookup")
MAX_GUESSES = 10
"""Most tokens guessed at once; the number of the source cited in `prompt_lookup.py`."""
PRIOR_CHANCE = 0.5
REST = 8
"""A sequence whose guesses do not pay is asked again after this many steps."""
_OWN_DECAY, _SHARED_DECAY, _COST_DECAY = 0.9, 0.99, 0.98
_PRIOR_WEIGHT = 3.0


@dataclass(slots=True)
class Chance:
    """How often guesses came true, the latest counting most."""

    decay: float
    hits: float = 0.0
    misses: float = 0.0

    def observe(self, hits: int, misses: int) -> None:
        """Count guesses that were verified."""
        self.hits = self.hits * self.decay + hits
        self.misses = self.misses * self.decay + misses

    def share(self, prior: float) -> float:
        """The chance of a next one, from `prior` where little was seen."""
        return (self.hits + _PRIOR_WEIGHT * prior) / (self.hits + self.misses + _PRIOR_WEIGHT)


class PassCost:
    """What one more token costs a pass, as a share of the pass's fixed cost: the b / a of seconds = a + b * tokens.

    Fitted by least squares to the latest passes. Where they were all of one size, which says nothing of b, the last
    figure goes back to `prior` little by little, so that one bad fit does not stay.

    Args:
        prior: the figure to begin with.
    """

    def __init__(self, prior: float) -> None:
        self.ratio = prior
        self._prior = prior
        self._weight = self._x = self._y = self._xx = self._xy = 0.0

    def observe(self, tokens: int, seconds: float) -> None:
        """A pass over `tokens` tokens of decoding sequences took `seconds`."""
        keep = _COST_DECAY
        self._weight = self._weight * keep + 1
        self._x = self._x * keep + tokens
        self._y = self._y * keep + seconds
        self._xx = self._xx * keep + tokens * tokens
        self._xy = self._xy * keep + tokens * seconds
        spread = self._xx * self._weight - self._x * self._x
        if self._weight < 8 or spread < 0.05 * self._x * self._x:
            self.ratio += (self._prior - self.ratio) / 128
            return
        slope = (self._xy * self._weight - self._x * self._y) / spread
        fixed = (self._y - slope * self._x) / self._weight
        least, most = self._prior / 8, self._prior * 8
        self.ratio = min(most, max(least, slope / fixed)) if fixed > 0 and slope > 0 else most if fixed <= 0 else least


@dataclass(slots=True)
class Guesses:
    """What is remembered of one sequence's guesses.

    Attributes:
        own: how often they came true.
        resting: steps until it is asked again.
    """

    own: Chance = field(default_factory=lambda: Chance(_OWN_DECAY))
    resting: int = 0


class Speculation:
    """The engine's rule for drafts, and its counts.

    Args:
        mode: "auto" drafts where it pays, "prompt_lookup" wherever a match is found, "off" never.
        token_cost: what a token costs a pass at first, as a share of the fixed cost; then it is measured.

    Attributes:
        drafted, accepted: tokens put into passes as drafts, and those that turned out to be drawn or forced.
    """

    def __init__(self, mode: str, *, token_cost: float) -> None:
        self.mode = mode
        self.drafted = 0
        self.accepted = 0
        self.cost = PassCost(token_cost)
        self._shared = [Chance(_SHARED_DECAY) for _ in range(LONGEST + 1)]

    def length(self, guesses: Guesses, match_length: int, sequences: int) -> int:
        """How many tokens to guess after a match of `match_length` tokens, in a pass of `sequences` sequences."""
        if self.mode != "auto":
            return MAX_GUESSES
        chance = guesses.own.share(self._shared[match_length].share(PRIOR_CHANCE))
        extra = self.cost.ratio * sequences
        least = extra / (1 + extra)
        count, likely = 0, chance
        while likely > least and count < MAX_GUESSES:
            count, likely = count + 1, likely * chance
        return count

    def verified(self, guesses: Guesses, match_length: int, hits: int, misses: int) -> None:
        """Guesses were verified, in a pass or beside it."""
        guesses.own.observe(hits, misses)
        self._shared[match_length].observe(hits, misses)
