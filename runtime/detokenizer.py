"""Token ids to text, one token at a time, never splitting a UTF-8 character and never leaking part of a stop string."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence


class Detokenizer:
    """Incremental decoding over the tokens' bytes: exact for any byte sequence.

    Bytes that cannot be UTF-8 become U+FFFD, as in ``bytes.decode(errors="replace")``.
    """

    def __init__(self, token_bytes: Callable[[int], bytes]) -> None:
        self._token_bytes = token_bytes
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def push(self, token_id: int) -> str:
        """The text that this token completes; bytes of an unfinished character are held back."""
        return self._decoder.decode(self._token_bytes(token_id))

    def flush(self) -> str:
        """What was held back, at the end."""
        return self._decoder.decode(b"", final=True)


class StopStrings:
    """Watches a text stream for stop strings, holding back what may still become one.

    `push` gives the text that is safe to show and the stop string found, if any. Of several stop strings the one that
    begins first wins, then the one listed first.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._held = ""

    def push(self, text: str) -> tuple[str, str | None]:
        if not self._stops:
            return text, None
        self._held += text
        found = [(self._held.find(stop), order) for order, stop in enumerate(self._stops)]
        hits = [hit for hit in found if hit[0] >= 0]
        if hits:
            position, order = min(hits)
            # An earlier-beginning stop that is still incomplete cannot win over one that is complete: both texts
            # end here whichever is reported, so the complete one is final.
            shown, self._held = self._held[:position], ""
            return shown, self._stops[order]
        keep = max(overlap(self._held, stop) for stop in self._stops)
        cut = len(self._held) - keep
        shown, self._held = self._held[:cut], self._held[cut:]
        return shown, None

    def flush(self) -> str:
        """What was held back, at the end."""
        held, self._held = self._held, ""
        return held


def overlap(text: str, stop: str) -> int:
    """Length of the longest proper prefix of `stop` that ends `text`."""
    for length in range(min(len(stop) - 1, len(text)), 0, -1):
        if text.endswith(stop[:length]):
            return length
    return 0
