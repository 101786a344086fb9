"""What stands where a text begins, against `transformers` on tokenizers of every kind; and text exact at every step."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_tokenizers import TEXTS, byte_level, sentencepiece

from weft.errors import ModelError
from weft.request import GenerateRequest, Sampling, Segment, SegmentKind
from weft.runtime import Engine
from weft.runtime.tokenizer import Tokenizer

SPECIAL = ["<unk>", "<s>", "</s>"]


def begins(tokenizer: Any, name: str = "<s>", end: str = "") -> None:
    """Let the post-processor put `name` before a text, and `end` behind it."""
    from tokenizers import processors

    special = [(each, tokenizer.token_to_id(each)) for each in (name, end) if each]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{name} $A {end}".strip(), pair=f"{name} $A {name} $B", special_tokens=special
    )


def edit(folder: Path, change: Callable[[Any], None], config: dict[str, Any] | None = None) -> Path:
    from tokenizers import Tokenizer as Library

    file = folder / "tokenizer.json"
    tokenizer = Library.from_file(str(file))
    change(tokenizer)
    tokenizer.save(str(file))
    written = json.loads((folder / "tokenizer_config.json").read_text())
    settings = {**written, "tokenizer_class": "PreTrainedTokenizerFast", **(config or {})}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


def metaspace(scheme: str) -> Callable[[Path], Path]:
    """Llama's pieces with a Metaspace pre-tokenizer, as newer files have it."""

    def change(tokenizer: Any) -> None:
        from tokenizers import decoders, pre_tokenizers

        tokenizer.normalizer = None
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=False)
        parts = [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
        tokenizer.decoder = decoders.Sequence([*parts, *([decoders.Strip(" ", 1, 0)] if scheme != "never" else [])])
        begins(tokenizer)

    return lambda folder: edit(sentencepiece(folder), change)


def unigram(folder: Path) -> Path:
    """SentencePiece's other kind, with bytes to fall back on."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

    trained = Tokenizer(models.Unigram())
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=150, show_progress=False, unk_token="<unk>", special_tokens=SPECIAL)
    trained.train_from_iterator(TEXTS[:3], trainer)
    pieces = [tuple(piece) for piece in json.loads(trained.to_str())["model"]["vocab"]]
    pieces += [(f"<0x{byte:02X}>", -20.0) for byte in range(256)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in SPECIAL])
    begins(tokenizer)
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "</s>", "bos_token": "<s>"}))
    return edit(folder, lambda _: None)


KINDS: dict[str, Callable[[Path], Path]] = {
    "bytes": lambda folder: edit(byte_level(folder, "llama-bpe"), lambda _: None),
    "bytes-bos": lambda folder: edit(byte_level(folder, "llama-bpe"), lambda each: begins(each, "<|user|>")),
    "llama2": lambda folder: edit(sentencepiece(folder), begins),
    "llama2-none": lambda folder: edit(sentencepiece(folder), lambda _: None, {"add_bos_token": True}),  # not heeded
    "metaspace-first": metaspace("first"),
    "metaspace-always": metaspace("always"),
    "metaspace-never": metaspace("never"),
    "unigram": unigram,
}


@pytest.fixture(scope="module", params=sorted(KINDS))
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return KINDS[request.param](tmp_path_factory.mktemp("tokenizers") / request.param)


@pytest.fixture(scope="module")
def theirs(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def ours(folder: Path) -> Tokenizer:
    return Tokenizer(folder)


def test_a_text_gets_what_transformers_puts_before_it(ours: Tokenizer, theirs: Any) -> None:
    for text in [*TEXTS, "a", " spaced", "  twice", "\n", "日本", "a</s>b<s>"]:
        assert ours.encode(text, special=True, begin=True) == theirs(text).input_ids, text
        assert ours.encode(text, special=True) == theirs(text, add_special_tokens=False).input_ids, text


def test_a_text_that_begins_so_already_gets_it_once(folder: Path, ours: Tokenizer) -> None:
    named = "".join(ours.decode([token], special=True) for token in ours.begin_ids)
    assert ours.encode(named + "abc", special=True, begin=True)[: 2 * len(ours.begin_ids)].count(
        ours.begin_ids[0] if ours.begin_ids else None
    ) == len(ours.begin_ids)


def test_a_prompts_text_is_what_its_ids_were_made_of(ours: Tokenizer, theirs: Any) -> None:
    for text in [*TEXTS, "a", " spaced", "  twice"]:
        ids = ours.encode(text, begin=True)
        made = b"".join(ours.prompt_bytes(ids)).decode()
        assert made == theirs.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        assert made == text or text.startswith(" ")  # some take " a" for "a"


def test_text_that_goes_on_gets_neither(ours: Tokenizer, theirs: Any) -> None:
    """However a text is cut, its parts add up to it; transformers reads the same text off all the ids."""
    for text in TEXTS:
        for at in (1, 3, 9, len(text) - 1):
            first = ours.encode(text[:at], begin=True)
            whole = [*first, *ours.encode(text[at:], previous=first[-1])]
            assert b"".join(ours.prompt_bytes(whole)).decode() == text
            assert theirs.decode(whole, skip_special_tokens=True, clean_up_tokenization_spaces=False) == text


@settings(max_examples=max(10, settings().max_examples // 5))
@given(data=st.data())
def test_generated_text_is_exact_for_any_tokens(ours: Tokenizer, data: st.DataObject) -> None:
    ids = data.draw(st.lists(st.integers(0, ours.vocab_size - 1), max_size=30))
    detokenizer = ours.detokenizer()
    text = "".join(map(detokenizer.push, ids)) + detokenizer.flush()
    assert text == ours.decode(ids) == b"".join(map(ours.token_bytes, ids)).decode(errors="replace")


@settings(max_examples=max(10, settings().max_examples // 5))
@given(data=st.data())
def test_generated_text_is_what_transformers_reads_behind_a_prompt(
    ours: Tokenizer, theirs: Any, data: st.DataObject
) -> None:
    text = data.draw(st.text(st.sampled_from("the name\n 日é🙂x1"), max_size=12))
    prompt = ours.encode("the quick", begin=True)
    ids = ours.encode(text, previous=prompt[-1])
    detokenizer = ours.detokenizer()
    shown = "".join(map(detokenizer.push, ids)) + detokenizer.flush()
    assert shown == text
    both = theirs.decode(prompt + ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    assert both == "the quick" + text


def test_a_state_begins_once_and_each_longer_one_extends_the_shorter(ours: Tokenizer) -> None:
    begun = ours.render([Segment("The dog")])
    assert begun == ours.encode("The dog", begin=True)
    made = tuple(ours.encode("'s day", previous=begun[-1]))
    state = [Segment("The dog"), Segment(ours.decode(made), kind=SegmentKind.GENERATED, token_ids=made)]
    assert ours.render(state) == [*begun, *made]
    longer = ours.render([*state, Segment(" and")])
    assert longer[: len(begun) + len(made)] == [*begun, *made]
    assert b"".join(ours.prompt_bytes(longer)).decode() == "The dog's day and"
    assert ours.render([]) == list(ours.begin_ids)


def test_what_a_post_processor_puts_behind_a_text_is_left_out(tmp_path: Path) -> None:
    folder = edit(sentencepiece(tmp_path / "both"), lambda each: begins(each, "<s>", "</s>"))
    tokenizer = Tokenizer(folder)
    assert tokenizer.begin_ids == (tokenizer.encode("<s>", special=True)[-1],)
    assert tokenizer.encode("a", begin=True) == [*tokenizer.begin_ids, *tokenizer.encode("a")]


@pytest.mark.parametrize("name", ["tokenizer.model", "tekken.json"])
def test_a_folder_with_another_kind_of_tokenizer_alone_is_refused_by_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(ModelError, match=rf"no tokenizer\.json, only {name}"):
        Tokenizer(tmp_path)


def test_a_prompt_of_text_is_the_prompt_with_its_beginning(tiny_folder: Path, tmp_path: Path) -> None:
    import shutil

    folder = edit(Path(shutil.copytree(tiny_folder, tmp_path / "model")), lambda each: begins(each, "<|system|>"))
    sampling = Sampling(max_tokens=8, ignore_eos=True)
    with Engine(folder, device="cpu") as engine:
        begin = engine.tokenizer.begin_ids
        assert len(begin) == 1
        ids = (*begin, *engine.tokenizer.encode("the name"))
        text = engine.generate(GenerateRequest(id="text", prompt="the name", sampling=sampling)).result(60)
        same = engine.generate(GenerateRequest(id="ids", prompt=ids, sampling=sampling)).result(60)
    assert text.token_ids == same.token_ids
    assert text.prompt_tokens == len(ids)
