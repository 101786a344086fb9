"""Fields of the wrong kind in a model's files: a `ModelError` that names the file, whatever they are."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from weft.errors import InvalidRequest, ModelError
from weft.runtime.loader import EngineOptions
from weft.runtime.models.checkpoint import open_checkpoint


@pytest.mark.parametrize(
    "change",
    [
        {"num_attention_heads": 0},
        {"num_attention_heads": "many"},
        {"max_position_embeddings": float("inf")},
        {"vocab_size": None},
        {"architectures": {}},
        {"quantization_config": {"quant_method": []}},
        {"quantization_config": {"quant_method": "compressed-tensors", "config_groups": {"g": "x"}}},
        {
            "quantization_config": {
                "quant_method": "compressed-tensors",
                "format": "pack-quantized",
                "config_groups": {"g": {"weights": "x"}},
            }
        },
    ],
    ids=str,
)
def test_a_config_of_the_wrong_kinds_is_refused_by_file(
    tiny_folder: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_folder, folder)
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(ModelError, match=r"config\.json"):
        open_checkpoint(folder)


def test_an_empty_cache_directory_is_no_directory() -> None:
    with pytest.raises(InvalidRequest, match="cache_dir is empty"):
        EngineOptions(cache_dir="").validate()
