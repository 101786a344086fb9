"""Loading needs hardly more memory than the weights that stay: its peak is measured in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from checkout import ROOT
from safetensors.torch import save_file

SHAPE = {"hidden_size": 512, "intermediate_size": 1536, "num_hidden_layers": 12, "num_attention_heads": 8}
MEASURE = """
import sys
from functools import partial
from pathlib import Path

import torch

from weft.kernels.linear.layer import Dense
from weft.kernels.linear.quantized import MakeQuantized
from weft.runtime.models.config import ModelConfig
from weft.runtime.models.loading import Weights
from weft.runtime.models.registry import build
from weft.runtime.models.source import SafetensorsFolder

def status(name):
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) << 10

folder, dtype, kind = Path(sys.argv[1]), getattr(torch, sys.argv[2]), sys.argv[3]
torch.ones(256, 256) @ torch.ones(256, 256)  # what the first product allocates is none of ours
Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
before = status("VmRSS")
make = MakeQuantized(kind) if kind != "none" else Dense
weights = Weights(SafetensorsFolder(folder), dtype=dtype, device=torch.device("cpu"), make_linear=make)
model = build(ModelConfig.read(folder), weights, batch_invariant=False)
print((status("VmHWM") - before) / (status("VmRSS") - before), (status("VmRSS") - before) >> 20)
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One Llama of 41 million parameters as float32 and as bfloat16."""
    config = {
        **SHAPE,
        "architectures": ["LlamaForCausalLM"],
        "vocab_size": 1000,
        "max_position_embeddings": 1_000_000,  # tables of positions take memory as sequences reach them
        "rms_norm_eps": 1e-5,
        "tie_word_embeddings": True,
    }
    width, inner = 512, 1536
    shapes = {f"self_attn.{name}_proj": (width, width) for name in "qkvo"}
    shapes |= {"mlp.gate_proj": (inner, width), "mlp.up_proj": (inner, width), "mlp.down_proj": (width, inner)}
    norms = ("input_layernorm", "post_attention_layernorm")
    found = {}
    for name in ("float32", "bfloat16"):
        folder = tmp_path_factory.mktemp(name)
        (folder / "config.json").write_text(json.dumps(config))
        dtype = getattr(torch, name)
        tensors = {"model.embed_tokens.weight": torch.ones(1000, width, dtype=dtype)}
        tensors["model.norm.weight"] = torch.ones(width, dtype=dtype)
        for layer in range(SHAPE["num_hidden_layers"]):
            prefix = f"model.layers.{layer}."
            tensors |= {f"{prefix}{name}.weight": torch.ones(shape, dtype=dtype) for name, shape in shapes.items()}
            tensors |= {f"{prefix}{name}.weight": torch.ones(width, dtype=dtype) for name in norms}
        save_file(tensors, folder / "model.safetensors")
        found[name] = folder
    return found


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc to see a process's peak")
@pytest.mark.parametrize(
    ("stored", "dtype", "kind"),
    [("float32", "float32", "none"), ("bfloat16", "float32", "none"), ("bfloat16", "bfloat16", "int8")],
)
def test_the_peak_is_little_above_what_stays(folders: dict[str, Path], stored: str, dtype: str, kind: str) -> None:
    command = [sys.executable, "-c", MEASURE, str(folders[stored]), dtype, kind]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    ratio, resident = map(float, done.stdout.split())
    assert resident > 30, "the weights are not what is measured"
    assert ratio <= 1.1, done.stdout
