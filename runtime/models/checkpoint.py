"""From a path to a model's config and tensors, whatever the files are."""

from __future__ import annotations

from pathlib import Path

from ..gguf_file import SUFFIX, GgufFile
from .config import ModelConfig
from .gguf_config import read_config
from .gguf_source import GgufSource
from .source import SafetensorsFolder, TensorSource


def open_checkpoint(path: Path) -> tuple[ModelConfig, TensorSource]:
    """A Hugging Face folder, or a GGUF file. Raises `ModelError`."""
    if path.suffix == SUFFIX and path.is_file():
        file = GgufFile(path)
        config = read_config(file)
        return config, GgufSource(file, config)
    return ModelConfig.read(path), SafetensorsFolder(path)
