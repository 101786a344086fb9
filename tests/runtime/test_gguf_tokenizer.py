"""A GGUF file's tokenizer gives the same ids and the same text as the folder's that it was made of."""

from __future__ import annotations

from pathlib import Path

import gguf
import pytest
from gguf_files import add_tokenizer, finish
from hypothesis import given
from hypothesis import strategies as st
from small_tokenizers import TEXTS, byte_level, sentencepiece

from weft.errors import ModelError
from weft.runtime.tokenizer import Tokenizer

KINDS = ("gpt-2", "smollm", "llama-bpe", "qwen2", "sentencepiece")


@pytest.fixture(scope="module", params=KINDS)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Tokenizer, Tokenizer]:
    """The tokenizer of a folder, and that of the GGUF file made of it."""
    folder = tmp_path_factory.mktemp(request.param)
    made = sentencepiece(folder) if request.param == "sentencepiece" else byte_level(folder, request.param)
    return Tokenizer(made), Tokenizer(written(made, folder / "model.gguf"))


def written(folder: Path, path: Path, **changes: str) -> Path:
    """A GGUF file of nothing but a tokenizer."""
    writer = gguf.GGUFWriter(path, "llama")
    add_tokenizer(writer, folder)
    for key, value in changes.items():
        writer.kv_data[0][f"tokenizer.ggml.{key}"].value = value
    finish(writer)
    return path


def test_it_says_the_same_of_itself(pair: tuple[Tokenizer, Tokenizer]) -> None:
    folder, file = pair
    assert file.vocab_size == folder.vocab_size
    assert file.eos_ids == folder.eos_ids
    assert file.special_ids == folder.special_ids
    assert file.template_source == folder.template_source
    assert file.vocabulary.tokens == folder.vocabulary.tokens
    assert file.vocabulary.special == folder.vocabulary.special


def test_texts_become_the_same_ids(pair: tuple[Tokenizer, Tokenizer]) -> None:
    folder, file = pair
    for text in (*TEXTS, "<|end|><think> </s><s>", "", " ", "  two", "\x00", "don't DON'T 1234567"):
        for special in (False, True):
            ids = file.encode(text, special=special)
            assert ids == folder.encode(text, special=special)
            assert file.decode(ids) == folder.decode(ids)


@given(text=st.text())
def test_any_text_becomes_the_same_ids(pair: tuple[Tokenizer, Tokenizer], text: str) -> None:
    folder, file = pair
    ids = file.encode(text)
    assert ids == folder.encode(text)
    assert file.decode(ids) == folder.decode(ids)


@pytest.mark.parametrize(("key", "value"), [("pre", "klingon"), ("model", "bert")])
def test_an_unknown_kind_is_refused_by_name_with_the_known_ones(tmp_path: Path, key: str, value: str) -> None:
    file = written(byte_level(tmp_path, "gpt-2"), tmp_path / "model.gguf", **{key: value})
    with pytest.raises(ModelError, match=rf"model\.gguf: .*{value}.*known are: gpt"):
        Tokenizer(file)


@pytest.mark.parametrize(("says", "begins"), [(None, True), (True, True), (False, False)])
def test_a_text_begins_as_the_file_says(tmp_path: Path, says: bool | None, begins: bool) -> None:
    """By default by BOS, for SentencePiece's tokenizers."""
    writer = gguf.GGUFWriter(tmp_path / "model.gguf", "llama")
    add_tokenizer(writer, sentencepiece(tmp_path / "folder"))
    if says is not None:
        writer.add_add_bos_token(says)
    finish(writer)
    tokenizer = Tokenizer(tmp_path / "model.gguf")
    bos = tokenizer.encode("<s>", special=True)[-1:]
    assert list(tokenizer.begin_ids) == (bos if begins else [])
    assert tokenizer.encode("a b", begin=True) == [*tokenizer.begin_ids, *tokenizer.encode("a b")]
