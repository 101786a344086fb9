"""From a path to a model's config and tensors, whatever the files are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...errors import ModelError
from ..gguf_file import MALFORMED, SUFFIX, GgufFile
from .awq import awq
from .compressed_tensors import compressed_tensors
from .config import ModelConfig
from .gguf_config import read_config
from .gguf_source import GgufSource
from .gptq import gptq
from .quantized_folder import Format, QuantizedFolder
from .source import SafetensorsFolder, TensorSource

METHODS: dict[str, Callable[[Mapping[str, Any]], Format]] = {
    "gptq": gptq,
    "awq": awq,
    "compressed-tensors": compressed_tensors,
}
"""Formats of folders that are quantised already, by `quant_method`."""


def open_checkpoint(path: Path) -> tuple[ModelConfig, TensorSource]:
    """A Hugging Face folder, quantised or not, or a GGUF file.

    Raises `ModelError`, for a way of quantising that is not known with its name and the known ones.
    """
    if path.suffix == SUFFIX and path.is_file():
        try:
            file = GgufFile(path)
            config = read_config(file)
            return config, GgufSource(file, config)
        except MALFORMED as error:
            raise ModelError(f"{path}: its metadata cannot be read: {error!r}") from error
    config = ModelConfig.read(path)
    format = _format(path, config.raw.get("quantization_config"))  # before the files: what is refused need not be read
    folder = SafetensorsFolder(path)
    return config, folder if format is None else QuantizedFolder(folder, format)


def _format(path: Path, config: Any) -> Format | None:
    if not config:
        return None
    file = path / "config.json"
    if not isinstance(config, dict):
        raise ModelError(f"{file}: quantization_config must be an object")
    method = config.get("quant_method")
    if not isinstance(method, str) or method not in METHODS:
        known = ", ".join(METHODS)
        raise ModelError(f"{file}: weights quantised by {method!r} are not supported; known are: {known}")
    try:
        return METHODS[method](config)
    except ModelError as error:
        raise ModelError(f"{file}: {error.message}") from error
    except MALFORMED as error:
        raise ModelError(f"{file}: quantization_config cannot be read: {error!r}") from error
