"""Folders quantised as GPTQ, AWQ and compressed-tensors answer as the floats that they stand for, or are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from packed_folders import Drawn, awq, compressed, draw, gptq, packed, write
from safetensors.torch import load_file, save_file
from torch import Tensor

from weft.errors import ModelError
from weft.request import ScoreRequest
from weft.runtime import Engine
from weft.runtime.models.checkpoint import METHODS
from weft.runtime.models.quantized_folder import unpacked

GPTQ = {"quant_method": "gptq", "bits": 4, "group_size": 32, "desc_act": False, "sym": False}
AWQ = {"quant_method": "awq", "bits": 4, "group_size": 32, "zero_point": True, "version": "gemm"}


def packed_config(**weights: Any) -> dict[str, Any]:
    scheme = {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 32, "symmetric": False, **weights}
    group = {"targets": ["Linear"], "weights": scheme, "input_activations": None, "output_activations": None}
    return {
        "quant_method": "compressed-tensors",
        "format": "pack-quantized",
        "config_groups": {"group_0": group},
        "ignore": ["lm_head"],
    }


Case = tuple[dict[str, Any], Callable[[Drawn], dict[str, Tensor]], dict[str, Any]]
CASES: dict[str, Case] = {
    "gptq": (GPTQ, gptq, {"size": 32}),
    "gptq-act": ({**GPTQ, "desc_act": True}, gptq, {"size": 32, "ordered": False}),
    "gptq-one-group": ({**GPTQ, "group_size": -1}, gptq, {"size": -1}),
    "gptq-8-bits": ({**GPTQ, "bits": 8}, partial(gptq, bits=8), {"size": 32, "bits": 8}),
    "gptq-v2": ({**GPTQ, "checkpoint_format": "gptq_v2"}, partial(gptq, version=2), {"size": 32}),
    "awq": (AWQ, awq, {"size": 32}),
    "awq-w_bit": ({"quant_method": "awq", "w_bit": 4, "q_group_size": 16, "version": "GEMM"}, awq, {"size": 16}),
    "packed": (packed_config(), compressed, {"size": 32}),
    "packed-symmetric": (
        packed_config(symmetric=True),
        partial(compressed, symmetric=True),
        {"size": 32, "symmetric": True},
    ),
    "packed-act": (
        packed_config(actorder="group"),
        partial(compressed, ordered=False),
        {"size": 32, "ordered": False},
    ),
    "packed-channel": (packed_config(strategy="channel", group_size=None), compressed, {"size": -1}),
    "packed-8-bits": (packed_config(num_bits=8), partial(compressed, bits=8), {"size": 32, "bits": 8}),
}


@pytest.mark.parametrize("name", CASES)
def test_a_layer_is_read_as_it_was_packed(name: str) -> None:
    config, pack, drawn = CASES[name]
    for outputs, width in ((64, 96), (8, 32), (128, 64)):
        layer = draw(outputs, width, **drawn)
        read = METHODS[config["quant_method"]](config).read(pack(layer))
        assert torch.equal(read.values.long(), layer.values)
        assert torch.equal(read.weight(), layer.weight())


def scores(folder: Path, **options: Any) -> list[float]:
    text = tuple(range(40, 90))
    with Engine(folder, device="cpu", dtype="float32", **options) as engine:
        request = ScoreRequest(id="x", prompt=text[:1], choices=(text[1:],))
        found = list(engine.score(request).result(60).token_logprobs[0])
        if "quantised" in folder.name:
            assert any(line.startswith("weights: 14 layers are quantised by ") for line in engine.choices)
        return found


@pytest.mark.parametrize("name", ["gptq-act", "awq", "packed"])
def test_a_folder_answers_as_its_floats(tiny_folder: Path, tmp_path: Path, name: str) -> None:
    config, pack, drawn = CASES[name]
    quantised, plain = write(tiny_folder, tmp_path, config, pack, **drawn)
    assert scores(quantised) == scores(plain)


def test_it_may_be_quantised_again(tiny_folder: Path, tmp_path: Path) -> None:
    quantised, plain = write(tiny_folder, tmp_path, GPTQ, gptq, size=32)
    assert scores(quantised, quantization="int8") == scores(plain, quantization="int8")


def test_biases_of_zeros_are_passed_over_and_others_are_not(tiny_folder: Path, tmp_path: Path) -> None:
    quantised, plain = write(tiny_folder, tmp_path, GPTQ, gptq, size=32)
    file = quantised / "model.safetensors"
    tensors = load_file(file)
    name = "model.layers.0.self_attn.q_proj.bias"
    save_file({**tensors, name: torch.zeros(64)}, file)
    assert scores(quantised) == scores(plain)
    save_file({**tensors, name: torch.ones(64)}, file)
    with pytest.raises(ModelError, match=r"q_proj\.bias"):
        Engine(quantised, device="cpu")


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("dim", [0, 1])
def test_words_are_unpacked_as_they_were_packed(bits: int, dim: int) -> None:
    numbers = torch.randint(0, 1 << bits, (32, 48))
    assert torch.equal(unpacked(packed(numbers, bits, dim), bits, dim).long(), numbers)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"quant_method": "bitsandbytes"},
            r"'bitsandbytes' are not supported; known are: gptq, awq, compressed-tensors",
        ),
        ({**GPTQ, "bits": 3}, "bits 3 is not supported"),
        ({**GPTQ, "checkpoint_format": "marlin"}, "checkpoint_format 'marlin'"),
        ({**GPTQ, "is_marlin_format": True}, "Marlin"),
        ({**GPTQ, "dynamic": {"a": {}}}, "differ by module"),
        ({**GPTQ, "group_size": "many"}, "group_size must be a number of inputs or -1, not 'many'"),
        ({**AWQ, "version": "gemv"}, "version 'gemv'"),
        ({**AWQ, "zero_point": False}, "zero_point False"),
        ({**packed_config(), "format": "nvfp4-pack-quantized"}, "format 'nvfp4-pack-quantized'"),
        (packed_config(num_bits=3), "num_bits 3"),
        (packed_config(type="float"), "type 'float'"),
        (packed_config(strategy="block"), "strategy 'block'"),
        ({**packed_config(), "config_groups": {}}, "config_groups is missing"),
        ({**packed_config(), "kv_cache_scheme": {"num_bits": 8}}, "KV cache"),
        ("gptq", "must be an object"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(
    tiny_folder: Path, tmp_path: Path, config: object, message: str
) -> None:
    described = json.loads((tiny_folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**described, "quantization_config": config}))
    (tmp_path / "tokenizer.json").write_bytes((tiny_folder / "tokenizer.json").read_bytes())
    (tmp_path / "tokenizer_config.json").write_bytes((tiny_folder / "tokenizer_config.json").read_bytes())
    with pytest.raises(ModelError, match=rf"config\.json: .*{message}"):
        Engine(tmp_path, device="cpu")


def test_quantised_activations_are_refused(tiny_folder: Path) -> None:
    config = packed_config()
    config["config_groups"]["group_0"]["input_activations"] = {"num_bits": 8}
    with pytest.raises(ModelError, match="quantised input_activations"):
        METHODS["compressed-tensors"](config)


@pytest.mark.parametrize(
    ("part", "change"),
    [("qzeros", None), ("scales", lambda held: held[:, :-1]), ("g_idx", lambda held: held + 100)],
)
def test_tensors_that_do_not_fit_are_named(tiny_folder: Path, tmp_path: Path, part: str, change: Any) -> None:
    quantised, _ = write(tiny_folder, tmp_path, GPTQ, gptq, size=32)
    file = quantised / "model.safetensors"
    tensors = load_file(file)
    name = f"model.layers.1.mlp.up_proj.{part}"
    held = tensors.pop(name)
    if change is not None:
        tensors[name] = change(held).contiguous()
    save_file(tensors, file)
    with pytest.raises(ModelError, match=rf"model\.layers\.1\.mlp\.up_proj.*{part}"):
        Engine(quantised, device="cpu")
