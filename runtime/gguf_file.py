"""A GGUF file's head: its metadata, and where each tensor lies. Imports no torch.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Version 2 and 3, little-endian. The head is read
here and not by the `gguf` package's reader because that makes an object for each of a vocabulary's several hundred
thousand strings; the package knows the tensors' types and sizes, and turns them into numbers.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from ..errors import ModelError

SUFFIX = ".gguf"
MALFORMED = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RuntimeError)
"""What reading a field of the wrong kind ends in, of this and other files that come from anywhere."""
_SCALARS = dict(enumerate(("<B", "<b", "<H", "<h", "<I", "<i", "<f", "<?", "", "", "<Q", "<q", "<d")))
_STRING, _ARRAY = 8, 9
_MOST_DIMENSIONS = 4


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """Where a tensor lies.

    Attributes:
        type: ggml's number of its type, as `gguf.GGMLQuantizationType` has it.
        shape: as torch counts: rows first. The file has it the other way round.
        start: its first byte in the file.
        size: bytes.
    """

    type: int
    shape: tuple[int, ...]
    start: int
    size: int


class GgufFile:
    """A file's metadata and tensors.

    Attributes:
        path: the file.
        metadata: values by key: numbers, booleans, strings and lists of them.
        tensors: by the file's names.

    Raises `ModelError` naming the file, where it is no GGUF file, or is cut off.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise ModelError(f"{path} cannot be read: {error}") from error
        if self._bytes[:4] != b"GGUF":
            raise ModelError(f"{path} is no GGUF file: it does not begin with 'GGUF'")
        self._at = 4
        try:
            self.metadata, self.tensors = self._head()
        except (struct.error, UnicodeDecodeError, OverflowError, MemoryError) as error:
            raise ModelError(f"{path} is cut off or damaged: {error} at byte {self._at}") from error

    def data(self, name: str) -> memoryview:
        """The bytes of the tensor `name`, as they are mapped."""
        info = self.tensors[name]
        return memoryview(self._bytes)[info.start : info.start + info.size]

    def need(self, key: str) -> Any:
        """The value of a key that must be there. Raises `ModelError`."""
        if key not in self.metadata:
            raise ModelError(f"{self.path}: its metadata has no {key!r}")
        return self.metadata[key]

    def _head(self) -> tuple[dict[str, Any], dict[str, TensorInfo]]:
        version = self._scalar("<I")
        if version not in (2, 3):
            raise ModelError(f"{self.path}: GGUF version {version} is not known; 2 and 3 are (little-endian)")
        tensors, keys = self._scalar("<Q"), self._scalar("<Q")
        metadata: dict[str, Any] = {}
        for _ in range(keys):
            key = self._string()
            metadata[key] = self._value(self._scalar("<I"))
        listed = [self._tensor() for _ in range(tensors)]
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or alignment < 1:
            raise ModelError(f"{self.path}: general.alignment is {alignment!r}")
        start = -(-self._at // alignment) * alignment
        return metadata, {name: self._placed(name, kind, shape, start + offset) for name, kind, shape, offset in listed}

    def _tensor(self) -> tuple[str, int, tuple[int, ...], int]:
        """(name, type, shape, offset from the first tensor)."""
        name, dimensions = self._string(), self._scalar("<I")
        if dimensions > _MOST_DIMENSIONS:
            raise ModelError(f"{self.path}: the tensor {name!r} has {dimensions} dimensions")
        shape = tuple(self._scalar("<Q") for _ in range(dimensions))[::-1]
        return name, self._scalar("<I"), shape, self._scalar("<Q")

    def _placed(self, name: str, kind: int, shape: tuple[int, ...], start: int) -> TensorInfo:
        import gguf

        try:
            block, block_bytes = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType(kind)]
        except (ValueError, KeyError) as error:
            raise ModelError(f"{self.path}: the tensor {name!r} is of type {kind}, which is not known") from error
        if shape and shape[-1] % block:
            raise ModelError(f"{self.path}: the tensor {name!r} of shape {list(shape)} is not made of whole blocks")
        size = prod(shape) // block * block_bytes
        if start + size > len(self._bytes):
            raise ModelError(f"{self.path} is cut off: the tensor {name!r} ends past the file's end")
        return TensorInfo(kind, shape, start, size)

    def _scalar(self, form: str) -> Any:
        (value,) = struct.unpack_from(form, self._bytes, self._at)
        self._at += struct.calcsize(form)
        return value

    def _string(self) -> str:
        length = self._scalar("<Q")
        end = self._at + length
        if end > len(self._bytes):
            raise struct.error(f"a string of {length} bytes goes past the file's end")
        text = self._bytes[self._at : end].decode()
        self._at = end
        return text

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            return self._array()
        return self._scalar(self._form(kind))

    def _array(self) -> list[Any]:
        kind, length = self._scalar("<I"), self._scalar("<Q")
        if kind in (_STRING, _ARRAY):
            if length > len(self._bytes) - self._at:
                raise struct.error(f"a list of {length} values goes past the file's end")
            return [self._value(kind) for _ in range(length)]
        form = self._form(kind)
        size = length * struct.calcsize(form)
        if size > len(self._bytes) - self._at:
            raise struct.error(f"a list of {length} values goes past the file's end")
        values = [value for (value,) in struct.iter_unpack(form, self._bytes[self._at : self._at + size])]
        self._at += size
        return values

    def _form(self, kind: int) -> str:
        form = _SCALARS.get(kind)
        if not form:
            raise ModelError(f"{self.path}: metadata of type {kind} at byte {self._at} is not known")
        return form
