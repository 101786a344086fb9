"""A vocabulary's bytes are what the tokenizer decodes to; specials are no text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from weft.errors import ModelError
from weft.grammar import Vocabulary, compile

CORPUS = ['{"name": "Zoë", "n": 12}', "the cat and the hat", "naïve café — 日本語 text", "    indented\n\tmore"] * 4


@pytest.fixture(scope="module")
def byte_level(tmp_path_factory):
    """A byte-level BPE tokenizer's folder, with one special and one other added token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_tokens([AddedToken("<tool_call>", special=False)])
    folder = tmp_path_factory.mktemp("byte_level")
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<|end|>"}), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def byte_fallback(tmp_path_factory):
    """SentencePiece pieces with byte fallback, as Llama 2's tokenizer has them."""
    pieces = [
        "<unk>",
        "<s>",
        "</s>",
        *(f"<0x{byte:02X}>" for byte in range(256)),
        "▁",
        "t",
        "h",
        "e",
        "th",
        "▁th",
        "▁the",
    ]
    tokenizer = Tokenizer(
        models.BPE(
            {piece: index for index, piece in enumerate(pieces)},
            [("t", "h"), ("▁", "th"), ("▁th", "e")],
            unk_token="<unk>",
            byte_fallback=True,
        )
    )
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    folder = tmp_path_factory.mktemp("byte_fallback")
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [2, 1]}), encoding="utf-8")
    return folder


@settings(max_examples=100, deadline=None)
@given(text=st.text())
def test_byte_level_tokens_add_up_to_the_text(byte_level, text):
    vocabulary = Vocabulary.from_file(byte_level / "tokenizer.json")
    if any("\ud800" <= character <= "\udfff" for character in text):
        return
    assert vocabulary.text_of(vocabulary.encode(text)) == text.encode()


def test_byte_level_specials_and_added_tokens_are_no_text(byte_level):
    vocabulary = Vocabulary.from_file(byte_level / "tokenizer.json")
    tokenizer = Tokenizer.from_file(str(byte_level / "tokenizer.json"))
    for name in ("<|end|>", "<tool_call>"):
        assert vocabulary.tokens[tokenizer.token_to_id(name)] is None
    assert vocabulary.eos_ids == (tokenizer.token_to_id("<|end|>"),)
    assert vocabulary.size == tokenizer.get_vocab_size(with_added_tokens=True)
    assert vocabulary.missing_bytes == ()
    assert sum(token is None for token in vocabulary.tokens) == 2


def test_text_that_names_a_special_token_is_text(byte_level):
    vocabulary = Vocabulary.from_file(byte_level / "tokenizer.json")
    forced = compile(vocabulary=vocabulary, choices=["a<|end|>b"]).matcher().forced()
    assert forced.data == b"a<|end|>b"
    assert vocabulary.text_of(forced.tokens) == forced.data


def test_forced_tokens_are_the_tokenizers_own(byte_level):
    vocabulary = Vocabulary.from_file(byte_level / "tokenizer.json")
    tokenizer = Tokenizer.from_file(str(byte_level / "tokenizer.json"))
    text = '{"name": "Zoë", "n": 12}'
    forced = compile(vocabulary=vocabulary, json_schema={"const": json.loads(text)}).matcher().forced()
    assert forced.data.decode() == text
    assert list(forced.tokens) == tokenizer.encode(text).ids


def test_byte_fallback_pieces(byte_fallback):
    vocabulary = Vocabulary.from_file(byte_fallback / "tokenizer.json")
    assert vocabulary.tokens[:3] == (None, None, None)
    assert vocabulary.eos_ids == (1, 2)
    assert vocabulary.tokens[3 + 0x0A] == b"\n"
    assert vocabulary.tokens[3 + 0xE9] == b"\xe9"
    assert vocabulary.tokens[-1] == b" the"
    assert vocabulary.missing_bytes == ()
    grammar = compile(vocabulary=vocabulary, choices=[" the é"])
    matcher = grammar.matcher()
    assert matcher.advance(vocabulary.size - 1)
    assert [matcher.advance(3 + byte) for byte in " é".encode()] == [True] * 3
    assert matcher.is_finished()


def test_a_size_beyond_the_tokenizer_pads_with_tokens_that_are_no_text(byte_level):
    vocabulary = Vocabulary.from_file(byte_level / "tokenizer.json", size=512)
    assert vocabulary.size == 512
    assert vocabulary.tokens[-1] is None
    bits = (grammar := compile(vocabulary=vocabulary, regex=".*")).mask(grammar.matcher().mask_row())
    assert bits.shape == (16,)
    assert not bits[-1] >> 31 & 1


def test_bad_vocabularies_are_refused(tmp_path, byte_level):
    with pytest.raises(ModelError, match="no end-of-sequence"):
        Vocabulary([b"a"], [])
    with pytest.raises(ModelError, match="5 lies outside"):
        Vocabulary([b"a"], [5])
    with pytest.raises(ModelError, match="cannot be read"):
        Vocabulary.from_file(tmp_path / "tokenizer.json")
    (tmp_path / "tokenizer.json").write_text('{"model": {"type": "WordPiece", "vocab": {"a": 0}}}', encoding="utf-8")
    with pytest.raises(ModelError, match="byte-level"):
        Vocabulary.from_file(tmp_path / "tokenizer.json", [0])
    (tmp_path / "tokenizer.json").write_text((byte_level / "tokenizer.json").read_text("utf-8"), encoding="utf-8")
    with pytest.raises(ModelError, match="eos_ids"):
        Vocabulary.from_file(tmp_path / "tokenizer.json")
