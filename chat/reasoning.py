"""What a model wrote to itself before it answered, told apart from the answer."""

from __future__ import annotations

from dataclasses import dataclass

from .feed import Feed, FeedReader, Reading, begun
from .pieces import ContentText, Piece, ReasoningText


@dataclass(frozen=True, slots=True)
class ReasoningMarkers:
    """The texts a model puts around its reasoning."""

    opening: str = "<think>"
    closing: str = "</think>"


@dataclass(frozen=True, slots=True)
class Reasoned:
    """A generated text in two parts.

    Attributes:
        reasoning: what stood between the markers, without whitespace around it; None where there was none.
        content: the rest; without the whitespace that followed the closing marker.
        closed: the reasoning had ended; False where generation stopped inside it (`content` is then empty).
    """

    reasoning: str | None
    content: str
    closed: bool = True


KNOWN_MARKERS = (
    ReasoningMarkers(),
    ReasoningMarkers("[THINK]", "[/THINK]"),
    ReasoningMarkers("<thinking>", "</thinking>"),
    ReasoningMarkers("<reasoning>", "</reasoning>"),
    ReasoningMarkers("<seed:think>", "</seed:think>"),
)


def find_reasoning(template_source: str) -> ReasoningMarkers | None:
    """The markers of reasoning that a chat template knows, if it knows any."""
    return next((markers for markers in KNOWN_MARKERS if markers.closing in template_source), None)


class ReasoningReader:
    """Splits reasoning off the front of an answer while it streams; the rest is content.

    Whitespace around the reasoning is dropped, and what follows the closing marker. A `PieceReader`.

    Attributes:
        begun: the answer has reasoning.
        closed: it has ended.
    """

    def __init__(self, markers: ReasoningMarkers, *, opened: bool = False) -> None:
        self.begun = opened
        self.closed = False
        self._markers = markers
        self._feed = Feed()
        self._reader = FeedReader(self._feed, self._read())

    def push(self, text: str) -> list[Piece]:
        return self._reader.push(text)

    def end(self) -> list[Piece]:
        return self._reader.end()

    def _read(self) -> Reading[None]:
        feed = self._feed
        feed.mark()
        yield from self._skip_space()
        if (yield from feed.follows(self._markers.opening)):
            self.begun = True
            feed.unmark()
        else:
            feed.rewind()
        if self.begun:
            yield from self._skip_space()
            yield from self._inside()
        while True:
            if feed.at < len(feed.text):
                feed.pieces.append(ContentText(feed.text[feed.at :]))
            feed.at = len(feed.text)
            if not (yield from feed.more()):
                return

    def _inside(self) -> Reading[None]:
        feed, closing = self._feed, self._markers.closing
        while True:
            place = feed.text.find(closing, feed.at)
            known = place if place >= 0 else len(feed.text) - begun(feed.text, feed.at, closing)
            text = feed.text[feed.at : known].rstrip()
            if text:
                feed.pieces.append(ReasoningText(text))
            feed.at += len(text)
            if place >= 0:
                break
            if not (yield from feed.more()):
                self._cut()
                return
        self.closed = True
        feed.at = place + len(closing)
        yield from self._skip_space()

    def _cut(self) -> None:
        """The text is over inside the reasoning: what might have begun the closing marker did not."""
        feed = self._feed
        text = feed.text[feed.at :].rstrip()
        if text:
            feed.pieces.append(ReasoningText(text))
        feed.at = len(feed.text)

    def _skip_space(self) -> Reading[None]:
        while (char := (yield from self._feed.peek())) and char.isspace():
            self._feed.at += 1


def split_reasoning(text: str, markers: ReasoningMarkers | None = None, *, opened: bool = False) -> Reasoned:
    """Split reasoning off the front of `text`.

    Args:
        text: what the model generated.
        markers: what stands around its reasoning.
        opened: the prompt already ended with the opening marker, so that the text begins inside.
    """
    reader = ReasoningReader(markers or ReasoningMarkers(), opened=opened)
    pieces = [*reader.push(text), *reader.end()]
    content = "".join(piece.text for piece in pieces if isinstance(piece, ContentText))
    if not reader.begun:
        return Reasoned(None, content)
    reasoning = "".join(piece.text for piece in pieces if isinstance(piece, ReasoningText))
    return Reasoned(reasoning, content, reader.closed)
