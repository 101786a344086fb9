"""Broken model folders are refused with the file, the tensor or the field at fault."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from weft.errors import InvalidRequest, ModelError
from weft.request import GenerateRequest, Sampling
from weft.runtime import Engine
from weft.runtime.loader import paced
from weft.runtime.models.config import ModelConfig
from weft.runtime.models.loading import Weights
from weft.runtime.models.registry import build
from weft.runtime.models.source import SafetensorsFolder


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_folder, tmp_path / "model"))


def edit_config(folder: Path, **changes: object) -> None:
    file = folder / "config.json"
    config = json.loads(file.read_text())
    config.update(changes)
    file.write_text(json.dumps({name: value for name, value in config.items() if value is not ...}))


def edit_weights(folder: Path, changes: dict[str, torch.Tensor | None]) -> None:
    file = folder / "model.safetensors"
    tensors = {**load_file(file), **changes}
    save_file({name: value for name, value in tensors.items() if value is not None}, file)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nowhere"):
        Engine(tmp_path / "nowhere")


def test_an_unknown_architecture_is_named_with_the_known_ones(folder: Path) -> None:
    edit_config(folder, architectures=["GrandioseForCausalLM"])
    with pytest.raises(ModelError, match=r"GrandioseForCausalLM.*LlamaForCausalLM"):
        Engine(folder, device="cpu")


def test_a_missing_field_is_named(folder: Path) -> None:
    edit_config(folder, num_attention_heads=...)
    with pytest.raises(ModelError, match="num_attention_heads"):
        Engine(folder, device="cpu")


def test_heads_that_do_not_divide_are_named(folder: Path) -> None:
    edit_config(folder, num_attention_heads=4, num_key_value_heads=3)
    with pytest.raises(ModelError, match="num_key_value_heads 3"):
        Engine(folder, device="cpu")


@pytest.mark.parametrize("text", ["[]", "3", "{", '{"weight_map": 3}', '{"weight_map": {"a": 3}}'])
@pytest.mark.parametrize("file", ["config.json", "model.safetensors.index.json"])
def test_a_file_of_another_form_is_named(folder: Path, file: str, text: str) -> None:
    (folder / file).write_text(text)
    with pytest.raises(ModelError, match=file):
        Engine(folder, device="cpu")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rope_parameters": {"rope_type": "spiral", "factor": 4.0}}, r"'spiral'.*LlamaForCausalLM.*yarn"),
        ({"rope_scaling": {"type": "linear"}}, "linear.*'factor'"),
        ({"rope_scaling": {"type": "llama3", "factor": 8}}, "llama3.*'low_freq_factor'"),
        ({"rope_scaling": {"type": "longrope", "long_factor": [1.0]}}, "longrope.*8 of 'short_factor'"),
        ({"rope_scaling": ["yarn"]}, "rope"),
        ({"partial_rotary_factor": 0.7}, "11 elements"),
        ({"hidden_act": "gelu"}, "hidden_act 'gelu'"),
        ({"quantization_config": {"quant_method": "papier-mache"}}, "papier-mache"),
        ({"architectures": ["Gemma3ForConditionalGeneration"]}, "Gemma3ForConditionalGeneration"),
        ({"architectures": ["Qwen2ForCausalLM"], "layer_types": ["linear_attention"] * 2}, "'linear_attention'"),
        ({"architectures": ["Qwen2ForCausalLM"], "layer_types": ["full_attention"]}, "2 layers"),
        (
            {"architectures": ["Qwen2ForCausalLM"], "layer_types": ["sliding_attention"] * 2},
            "sliding_window must be a number",
        ),
        ({"architectures": ["MistralForCausalLM"], "sliding_window": 0}, "sliding_window must be at least 1"),
        ({"architectures": ["MistralForCausalLM"], "layer_types": ["full_attention"] * 2}, "layer_types"),
        ({"architectures": ["Gemma2ForCausalLM"], "hidden_activation": "relu"}, "hidden_activation 'relu'"),
        ({"architectures": ["Gemma3ForCausalLM"], "use_bidirectional_attention": True}, "use_bidirectional_attention"),
        ({"architectures": ["Gemma3ForCausalLM"], "attn_logit_softcapping": 50.0}, "attn_logit_softcapping"),
        ({"architectures": ["SmolLM3ForCausalLM"], "no_rope_layers": [1]}, "no_rope_layers"),
        ({"architectures": ["MixtralForCausalLM"], "num_local_experts": "many"}, "num_local_experts"),
    ],
)
def test_a_feature_that_is_not_known_is_refused_by_name(folder: Path, changes: dict[str, object], message: str) -> None:
    edit_config(folder, **changes)
    with pytest.raises(ModelError, match=message):
        Engine(folder, device="cpu")


@pytest.mark.parametrize(
    ("scaling", "context"),
    [
        (None, 512),
        ({"type": "linear", "factor": 2.5}, 1280),
        ({"rope_type": "dynamic", "factor": 2.0}, 1024),
        ({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 256}, 1024),
        ({"rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 64}, 512),
        ({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}, 512),
    ],
)
def test_the_longest_context_is_the_scaled_one(folder: Path, scaling: dict[str, object], context: int) -> None:
    edit_config(folder, rope_scaling=scaling)
    with Engine(folder, device="cpu", num_pages=100) as engine:
        assert engine.context_length == context
    with Engine(folder, device="cpu", num_pages=100, max_context=40) as engine:
        assert engine.context_length == 40


def test_a_missing_tensor_is_named(folder: Path) -> None:
    edit_weights(folder, {"model.layers.1.mlp.up_proj.weight": None})
    with pytest.raises(ModelError, match=r"model\.layers\.1\.mlp\.up_proj\.weight"):
        Engine(folder, device="cpu")


def test_a_misshapen_tensor_is_named_with_both_shapes(folder: Path) -> None:
    edit_weights(folder, {"model.norm.weight": torch.zeros(3)})
    with pytest.raises(ModelError, match=r"model\.norm\.weight.*\[3\].*\[64\]"):
        Engine(folder, device="cpu")


def test_a_tensor_nobody_takes_is_named(folder: Path) -> None:
    edit_weights(folder, {"model.layers.0.self_attn.q_norm.weight": torch.ones(16)})
    with pytest.raises(ModelError, match="q_norm"):
        Engine(folder, device="cpu")


def test_rotary_tables_of_old_checkpoints_are_passed_over(folder: Path) -> None:
    edit_weights(folder, {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(8)})
    Engine(folder, device="cpu").close()


def test_a_truncated_file_is_named(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        Engine(folder, device="cpu")


def test_shards_give_the_same_text(folder: Path, tiny_folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    names = sorted(tensors)
    files = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, held in files.items():
        save_file({name: tensors[name] for name in held}, folder / file)
    index = {"weight_map": {name: file for file, held in files.items() for name in held}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "model.safetensors").unlink()
    request = GenerateRequest(id="x", prompt="the name", sampling=Sampling(max_tokens=10))
    with Engine(folder, device="cpu") as sharded, Engine(tiny_folder, device="cpu") as whole:
        assert sharded.generate(request).result(60).text == whole.generate(request).result(60).text


def test_loading_tells_how_far_it_is(folder: Path) -> None:
    told: list[tuple[int, int]] = []
    weights = Weights(
        SafetensorsFolder(folder),
        dtype=torch.float32,
        device=torch.device("cpu"),
        progress=lambda done, count: told.append((done, count)),
    )
    build(ModelConfig.read(folder), weights, batch_invariant=False)
    count = len(load_file(folder / "model.safetensors"))
    assert told == [(done, count) for done in range(1, count + 1)]


def test_progress_is_told_at_most_once_a_second() -> None:
    now = 100.0
    told: list[int] = []
    tell = paced(lambda done, _: told.append(done), clock=lambda: now)
    for done in range(1, 10):
        now += 0.4
        tell(done, 9)
    assert told == [3, 6, 9]


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"page_size": 0}, "page_size"),
        ({"dtype": "int3"}, "dtype"),
        ({"device": "abacus"}, "device"),
        ({"batch_invariant": True, "dtype": "bfloat16"}, "dtype"),
    ],
)
def test_a_bad_option_is_named(tiny_folder: Path, options: dict[str, object], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Engine(tiny_folder, **options)  # type: ignore[arg-type]
    assert caught.value.param == param


def test_the_choices_made_come_with_their_reasons(tiny_folder: Path) -> None:
    with Engine(tiny_folder, device="cpu", dtype="bfloat16") as engine:
        assert engine.choices[0] == "device: cpu, because it was asked for"
        assert engine.choices[1] == "dtype: bfloat16, because it was asked for"
        assert any(choice.startswith("grammar engine: ") for choice in engine.choices)
        assert engine.generate(GenerateRequest(id="x", prompt="a", sampling=Sampling(max_tokens=3))).result(60)


def test_a_load_that_is_given_up_leaves_no_thread(tiny_folder: Path) -> None:
    def progress(stage: str) -> None:
        if "weights" in stage:
            raise KeyboardInterrupt

    before = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt):
        Engine(tiny_folder, device="cpu", progress=progress)
    assert {thread.name for thread in set(threading.enumerate()) - before} == set()
