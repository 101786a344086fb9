"""Numbers of any dtype, by address and sixteen at a time, for CPU kernels that Numba compiles.

Numba knows neither bfloat16 nor vectors. Here a tensor is an address (`Tensor.data_ptr`) and a *kind*: an empty array
whose dtype stands for the tensor's, so that each dtype gets a compiled version of its own. The functions marked as
intrinsics emit LLVM instructions on vectors of sixteen float32, which LLVM fits to whatever vectors the CPU has.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from ..numba_cache import drop_stale

drop_stale(Path(__file__).parent)

LANES = 16
_FLOAT, _HALF, _INT16, _INT32, _INT64 = ir.FloatType(), ir.HalfType(), ir.IntType(16), ir.IntType(32), ir.IntType(64)
_FLOATS, _HALVES = ir.VectorType(_FLOAT, LANES), ir.VectorType(_HALF, LANES)
_SHORTS, _WORDS = ir.VectorType(_INT16, LANES), ir.VectorType(_INT32, LANES)

KINDS = {
    torch.float32: np.empty(0, np.float32),
    torch.bfloat16: np.empty(0, np.uint16),
    torch.float16: np.empty(0, np.int16),
}
"""What stands for a dtype as an argument of a compiled function. Sixteen-bit floats go by integers of their size."""

SAFE = {"reassoc", "contract", "nsz"}
"""What LLVM may do with floats: sum in another order and fuse, but not take NaN or infinity for impossible."""

compiled: Any = njit(cache=True, nogil=True, error_model="numpy", fastmath=SAFE)
inlined: Any = njit(inline="always", error_model="numpy", fastmath=SAFE)

_LOG2_E = np.float32(1.4426950408889634)
_LEAST, _MOST = np.float32(-126.0), np.float32(127.0)


def load(builder: Any, address: Any, index: Any, kind: Any) -> Any:
    """Sixteen numbers of a kind's dtype from `address`, an i64, and an index in elements, as float32."""
    if kind.dtype == types.float32:
        return builder.load(_at(builder, address, index, _FLOAT, _FLOATS), align=4)
    raw = builder.load(_at(builder, address, index, _INT16, _SHORTS), align=2)
    if kind.dtype == types.int16:
        return builder.fpext(builder.bitcast(raw, _HALVES), _FLOATS)
    wide = builder.zext(raw, _WORDS)
    return builder.bitcast(builder.shl(wide, ir.Constant(_WORDS, [16] * LANES)), _FLOATS)


def load_floats(builder: Any, address: Any, index: Any) -> Any:
    """Sixteen float32."""
    return builder.load(_at(builder, address, index, _FLOAT, _FLOATS), align=4)


def store_floats(builder: Any, address: Any, index: Any, value: Any) -> None:
    """The opposite of `load_floats`."""
    builder.store(value, _at(builder, address, index, _FLOAT, _FLOATS), align=4)


def splat(builder: Any, address: Any, index: Any) -> Any:
    """One float32, sixteen times."""
    value = builder.load(_at(builder, address, index, _FLOAT, _FLOAT), align=4)
    first = builder.insert_element(ir.Constant(_FLOATS, ir.Undefined), value, ir.Constant(_INT32, 0))
    return builder.shuffle_vector(first, ir.Constant(_FLOATS, ir.Undefined), ir.Constant(_WORDS, [0] * LANES))


def multiply_add(builder: Any, x: Any, y: Any, z: Any) -> Any:
    """x * y + z, rounded once."""
    kind: Any = ir.FunctionType(_FLOATS, [_FLOATS] * 3)
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.fma.v16f32"), [x, y, z])


def total(builder: Any, x: Any) -> Any:
    """The sum of sixteen float32, pairwise."""
    kind: Any = ir.FunctionType(_FLOAT, [_FLOAT, _FLOATS])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.vector.reduce.fadd.v16f32")
    return builder.call(function, [ir.Constant(_FLOAT, -0.0), x], fastmath=("reassoc",))


