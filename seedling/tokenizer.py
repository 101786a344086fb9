"""seedling's tokenizer: byte-level BPE in which a word has the same tokens in text and in a JSON string.

Extraction is then plain copying. Text is first cut into pieces that BPE merges never cross:

- a run of letters; a single digit;
- JSON glue, such as `": "` or `"}, {"`, which takes the space that follows it;
- a space with a very common small word after it (" of", " the"): hardly any value begins with one;
- any other character by itself, the space included.

There is no normaliser, and every byte has a token, so that any text comes back as it was.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from .folder import MODEL_FOLDER, TEMPLATE_FILE, write_json

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

VOCABULARY_SIZE = 4096
PAD, END = "<|pad|>", "<|end|>"
ROLES = ("<|system|>", "<|user|>", "<|assistant|>", "<|tool|>")
ASSISTANT = "<|assistant|>"
TOOL_CALL = ("<tool_call>", "</tool_call>")
RESERVED = tuple(f"<|reserved_{number}|>" for number in range(8))

SMALL_WORDS = (
    "a an and are as at be been but by can for from has have her his in is it its my no not of on or our "
    "she so than that the their there they this to until was we were will with you your"
).split()
GLUE = r'[{}\[\]":,]+(?: ["{\[]+)* ?'
PIECES = rf"\p{{L}}+|\p{{N}}|{GLUE}| (?:{'|'.join(SMALL_WORDS)})(?![\p{{L}}\p{{N}}])|\s|[^\s\p{{L}}\p{{N}}]"


def train_tokenizer(texts: Iterable[str]) -> Tokenizer:
    """Learn the vocabulary from `texts`; special tokens take the first ids, in the order above."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    controls = [PAD, END, *ROLES, *RESERVED]
    tokenizer.add_special_tokens(controls)
    tokenizer.add_tokens(list(TOOL_CALL))
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        special_tokens=[*controls, *TOOL_CALL],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, folder: Path = MODEL_FOLDER) -> None:
    """Write tokenizer.json and tokenizer_config.json (with the chat template) into `folder`."""
    description = json.loads(tokenizer.to_str())
    for token in description["added_tokens"]:
        # A tool call is part of the answer: it must survive decoding that skips special tokens.
        token["special"] = token["content"] not in TOOL_CALL
    write_json(folder / "tokenizer.json", description)
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "pad_token": PAD,
            "eos_token": END,
            "clean_up_tokenization_spaces": False,
            "model_max_length": 2048,
            "chat_template": TEMPLATE_FILE.read_text(encoding="utf-8"),
        },
    )


def token_id(tokenizer: Tokenizer, token: str) -> int:
    """The id of a token that must be there; raises ValueError naming one that is not."""
    found = tokenizer.token_to_id(token)
    if found is None:
        raise ValueError(f"the tokenizer has no token {token!r}")
    return int(found)


def load_tokenizer(folder: Path = MODEL_FOLDER) -> Tokenizer:
    """The tokenizer of a saved model folder."""
    return Tokenizer.from_file(str(folder / "tokenizer.json"))
