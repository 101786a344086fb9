"""The weights as a GGUF file: read back by the `gguf` package, and turned as llama.cpp turns them."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from weft.benchmarks.serving.gguf_file import write_gguf
from weft.benchmarks.serving.model import SMALL, write_model

HEAD = SMALL.head_dim


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "small", SMALL)


@pytest.fixture(scope="module")
def read(folder: Path) -> gguf.GGUFReader:
    return gguf.GGUFReader(write_gguf(folder, folder.parent / "small.gguf"))


def tensor(read: gguf.GGUFReader, name: str) -> np.ndarray:
    (found,) = (each for each in read.tensors if each.name == name)
    return gguf.quants.dequantize(found.data, found.tensor_type)


def test_every_weight_is_there_bit_for_bit(folder: Path, read: gguf.GGUFReader) -> None:
    weights = load_file(folder / "model.safetensors")
    assert len(read.tensors) == len(weights)
    down = weights["model.layers.1.mlp.down_proj.weight"].float().numpy()
    np.testing.assert_array_equal(tensor(read, "blk.1.ffn_down.weight"), down)
    np.testing.assert_array_equal(
        tensor(read, "token_embd.weight"), weights["model.embed_tokens.weight"].float().numpy()
    )


def rotate_halves(x: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """The rotary embedding as Hugging Face lays it out: a head's first half turns against its second."""
    a, b = np.split(x, 2, axis=-1)
    return np.concatenate([a * np.cos(angle) - b * np.sin(angle), b * np.cos(angle) + a * np.sin(angle)], axis=-1)


def rotate_pairs(x: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """As llama.cpp lays it out: each even row turns against the odd one after it."""
    a, b = x[..., ::2], x[..., 1::2]
    return np.stack([a * np.cos(angle) - b * np.sin(angle), b * np.cos(angle) + a * np.sin(angle)], axis=-1).reshape(
        x.shape
    )


def test_attention_scores_are_the_same_under_llama_cpps_rotation(folder: Path, read: gguf.GGUFReader) -> None:
    weights = load_file(folder / "model.safetensors")
    draw = np.random.default_rng(0)
    hidden = draw.standard_normal(SMALL.hidden_size)
    angles = draw.uniform(0, 6, (2, HEAD // 2))

    def score(query: np.ndarray, key: np.ndarray, rotate) -> np.ndarray:
        q = rotate((query @ hidden).reshape(-1, HEAD), angles[0])
        k = rotate((key @ hidden).reshape(-1, HEAD), angles[1])
        return q @ k.T

    ours = [weights[f"model.layers.0.self_attn.{each}_proj.weight"].float().numpy() for each in "qk"]
    theirs = [tensor(read, f"blk.0.attn_{each}.weight") for each in "qk"]
    np.testing.assert_allclose(score(*theirs, rotate_pairs), score(*ours, rotate_halves), rtol=1e-6)


def test_the_vocabulary_goes_along(read: gguf.GGUFReader) -> None:
    tokens = read.fields["tokenizer.ggml.tokens"].contents()
    kinds = read.fields["tokenizer.ggml.token_type"].contents()
    assert len(tokens) == SMALL.vocab_size
    assert (tokens[0], kinds[0]) == ("<|end|>", gguf.TokenType.CONTROL)
    assert set(kinds[1:]) == {gguf.TokenType.NORMAL}
    assert read.fields["tokenizer.ggml.eos_token_id"].contents() == 0


def test_it_is_written_once(folder: Path, tmp_path: Path) -> None:
    file = write_gguf(folder, tmp_path / "once.gguf")
    before = file.stat().st_mtime_ns
    assert write_gguf(folder, file).stat().st_mtime_ns == before
    assert [each.name for each in tmp_path.iterdir()] == ["once.gguf"]


def test_an_unknown_tensor_is_named(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    other = tmp_path / "other"
    other.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (other / name).write_bytes((folder / name).read_bytes())
    save_file({"model.layers.0.self_attn.q_norm.weight": torch.ones(4)}, other / "model.safetensors")
    with pytest.raises(ValueError, match="q_norm"):
        write_gguf(other, tmp_path / "other.gguf")
