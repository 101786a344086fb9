"""What names a model as it is run: two runs with one fingerprint compute the same KV from the same tokens.

To the bit in `batch_invariant` mode; in the fast mode to the bound that any two batches differ by.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

from ..errors import ModelError

WHOLE_BYTES = 64 << 20
"""A weight file up to that size is hashed whole."""
SAMPLE_BYTES = 512
"""Of a larger file, so many bytes at the beginning, in the middle and at the end of each tensor."""
HEADER_LIMIT = 100 << 20  # as safetensors itself has it


def fingerprint(folder: Path, facts: Mapping[str, object]) -> bytes:
    """32 bytes that stand for a model folder's configuration and weights, and for `facts`.

    Of each weight file go in: its name and size, its header (the tensors' names, shapes and places), and its data:
    whole up to `WHOLE_BYTES`, else samples of each tensor. So weights that differ nowhere in the samples would be taken
    for the same: training changes nearly all of a tensor, but who edits single weights of a large file must clear the
    cache.

    Args:
        facts: whatever else the content of a KV page depends on.

    Raises:
        ModelError: a file cannot be read.
    """
    state = blake2b(digest_size=32, person=b"weft model")
    _add(state, json.dumps({name: str(value) for name, value in facts.items()}, sort_keys=True).encode())
    try:
        for file in sorted([*folder.glob("*config*.json"), *folder.glob("*.safetensors")]):
            _add(state, file.name.encode())
            _add(state, struct.pack("<q", file.stat().st_size))
            if file.suffix == ".json" or file.stat().st_size <= WHOLE_BYTES:
                _add(state, file.read_bytes())
            else:
                _add_samples(state, file)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder}: its files cannot be told apart from another model's: {error}") from error
    return state.digest()


def _add(state: blake2b, part: bytes) -> None:
    """Length first, so that no two lists of parts are the same bytes."""
    state.update(struct.pack("<q", len(part)))
    state.update(part)


def _add_samples(state: blake2b, path: Path) -> None:
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > HEADER_LIMIT:
            raise ValueError(f"{path.name} is not a safetensors file")
        header = file.read(length)
        _add(state, header)
        for name, entry in sorted(json.loads(header).items()):
            if name == "__metadata__":
                continue
            start, end = entry["data_offsets"]
            for at in (start, (start + end) // 2, max(start, end - SAMPLE_BYTES)):
                file.seek(8 + length + at)
                _add(state, file.read(min(SAMPLE_BYTES, end - at)))
