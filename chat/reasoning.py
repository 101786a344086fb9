"""What a model wrote to itself before it answered, told apart from the answer."""

from __future__ import annotations

from dataclasses import dataclass


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


def split_reasoning(text: str, markers: ReasoningMarkers | None = None, *, opened: bool = False) -> Reasoned:
    """Split reasoning off the front of `text`.

    Args:
        text: what the model generated.
        markers: what stands around its reasoning.
        opened: the prompt already ended with the opening marker, so that the text begins inside.
    """
    markers = markers or ReasoningMarkers()
    start = text.lstrip()
    if start.startswith(markers.opening):
        inner = start[len(markers.opening) :]
    elif opened:
        inner = text
    else:
        return Reasoned(None, text)
    reasoning, closing, content = inner.partition(markers.closing)
    return Reasoned(reasoning.strip(), content.lstrip() if closing else "", bool(closing))
