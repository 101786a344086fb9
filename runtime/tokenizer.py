"""A model's tokenizer and chat template: text to ids and back. Imports no torch."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..chat.template import ChatTemplate
from ..errors import InvalidRequest, ModelError
from ..grammar import Vocabulary
from ..request import Segment
from .detokenizer import Detokenizer
from .generation_config import default_sampling
from .gguf_file import MALFORMED, SUFFIX
from .gguf_tokenizer import read_gguf
from .prompt import PromptRenderer
from .text_start import begin_ids, first_space
from .tokenizer_files import TokenizerFiles, read_folder


@dataclass(frozen=True, slots=True)
class _Readers:
    """One tokenizer twice: names of special tokens in a text are those tokens, or `plain` text."""

    special: Any
    plain: Any


class Tokenizer:
    """The tokenizer of a Hugging Face model folder (`tokenizer.json`, `tokenizer_config.json`), or of a GGUF file.

    Thread-safe. Raises `ModelError` where a file is missing or unreadable.

    Attributes:
        begin_ids: what stands before every text that no chat template writes: commonly a BOS token, or nothing.
    """

    def __init__(self, model: str | Path) -> None:
        import tokenizers

        path = Path(model)
        self._files = _read_gguf(path) if path.suffix == SUFFIX and path.is_file() else read_folder(path)

        def read(source: str) -> _Readers:
            readers = _Readers(*(tokenizers.Tokenizer.from_str(source) for _ in range(2)))
            readers.plain.encode_special_tokens = True
            return readers

        try:
            self._start = read(self._files.source)
            self._space = first_space(self._files.source)
            self._onward = self._start if self._space is None else read(self._space.without)
        except Exception as error:  # the library raises bare Exception
            raise ModelError(f"{self._files.place} is not a readable tokenizer: {error}") from error
        self._tokenizer = self._start.special
        self._config = self._files.config
        self.begin_ids = begin_ids(self._tokenizer)
        self.vocab_size: int = self._tokenizer.get_vocab_size(with_added_tokens=True)
        self.eos_ids = self._find_eos_ids()
        self.default_sampling = default_sampling(self._files.generation)
        added = self._tokenizer.get_added_tokens_decoder()
        self.special_ids = frozenset(token for token, entry in added.items() if entry.special)
        self._added_text: dict[int, str] = {token: entry.content for token, entry in added.items() if not entry.special}
        self._special_text: dict[int, str] = {token: entry.content for token, entry in added.items() if entry.special}
        self.template = self._find_template()
        special_names = [entry.content for entry in added.values() if entry.special]
        self._renderer = PromptRenderer(self.encode, self.decode, self.template, special_names, begin=self.begin_ids)

    def encode(
        self, text: str, *, special: bool = False, begin: bool = False, previous: int | None = None
    ) -> list[int]:
        """Ids of `text`.

        Args:
            special: names of special tokens in it are those tokens; else they are plain text.
            begin: put `begin_ids` before it, unless it begins with them as it is.
            previous: the token it follows; None where it is the first. Text that follows other text gets no space that
                the tokenizer puts before a first word.

        Raises `InvalidRequest` for text with lone surrogates, which no UTF-8 tokenizer can write.
        """
        readers = self._start if self._is_first(previous) else self._onward
        try:
            ids = list((readers.special if special else readers.plain).encode(text, add_special_tokens=False).ids)
        except UnicodeEncodeError as error:
            raise InvalidRequest(
                f"the text holds a lone surrogate at character {error.start}", param="prompt"
            ) from error
        known = tuple(ids[: len(self.begin_ids)]) == self.begin_ids
        return ids if known or not begin else [*self.begin_ids, *ids]

    def _is_first(self, previous: int | None) -> bool:
        if previous is None or self._space is None:
            return True
        return self._space.always and previous in self.special_ids

    def prompt_bytes(self, ids: Sequence[int]) -> list[bytes]:
        """What each of a prompt's tokens adds to its text, special tokens by name.

        Nothing for `begin_ids` at its start, nor the space that the tokenizer put before the first word: this is the
        text that `encode` makes these ids of.
        """
        count = len(self.begin_ids)
        first = count if tuple(ids[:count]) == self.begin_ids else 0
        texts = [b""] * first + [self.token_bytes(token, special=True) for token in ids[first:]]
        if self._space is not None and first < len(ids) and texts[first].startswith(b" "):
            texts[first] = texts[first][1:]
        return texts

    def decode(self, ids: Sequence[int], *, special: bool = False) -> str:
        """The text of `ids`, special tokens left out, or written by name where `special`.

        Exactly what a `Detokenizer` gives piece by piece.
        """
        return b"".join(self.token_bytes(token, special) for token in ids).decode("utf-8", errors="replace")

    def token_bytes(self, token_id: int, special: bool = False) -> bytes:
        """The bytes that a token adds to the text: none for ids outside the vocabulary.

        Special tokens add none either, unless `special`, for texts that are meant to hold them; then their names.
        """
        if special and token_id in self._special_text:
            return self._special_text[token_id].encode()
        if token_id in self._added_text:
            return self._added_text[token_id].encode()
        tokens = self.vocabulary.tokens
        if not 0 <= token_id < len(tokens):
            return b""
        return tokens[token_id] or b""

    def detokenizer(self, *, special: bool = False) -> Detokenizer:
        """Incremental decoding; `special` as in `token_bytes`."""
        return Detokenizer(functools.partial(self.token_bytes, special=special))

    @functools.cached_property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary that grammars are compiled over; it tokenises forced text with this tokenizer."""
        plain = Vocabulary.from_text(self._files.source, self._files.place, eos_ids=self.eos_ids)
        return Vocabulary(plain.tokens, list(self.eos_ids), self._continued, plain.special)

    def _continued(self, text: str) -> list[int]:
        """Ids of text that other text stands before."""
        return list(self._onward.plain.encode(text, add_special_tokens=False).ids)

    @property
    def template_source(self) -> str | None:
        """The chat template's text, which also says how the model writes tool calls; None where there is none."""
        return self.template.source if self.template is not None else None

    @property
    def template_variables(self) -> frozenset[str]:
        """The further names that the chat template reads, such as ``enable_thinking``."""
        return self.template.variables if self.template is not None else frozenset()

    def render_chat(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] = (),
        add_generation_prompt: bool = True,
        variables: Mapping[str, Any] | None = None,
    ) -> list[int]:
        """Ids of a conversation. What stands inside a message never becomes a special token.

        `variables` are further names for the template, as in `ChatTemplate.render`.

        Raises `TemplateError`, or `InvalidRequest` where the model has no chat template.
        """
        return self._renderer.messages(messages, tools, add_generation_prompt, variables)

    def render(self, segments: Sequence[Segment], tools: Sequence[Mapping[str, Any]] = ()) -> list[int]:
        """Ids of a program's state, its open turn left open; see `prompt.py`."""
        return self._renderer.segments(segments, tools)

    def _find_eos_ids(self) -> tuple[int, ...]:
        entry = self._config.get("eos_token")
        text = entry.get("content") if isinstance(entry, dict) else entry
        token = self._tokenizer.token_to_id(text) if text else None
        return tuple(dict.fromkeys([*self._files.eos_ids, *([token] if token is not None else [])]))

    def _find_template(self) -> ChatTemplate | None:
        source = self._files.template or self._config.get("chat_template")
        if isinstance(source, list):  # named templates: [{"name": "default", "template": ...}, ...]
            source = next((entry["template"] for entry in source if entry.get("name") == "default"), None)
        if not source:
            return None
        special = {}
        for name in ("bos_token", "eos_token", "unk_token", "pad_token"):
            entry = self._config.get(name)
            text = entry.get("content") if isinstance(entry, dict) else entry
            if text:
                special[name] = text
        return ChatTemplate(source, special)


def _read_gguf(path: Path) -> TokenizerFiles:
    """`read_gguf`, whatever is wrong with the file. Raises `ModelError`."""
    try:
        return read_gguf(path)
    except MALFORMED as error:
        raise ModelError(f"{path}: the tokenizer in it cannot be read: {error!r}") from error
