"""GGUF files: blocks as `gguf` reads them, models as the folders that they were made of, and broken files refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from gguf_files import random_blocks, write_gguf
from safetensors.torch import load_file, save_file
from small_tokenizers import byte_level
from tiny import write_llama, write_model

from weft.errors import ModelError
from weft.request import GenerateRequest, Sampling, ScoreRequest
from weft.runtime import Engine
from weft.runtime.gguf_file import GgufFile
from weft.runtime.models.checkpoint import open_checkpoint
from weft.runtime.models.gguf_blocks import dequantize
from weft.runtime.models.gguf_config import llama3_divisors

TYPES = "F32 F16 BF16 Q8_0 Q4_0 Q4_K Q6_K Q4_1 Q5_0 Q5_1 Q5_K Q2_K Q3_K IQ4_NL IQ4_XS".split()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = write_llama(tmp_path_factory.mktemp("gguf") / "tiny", vocab_size=416, rms_norm_eps=1e-5)
    return byte_level(made, "gpt-2")


@pytest.mark.parametrize("name", TYPES)
def test_blocks_are_read_as_gguf_reads_them(name: str) -> None:
    kind = gguf.GGMLQuantizationType[name]
    raw = random_blocks(kind, 6)
    with np.errstate(all="ignore"):
        wanted = gguf.quants.dequantize(raw, kind).ravel()
        found = dequantize(memoryview(raw), kind, (2, len(wanted) // 2), torch.float32)
    assert found.shape == (2, len(wanted) // 2)
    assert np.array_equal(found.float().numpy().ravel(), wanted, equal_nan=True)


@pytest.mark.parametrize("name", ["F16", "Q6_K", "Q5_K"])
def test_tensors_are_read_piece_by_piece(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    kind = gguf.GGMLQuantizationType[name]
    raw = memoryview(random_blocks(kind, 7 * 256 // gguf.GGML_QUANT_SIZES[kind][0], seed=3))
    whole = dequantize(raw, kind, (7, 256), torch.bfloat16)
    monkeypatch.setattr("weft.runtime.models.gguf_blocks.AT_ONCE", 512)
    pieces = dequantize(raw, kind, (7, 256), torch.bfloat16)
    assert torch.equal(pieces.view(torch.int16), whole.view(torch.int16))


@pytest.mark.parametrize("name", ["F32", "F16", "BF16", "Q8_0", "Q4_0"])
def test_values_are_near_those_that_were_written(name: str) -> None:
    values = np.random.default_rng(0).standard_normal((4, 64), dtype=np.float32)
    kind = gguf.GGMLQuantizationType[name]
    packed = gguf.quants.quantize(values, kind)
    found = dequantize(memoryview(packed.view(np.uint8).ravel()), kind, (4, 64), torch.float32)
    error = (found.float() - torch.from_numpy(values)).abs().max()
    assert error <= {"F32": 0, "F16": 1e-2, "BF16": 2e-2, "Q8_0": 2e-2, "Q4_0": 0.5}[name]


def scores(model: Path, **options: Any) -> list[float]:
    text = tuple(range(40, 90))
    with Engine(model, device="cpu", dtype="float32", **options) as engine:
        request = ScoreRequest(id="x", prompt=text[:1], choices=(text[1:],))
        return list(engine.score(request).result(60).token_logprobs[0])


def dequantised(folder: Path, kind: str, made: Path) -> Path:
    """The folder with each matrix as `gguf` quantises it and back."""
    made.mkdir()
    for file in folder.iterdir():
        if file.suffix == ".json":
            (made / file.name).write_bytes(file.read_bytes())
    tensors = load_file(folder / "model.safetensors")
    quantised = gguf.GGMLQuantizationType[kind]
    for name, tensor in tensors.items():
        if tensor.dim() == 2:
            rounded = gguf.quants.dequantize(gguf.quants.quantize(tensor.numpy(), quantised), quantised)
            tensors[name] = torch.from_numpy(np.ascontiguousarray(rounded))
    save_file(tensors, made / "model.safetensors")
    return made


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16", "Q8_0", "Q4_0"])
def test_a_file_answers_as_the_folder_of_the_same_numbers(folder: Path, tmp_path: Path, kind: str) -> None:
    file = write_gguf(folder, tmp_path / "model.gguf", kind)
    assert scores(file) == scores(dequantised(folder, kind, tmp_path / "same"))


def test_f16_is_near_the_folder_it_was_made_of(folder: Path, tmp_path: Path) -> None:
    file = write_gguf(folder, tmp_path / "model.gguf", "F16")
    assert scores(file) == pytest.approx(scores(folder), abs=2e-2)


@pytest.mark.parametrize(
    "changes",
    [{"tie_word_embeddings": True}, {"head_dim": 32, "num_key_value_heads": 1}, {"num_key_value_heads": 4}],
    ids=str,
)
def test_shapes_are_read_from_the_metadata(tmp_path: Path, changes: dict[str, object]) -> None:
    made = byte_level(write_llama(tmp_path / "tiny", vocab_size=416, **changes), "gpt-2")
    assert scores(write_gguf(made, tmp_path / "model.gguf", "F32")) == scores(made)


@pytest.mark.parametrize("architecture", ["qwen2", "qwen3"])
def test_qwens_files_answer_as_their_folders(tmp_path: Path, architecture: str) -> None:
    made = write_model(tmp_path / "tiny", architecture.title(), vocab_size=416, head_dim=16)
    byte_level(made, "qwen2")
    file = write_gguf(made, tmp_path / "model.gguf", "F32", architecture=architecture)
    assert scores(file) == scores(made)


def test_a_file_is_served_by_its_name_with_its_tokenizer(folder: Path, tmp_path: Path) -> None:
    file = write_gguf(folder, tmp_path / "little-llama.gguf", "Q8_0")
    request = GenerateRequest(id="x", prompt="the name", sampling=Sampling(max_tokens=8, ignore_eos=True))
    with Engine(file, device="cpu") as ours, Engine(folder, device="cpu") as theirs:
        assert ours.name == "little-llama"
        assert ours.tokenizer.encode("the name") == theirs.tokenizer.encode("the name")
        assert len(ours.generate(request).result(60).token_ids) == 8


def test_it_may_be_quantised_again(folder: Path, tmp_path: Path) -> None:
    file = write_gguf(folder, tmp_path / "model.gguf", "Q8_0")
    found = scores(file, quantization="int8")
    assert found == pytest.approx(scores(folder), abs=0.5)


def test_llama3s_rope_scaling_is_told_from_its_divisors(folder: Path, tmp_path: Path) -> None:
    scaling = {
        "rope_type": "llama3",
        "factor": 32.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    }
    divisors = llama3_divisors(1e4, 16, scaling).float()
    config, _ = open_checkpoint(with_divisors(folder, tmp_path / "a.gguf", divisors))
    assert config.raw["rope_scaling"] == scaling
    with pytest.raises(ModelError, match=r"b\.gguf: rope_freqs\.weight is not"):
        open_checkpoint(with_divisors(folder, tmp_path / "b.gguf", divisors.square()))


def with_divisors(folder: Path, path: Path, divisors: torch.Tensor) -> Path:
    writer = gguf.GGUFWriter(path, "llama")
    reader = gguf.GGUFReader(write_gguf(folder, path.with_suffix(".whole"), "F32"))
    for field in reader.fields.values():
        if field.name.startswith("llama."):
            writer.add_key_value(field.name, field.contents(), field.types[0])
    writer.add_tensor("rope_freqs.weight", divisors.numpy())
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_llama3s_divisors_are_those_of_transformers() -> None:
    from transformers import LlamaConfig
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    scaling = {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    }
    config = LlamaConfig(rope_parameters={**scaling, "rope_theta": 5e5}, hidden_size=512, num_attention_heads=4)
    scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config, torch.device("cpu"))
    plain = 5e5 ** (-torch.arange(0, 128, 2) / 128)
    assert torch.allclose(plain / llama3_divisors(5e5, 128, scaling).float(), scaled, rtol=1e-5)


def test_the_head_is_read_as_gguf_reads_it(folder: Path, tmp_path: Path) -> None:
    path = write_gguf(
        folder, tmp_path / "model.gguf", "Q8_0", **{"test.text": "ä", "test.number": -1.5, "test.count": 7}
    )
    ours, theirs = GgufFile(path), gguf.GGUFReader(path)
    wanted = {field.name: field.contents() for field in theirs.fields.values() if not field.name.startswith("GGUF.")}
    assert ours.metadata == wanted
    for tensor in theirs.tensors:
        info = ours.tensors[tensor.name]
        assert (info.start, info.size, info.type) == (tensor.data_offset, tensor.n_bytes, tensor.tensor_type)
        assert list(info.shape) == list(tensor.shape)[::-1]


def test_a_foreign_file_is_refused_by_name(tmp_path: Path) -> None:
    for name, content in (
        ("empty.gguf", b""),
        ("foreign.gguf", b"PK\3\4" * 100),
        ("old.gguf", b"GGUF\1\0\0\0" + bytes(40)),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelError, match=name):
            Engine(tmp_path / name, device="cpu")
    (tmp_path / "model.bin").write_bytes(b"GGUF")
    with pytest.raises(ModelError, match=r"model\.bin is a file"):
        Engine(tmp_path / "model.bin", device="cpu")


def test_a_file_cut_off_anywhere_is_refused_by_name(folder: Path, tmp_path: Path) -> None:
    whole = write_gguf(folder, tmp_path / "whole.gguf", "Q8_0").read_bytes()
    cut = tmp_path / "cut.gguf"
    for length in [*range(1, 400, 7), *range(400, len(whole), 997), len(whole) - 40]:
        cut.write_bytes(whole[:length])
        with pytest.raises(ModelError, match=r"cut\.gguf"):
            GgufFile(cut)


def test_damaged_heads_are_refused_or_read_but_never_crash(folder: Path, tmp_path: Path) -> None:
    whole = bytearray(write_gguf(folder, tmp_path / "whole.gguf", "F16").read_bytes())
    damaged = tmp_path / "damaged.gguf"
    random = np.random.default_rng(0)
    for _ in range(60):
        copy = whole.copy()
        copy[int(random.integers(4, 6000))] ^= int(random.integers(1, 256))
        damaged.write_bytes(copy)
        try:
            open_checkpoint(damaged)
        except ModelError as error:
            assert "damaged.gguf" in error.message


def test_an_unknown_architecture_is_refused_with_the_known_ones(folder: Path, tmp_path: Path) -> None:
    file = write_gguf(folder, tmp_path / "model.gguf", "F32", architecture="mamba")
    with pytest.raises(ModelError, match=r"model\.gguf: .*'mamba' is not known; known are: llama, qwen2, qwen3"):
        Engine(file, device="cpu")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"llama.expert_count": 8}, "with experts"),
        ({"llama.attention.sliding_window": 64}, r"llama\.attention\.sliding_window is not supported"),
        ({"split.count": 3}, r"model\.gguf is one of 3 parts"),
        ({"llama.rope.scaling.type": "longrope"}, "'longrope' is not supported"),
        ({"llama.rope.dimension_count": 8}, r"llama\.rope\.dimension_count is 8, but heads are 16 wide"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(
    folder: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    file = write_gguf(folder, tmp_path / "model.gguf", "F32", **changes)
    with pytest.raises(ModelError, match=message):
        Engine(file, device="cpu")


def test_a_missing_key_is_named(folder: Path, tmp_path: Path) -> None:
    file = write_gguf(folder, tmp_path / "model.gguf", "F32")
    file.write_bytes(file.read_bytes().replace(b"llama.block_count", b"llama.black_count"))
    with pytest.raises(ModelError, match=r"model\.gguf: its metadata has no 'llama\.block_count'"):
        Engine(file, device="cpu")


def test_the_config_is_the_folders(folder: Path, tmp_path: Path) -> None:
    config, _ = open_checkpoint(write_gguf(folder, tmp_path / "model.gguf", "F16"))
    wanted, _ = open_checkpoint(folder)
    for name in ("vocab_size", "hidden_size", "num_layers", "num_heads", "num_kv_heads", "head_dim", "max_positions"):
        assert getattr(config, name) == getattr(wanted, name)
    assert config.rms_norm_eps == pytest.approx(wanted.rms_norm_eps)
    assert json.loads((folder / "config.json").read_text())["architectures"] == [config.architecture]
