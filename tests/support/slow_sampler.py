"""Sampling in plain Python lists: what each option means, token by token, for the engine to agree with."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from weft.request import Sampling
from weft.runtime import Tokenizer

CLOSE = 2e-3
"""Two scores nearer than this may change places between two implementations of one model."""


@dataclass(frozen=True)
class Place:
    """What may stand at one place of an output.

    Attributes:
        tokens: the tokens of the best score, those that come close, and those on the edge of being filtered out.
        logprobs: of every token, under the raw distribution.
    """

    tokens: set[int]
    logprobs: list[float]


class SlowSampler:
    """One request's sampling over given logits.

    Args:
        prompt: its tokens.
        noise: for a position in prompt and output, one Gumbel number a token; unused at temperature 0.
    """

    def __init__(self, sampling: Sampling, tokenizer: Tokenizer, prompt: Sequence[int], noise: Sequence[list[float]]):
        self.sampling = sampling
        self.tokenizer = tokenizer
        self.prompt = list(prompt)
        self.noise = noise
        words = [text for word in sampling.bad_words for text in (word, " " + word)]
        self.bad = [tokenizer.encode(word) for word in words]

    def place(self, output: Sequence[int], logits: Sequence[float]) -> Place:
        """What may follow `output`, whose next token has these raw logits."""
        norm = max(logits) + math.log(math.fsum(math.exp(x - max(logits)) for x in logits))
        adjusted, position = self._adjusted(output, logits), len(self.prompt) + len(output)
        surely, perhaps = (self._kept(adjusted, position, slack) for slack in (-CLOSE, CLOSE))
        best = max(surely.values())
        close = {token for token, score in perhaps.items() if score >= best - CLOSE}
        return Place(close, [x - norm for x in logits])

    def end(self, output: Sequence[int]) -> str | int | None:
        """What ends the text right after `output`, a stop string or token id; None where nothing does."""
        sampling = self.sampling
        last = output[-1]
        if last in self.tokenizer.eos_ids and not sampling.ignore_eos:
            return last
        if last in sampling.stop_token_ids:
            return last
        text = self.tokenizer.decode(output)
        found = [(text.find(stop), at) for at, stop in enumerate(sampling.stop) if stop in text]
        return sampling.stop[min(found)[1]] if found else None

    def _adjusted(self, output: Sequence[int], logits: Sequence[float]) -> list[float]:
        sampling, scores = self.sampling, list(logits)
        if sampling.repetition_penalty != 1.0:
            for token in {*self.prompt, *output}:
                penalty = sampling.repetition_penalty
                scores[token] = scores[token] / penalty if scores[token] > 0 else scores[token] * penalty
        for token, count in Counter(output).items():
            scores[token] -= sampling.presence_penalty + sampling.frequency_penalty * count
        for token, bias in sampling.logit_bias:
            scores[token] += bias
        if len(output) < sampling.min_tokens:
            for token in (*self.tokenizer.eos_ids, *sampling.stop_token_ids):
                scores[token] = -math.inf
        for word in self.bad:
            if list(output[len(output) - len(word) + 1 :]) == word[:-1] or len(word) == 1:
                scores[word[-1]] = -math.inf
        return scores

    def _kept(self, scores: list[float], position: int, slack: float) -> dict[int, float]:
        """The tokens that the filters keep and their scores, noise included. `slack` widens each filter."""
        sampling = self.sampling
        if sampling.temperature == 0:
            return {token: score for token, score in enumerate(scores) if score > -math.inf}
        best = max(scores)
        kept = {at: (score - best) / sampling.temperature for at, score in enumerate(scores) if score > -math.inf}
        if sampling.top_k:
            least = sorted(kept.values(), reverse=True)[: sampling.top_k][-1]
            kept = {token: d for token, d in kept.items() if d >= min(least - slack, 0)}
        if sampling.top_p < 1:
            total = math.fsum(math.exp(d) for d in kept.values())
            inside, mass = set(), 0.0
            for token in sorted(kept, key=lambda token: -kept[token]):
                if mass >= (sampling.top_p + slack) * total:
                    break
                inside.add(token)
                mass += math.exp(kept[token])
            kept = {token: kept[token] for token in inside}
        if sampling.min_p > 0:
            kept = {token: d for token, d in kept.items() if d >= min(math.log(sampling.min_p) - slack, 0)}
        return {token: d + self.noise[position][token] for token, d in kept.items()}
