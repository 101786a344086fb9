"""How families of models write tool calls, one file a format.

`protocol.py` says what a format is: what it allows, as a structural tag, and a reader that takes calls out of a text
while it streams. A new format is one more file and one more entry here.
"""

from __future__ import annotations

from collections.abc import Mapping

from .hermes import Hermes
from .llama3_json import Llama3Json
from .mistral import Mistral
from .protocol import ToolFormat as ToolFormat
from .pythonic import Pythonic

_ALL: tuple[ToolFormat, ...] = (
    Hermes("hermes", line_breaks=True),
    Hermes("hermes_inline", line_breaks=False),
    Mistral("mistral", named=False),
    Mistral("mistral_named", named=True),
    Pythonic(),
    Llama3Json(),
)

FORMATS: Mapping[str, ToolFormat] = {each.name: each for each in _ALL}
"""The formats by name."""


def detect_format(template_source: str) -> ToolFormat | None:
    """The format in which a chat template writes calls; None where it writes none that is known."""
    return next((each for each in _ALL if each.writes(template_source)), None)
