"""What names a model as it is run: two runs with one fingerprint compute the same KV from the same tokens.

To the bit in `batch_invariant` mode; in the fast mode to the bound that any two batches differ by.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

from ..errors import ModelError

WHOLE_BYTES = 64 << 20
"""A weight file up to that size is hashed whole."""
SAMPLE_BYTES = 512
"""Of a larger file, so many bytes at the beginning, in the middle and at the end of each tensor."""
SAMPLES = 4096
"""So many, of a large file that is not a safetensors file."""
PATTERNS = ("*config*.json", "*.safetensors", "*.gguf")
HEADER_LIMIT = 100 << 20  # as safetensors itself has it


def fingerprint(model: Path, facts: Mapping[str, object]) -> bytes:
    """32 bytes that stand for a model's configuration and weights, and for `facts`.

    Of each file go in: its name and size, and its data whole up to `WHOLE_BYTES`; of a larger safetensors file the
    header (the tensors' names, shapes and places) and samples of each tensor, of any other large file samples at even
    distances. So weights that differ nowhere in the samples would be taken for the same: training changes nearly all
    of a tensor, but who edits single weights of a large file must clear the cache.

    Args:
        model: its folder, or its file.
        facts: whatever else the content of a KV page depends on.

    Raises:
        ModelError: a file cannot be read.
    """
    state = blake2b(digest_size=32, person=b"weft model")
    _add(state, json.dumps({name: str(value) for name, value in facts.items()}, sort_keys=True).encode())
    try:
        for path in _files(model):
            size = path.stat().st_size
            _add(state, path.name.encode())
            _add(state, struct.pack("<q", size))
            with path.open("rb") as file:
                if size <= WHOLE_BYTES:
                    _add(state, file.read())
                elif path.suffix == ".safetensors":
                    _add_tensors(state, file)
                else:
                    _add_samples(state, file, range(0, size, max(1, size // SAMPLES)))
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        raise ModelError(f"{model}: its files cannot be told apart from another model's: {error}") from error
    return state.digest()


def _files(model: Path) -> list[Path]:
    if model.is_file():
        return [model]
    return sorted(file for pattern in PATTERNS for file in model.glob(pattern))


def _add(state: blake2b, part: bytes) -> None:
    """Length first, so that no two lists of parts are the same bytes."""
    state.update(struct.pack("<q", len(part)))
    state.update(part)


def _add_tensors(state: blake2b, file: BinaryIO) -> None:
    (length,) = struct.unpack("<Q", file.read(8))
    if length > HEADER_LIMIT:
        raise ValueError(f"{file.name} is not a safetensors file")
    header = file.read(length)
    _add(state, header)
    for name, entry in sorted(json.loads(header).items()):
        if name != "__metadata__":
            start, end = (8 + length + at for at in entry["data_offsets"])
            _add_samples(state, file, (start, (start + end) // 2, max(start, end - SAMPLE_BYTES)))


def _add_samples(state: blake2b, file: BinaryIO, places: Iterable[int]) -> None:
    for place in places:
        file.seek(place)
        _add(state, file.read(SAMPLE_BYTES))
