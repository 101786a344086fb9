"""A vocabulary's bytes are what the tokenizer decodes to; specials are no text."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path

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


def test_specials_have_names_and_white_space_added_is_text(byte_level, tmp_path):
    tokenizer = Tokenizer.from_file(str(byte_level / "tokenizer.json"))
    tokenizer.add_tokens([AddedToken("        ", special=False)])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    end = tokenizer.token_to_id("<|end|>")
    vocabulary = Vocabulary.from_file(tmp_path / "tokenizer.json", [end])
    assert vocabulary.special == {"<tool_call>": tokenizer.token_to_id("<tool_call>")}
    assert vocabulary.tokens[tokenizer.token_to_id("        ")] == b"        "


def test_a_special_token_is_inside_the_vocabulary_and_no_text():
    assert Vocabulary([b"a", None, None], [2], special={"<t>": 1, "</s>": 2}).special == {"<t>": 1}
    for wrong in (0, 3, -1):
        with pytest.raises(ModelError, match="'<t>' has id"):
            Vocabulary([b"a", None, None], [2], special={"<t>": wrong})


@pytest.fixture
def tekken(tmp_path):
    """A small file of Mistral's kind: every byte, two longer tokens, one rank past the vocabulary's size."""
    spelled = [*(bytes([byte]) for byte in range(256)), b"ab", "é".encode(), b"unused"]
    vocab = [{"rank": rank, "token_bytes": b64encode(token).decode()} for rank, token in enumerate(spelled)]
    config = {"pattern": r"\s+|\S+", "default_vocab_size": 268, "default_num_special_tokens": 10}
    path = tmp_path / "tekken.json"
    path.write_text(json.dumps({"config": config, "vocab": vocab}), encoding="utf-8")
    return path


def test_tekken_tokens_follow_the_special_ones(tekken):
    vocabulary = Vocabulary.from_file(tekken)
    assert vocabulary.size == 268
    assert vocabulary.eos_ids == (2,)
    assert vocabulary.special["[TOOL_CALLS]"] == 9
    assert "</s>" not in vocabulary.special
    assert vocabulary.tokens[:10] == (None,) * 10
    assert vocabulary.tokens[-2:] == (b"ab", "é".encode())
    assert vocabulary.missing_bytes == ()


def test_tekken_names_its_special_tokens_itself(tekken):
    description = json.loads(tekken.read_text("utf-8"))
    description["special_tokens"] = [{"rank": 3, "token_str": "</s>"}, {"rank": 4, "token_str": "<t>"}]
    tekken.write_text(json.dumps(description), encoding="utf-8")
    vocabulary = Vocabulary.from_file(tekken)
    assert vocabulary.eos_ids == (3,)
    assert vocabulary.special == {"<t>": 4}
    description["special_tokens"] = [{"rank": 4, "token_str": "<t>"}]
    tekken.write_text(json.dumps(description), encoding="utf-8")
    with pytest.raises(ModelError, match="eos_ids"):
        Vocabulary.from_file(tekken)


def test_tekken_encodes_by_rank(tekken):
    pytest.importorskip("tiktoken")
    vocabulary = Vocabulary.from_file(tekken)
    ids = vocabulary.encode("ab é </s>")
    assert vocabulary.text_of(ids) == "ab é </s>".encode()
    assert ids[:3] == [266, 10 + 0x20, 267]


def test_the_vocabulary_that_mistral_common_ships():
    files = pytest.importorskip("mistral_common").__path__
    tekkenizer = pytest.importorskip("mistral_common.tokens.tokenizers.tekken").Tekkenizer
    path = Path(files[0]) / "data" / "tekken_240911.json"
    vocabulary = Vocabulary.from_file(path)
    theirs = tekkenizer.from_file(str(path))
    assert vocabulary.size == theirs.n_words
    assert all(vocabulary.tokens[token] == theirs.id_to_byte_piece(token) for token in range(1000, vocabulary.size))
    text = '{"name": "Zoë", "n": [1, 2.5]}'
    assert vocabulary.encode(text) == theirs.encode(text, bos=False, eos=False)


def test_text_that_names_a_special_token_is_text(byte_level):
    vocabulary = Vocabulary.from_file(byte_level / "tokenizer.json")
    forced = compile(vocabulary=vocabulary, choices=["a<|end|>b"]).matcher().forced()
    assert forced.data == b"a<|end|>b"
    assert vocabulary.text_of(forced.tokens) == forced.data


def test_forced_tokens_are_the_tokenizers_own(byte_level):
    vocabulary = Vocabulary.from_file(byte_level / "tokenizer.json")
    tokenizer = Tokenizer.from_file(str(byte_level / "tokenizer.json"))
    text = '{"name": "Zoe", "n": true}'
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
