"""Where a model is: a folder, a GGUF file, or the built-in model's name."""

from __future__ import annotations

from pathlib import Path

from ..errors import ModelError
from .gguf_file import SUFFIX

BUILTIN = "seedling"


def resolve(model: str | Path | None) -> tuple[str, Path]:
    """(name to serve it under, folder or GGUF file) of a model; None and "seedling" are the model that weft brings.

    Raises `ModelError` where there is no such thing.
    """
    if model is None or model == BUILTIN:
        return BUILTIN, Path(__file__).resolve().parent.parent / "seedling" / "model"
    folder = Path(model).expanduser()
    if folder.is_file():
        if folder.suffix != SUFFIX:
            raise ModelError(f"{model} is a file, but not a {SUFFIX} one; a model is a folder or such a file")
        return folder.stem, folder
    if not folder.is_dir():
        raise ModelError(f"{model} is not a model folder; {BUILTIN!r} is the built-in model")
    return folder.resolve().name, folder