def store_float(builder: Any, address: Any, index: Any, value: Any) -> None:
    """One float32."""
    builder.store(value, _at(builder, address, index, _FLOAT, _FLOAT), align=4)


def number(value: int) -> Any:
    """A constant index."""
    return ir.Constant(_INT64, value)


def _at(builder: Any, address: Any, index: Any, element: Any, what: Any) -> Any:
    """A pointer to `what` at `address` plus `index` elements."""
    first = builder.inttoptr(address, ir.PointerType(element))
    return builder.bitcast(builder.gep(first, [index]), ir.PointerType(what))


@intrinsic
def read(_context: Any, kind: Any, address: Any, index: Any) -> Any:
    """One number of a kind's dtype as float32."""

    def emit(_: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        _, place, at = arguments
        if kind.dtype == types.float32:
            return builder.load(_at(builder, place, at, _FLOAT, _FLOAT), align=4)
        if kind.dtype == types.int16:
            return builder.fpext(builder.load(_at(builder, place, at, _HALF, _HALF), align=2), _FLOAT)
        wide = builder.zext(builder.load(_at(builder, place, at, _INT16, _INT16), align=2), _INT32)
        return builder.bitcast(builder.shl(wide, ir.Constant(_INT32, 16)), _FLOAT)

    return types.float32(kind, types.int64, types.int64), emit


@intrinsic
def write(_context: Any, kind: Any, address: Any, index: Any, value: Any) -> Any:
    """Store one float32 in a kind's dtype, rounded to the nearest, ties to even."""

    def emit(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        _, place, at, number = arguments
        if kind.dtype == types.float32:
            builder.store(number, _at(builder, place, at, _FLOAT, _FLOAT), align=4)
        elif kind.dtype == types.int16:
            builder.store(builder.fptrunc(number, _HALF), _at(builder, place, at, _HALF, _HALF), align=2)
        else:
            bits = builder.bitcast(number, _INT32)
            sixteen = ir.Constant(_INT32, 16)
            odd = builder.and_(builder.lshr(bits, sixteen), ir.Constant(_INT32, 1))
            rounded = builder.add(bits, builder.add(odd, ir.Constant(_INT32, 0x7FFF)))
            magnitude = builder.and_(bits, ir.Constant(_INT32, 0x7FFFFFFF))
            is_nan = builder.icmp_unsigned(">", magnitude, ir.Constant(_INT32, 0x7F800000))
            rounded = builder.select(is_nan, ir.Constant(_INT32, 0x7FC00000), rounded)
            short = builder.trunc(builder.lshr(rounded, sixteen), _INT16)
            builder.store(short, _at(builder, place, at, _INT16, _INT16), align=2)
        return context.get_dummy_value()

    return types.void(kind, types.int64, types.int64, types.float32), emit


@intrinsic
def bits_of(_context: Any, value: Any) -> Any:
    """The 32 bits of a float32."""

    def emit(_: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], _INT32)

    return types.int32(types.float32), emit


@intrinsic
def float_of(_context: Any, bits: Any) -> Any:
    """The float32 of 32 bits."""

    def emit(_: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], _FLOAT)

    return types.float32(types.int32), emit


@inlined
def exp(x):
    """exp of a float32 in [-87, 88], to about 2e-7 of it; at the ends of that beyond it. NaN gives one of the ends.

    2^y is 2^floor(y) by its exponent's bits and a polynomial for the rest; a loop of it runs on vectors.
    """
    y = min(max(x * _LOG2_E, _LEAST), _MOST)
    whole = np.floor(y)
    rest = y - whole
    power = np.float32(1.8775767e-3)
    power = power * rest + np.float32(8.9893397e-3)
    power = power * rest + np.float32(5.5826318e-2)
    power = power * rest + np.float32(2.4015361e-1)
    power = power * rest + np.float32(6.9315308e-1)
    power = power * rest + np.float32(9.9999994e-1)
    return float_of((np.int32(whole) + np.int32(127)) << np.int32(23)) * power
