"""Quantised layers: near the float layer, and equal to a plain product of the numbers that they keep."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from weft.kernels.linear import cpu_rows, dynamic_int8, quantize, weight_int4, weight_int8
from weft.kernels.linear.quantize import (
    dequantize_int4,
    dequantize_int8,
    group_of,
    in_pieces,
    pack_int4,
    quantize_int4,
    quantize_int8,
    quantize_rows,
    unpack_int4,
)
from weft.kernels.linear.quantized import KINDS, MakeQuantized

SHAPES = [(48, 64), (16, 96), (17, 100), (1, 7), (320, 33), (64, 2048)]
DTYPES = [torch.float32, torch.bfloat16, torch.float16]
ROUNDING = {torch.float32: 1e-5, torch.bfloat16: 1e-2, torch.float16: 2e-3}
"""How far, relative to the whole, a product in a dtype may be from the exact one."""
LOSS = {"int8": 0.012, "dynamic-int8": 0.018, "int4": 0.12}
"""How far that many bits may be from the float layer, on normally distributed weights."""


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def away(found: Tensor, wanted: Tensor) -> float:
    assert found.shape == wanted.shape
    return float((found.double() - wanted.double()).norm() / wanted.double().norm())


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_is_near_the_float_layer(kind: str, shape: tuple[int, int], dtype: torch.dtype) -> None:
    weight, bias = drawn(*shape).to(dtype), drawn(shape[0], seed=1).to(dtype)
    layer = MakeQuantized(kind)(weight, bias)
    for rows in (1, 3, 40):
        x = drawn(rows, shape[1], seed=rows).to(dtype)
        found = layer(x)
        assert found.dtype == dtype
        exact = x.double() @ weight.double().T + bias.double()
        assert away(found, exact) < LOSS[kind] + ROUNDING[dtype]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_int8_is_the_product_with_its_values(shape: tuple[int, int], dtype: torch.dtype) -> None:
    weight, bias = drawn(*shape).to(dtype), drawn(shape[0], seed=1).to(dtype)
    stands_for = dequantize_int8(*quantize_int8(weight))
    assert away(stands_for, weight) < LOSS["int8"]
    layer = weight_int8.WeightInt8.of(weight, bias)
    for rows in (1, weight_int8.FEW, weight_int8.FEW + 1):
        x = drawn(rows, shape[1], seed=rows).to(dtype)
        exact = x.double() @ stands_for.double().T + bias.double()
        assert away(layer(x), exact) < ROUNDING[dtype]


@pytest.mark.parametrize("group", [32, 64, 128])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_int4_is_the_product_with_its_values(shape: tuple[int, int], dtype: torch.dtype, group: int) -> None:
    weight, bias = drawn(*shape).to(dtype), drawn(shape[0], seed=1).to(dtype)
    values, scales, offsets = quantize_int4(weight, group)
    stands_for = dequantize_int4(values, scales, offsets, group)
    assert (stands_for - weight.float()).abs().max() <= 0.51 * scales.float().max() + offsets.float().abs().max() * 0.01
    layer = weight_int4.quantized(weight, bias, group)
    for rows in (1, 3, 40):
        x = drawn(rows, shape[1], seed=rows).to(dtype)
        exact = x.double() @ stands_for.double().T + bias.double()
        assert away(layer(x), exact) < ROUNDING[dtype]


@pytest.mark.parametrize("quantise", [quantize_int8, quantize_rows, lambda weight: quantize_int4(weight, 32)])
def test_weights_are_quantised_piece_by_piece(monkeypatch: pytest.MonkeyPatch, quantise: Any) -> None:
    weight = drawn(37, 40)
    monkeypatch.setattr(quantize, "_AT_ONCE", 200)
    for found, wanted in zip(in_pieces(quantise, weight), quantise(weight), strict=True):
        assert torch.equal(found, wanted)


def test_int8_widens_large_weights_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    weight, x = drawn(48, 64), drawn(40, 64, seed=1)
    whole = weight_int8.WeightInt8.of(weight)(x)
    for size in (1, 64 * 5, 64 * 16):
        monkeypatch.setattr(weight_int8, "_WIDENED", size)
        assert away(weight_int8.WeightInt8.of(weight)(x), whole) < 1e-6


def test_both_int4_layers_are_taken() -> None:
    assert isinstance(weight_int4.quantized(drawn(48, 64)), weight_int4.PackedInt4)
    odd = weight_int4.quantized(drawn(17, 101))
    assert isinstance(odd, weight_int4.WeightInt4)
    assert odd.packed.shape == (17, 51)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_dynamic_int8_is_the_product_of_whole_numbers(shape: tuple[int, int], dtype: torch.dtype) -> None:
    weight, bias = drawn(*shape).to(dtype), drawn(shape[0], seed=1).to(dtype)
    values, scales = quantize_rows(weight)
    layers = [dynamic_int8.DynamicInt8(values, scales, bias), dynamic_int8.quantized(weight, bias)]
    for rows in (1, 3, 40):
        x = drawn(rows, shape[1], seed=rows).to(dtype)
        q, row_scales = quantize_rows(x)
        total = q.double() @ values.double().T
        exact = total * scales.double() * row_scales.double()[:, None] + bias.double()
        for layer in layers:
            assert away(layer(x), exact) < {torch.float32: 1e-6}.get(dtype, ROUNDING[dtype])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("plain", [False, True], ids=["chosen", "reference"])
def test_a_row_of_dynamic_int8_does_not_depend_on_the_batch(
    shape: tuple[int, int], dtype: torch.dtype, plain: bool
) -> None:
    weight, bias = drawn(*shape).to(dtype), drawn(shape[0], seed=1).to(dtype)
    made = dynamic_int8.quantized(weight, bias)
    layer = dynamic_int8.DynamicInt8(*quantize_rows(weight), bias) if plain else made
    x = drawn(70, shape[1], seed=2).to(dtype)
    x[3] *= 1000
    whole = layer(x)
    for start, stop in ((0, 1), (3, 4), (69, 70), (2, 19), (5, 70)):
        assert torch.equal(layer(x[start:stop]), whole[start:stop])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(1, 1), (3, 17), (40, 100), (2, 2048)], ids=str)
def test_rows_are_quantised_alike_by_the_compiled_pass(shape: tuple[int, int], dtype: torch.dtype) -> None:
    x = (drawn(*shape) * torch.logspace(-42, 30, shape[0])[:, None]).to(dtype)
    x[-1, 0] = 127.5  # halves are rounded to even
    values, scales = quantize_rows(x)
    unsigned, found = cpu_rows.quantize_rows(x)
    assert torch.equal(unsigned.int() - 128, values.int())
    assert torch.equal(found, scales)


def test_rows_of_nothing_and_of_no_number() -> None:
    x = torch.zeros(4, 8)
    x[1, 2], x[2, 3], x[3, 4] = torch.nan, torch.inf, 5e-39
    values, scales = quantize_rows(x)
    assert scales[0] == 0
    assert torch.isnan(scales[1])
    assert torch.isinf(scales[2])
    assert values[0].count_nonzero() == 0
    for layer in (dynamic_int8.DynamicInt8(*quantize_rows(drawn(16, 8))), dynamic_int8.quantized(drawn(16, 8))):
        y = layer(x)
        assert y[0].count_nonzero() == 0
        assert not y[1:3].isfinite().any()
        assert y[3].isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_weights_of_nothing_and_activations_of_great_size(kind: str, dtype: torch.dtype) -> None:
    make = MakeQuantized(kind)
    x = torch.full((40, 64), 100.0, dtype=dtype)
    for rows in (1, 40):
        assert make(torch.zeros(16, 64, dtype=dtype))(x[:rows]).count_nonzero() == 0
        found = make(torch.full((16, 64), 0.5, dtype=dtype))(x[:rows])
        assert (found.float() - 3200).abs().max() < 32


def test_the_oracle_of_whole_numbers_is_exact_at_the_limit() -> None:
    width = 3 * dynamic_int8.EXACT + 5
    values = torch.full((2, width), 127, dtype=torch.int8)
    values[1] = -127
    found = dynamic_int8.DynamicInt8(values, torch.ones(2))(torch.full((1, width), 127.0))
    exact = torch.tensor(float(width * 127 * 127))  # rounded once, to a float32
    assert found.tolist() == [[exact, -exact]]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(48, 64), (17, 100)], ids=str)
def test_no_rows_give_no_rows(kind: str, shape: tuple[int, int]) -> None:
    layer = MakeQuantized(kind)(drawn(*shape), drawn(shape[0]))
    assert layer(torch.empty(0, shape[1])).shape == (0, shape[0])


@pytest.mark.parametrize("width", [1, 2, 7, 64])
def test_packing_four_bits_keeps_them(width: int) -> None:
    values = torch.randint(0, 16, (5, width), dtype=torch.uint8)
    assert torch.equal(unpack_int4(pack_int4(values), width), values)


def test_groups_divide_the_width_where_one_does() -> None:
    assert [group_of(width) for width in (64, 128, 96, 32, 100)] == [64, 64, 32, 32, 64]


def test_a_maker_says_which_way_its_layers_go() -> None:
    make = MakeQuantized("int8")
    make(drawn(48, 64))
    make(drawn(17, 100))
    assert make.explain().startswith("int8 (1 of 2 layers: torch's int8 product")
    assert "1 of 2 layers: reference, because the weight's shape [17, 100]" in make.explain()
    with pytest.raises(ValueError, match="dynamic-int8, not 'int3'"):
        MakeQuantized("int3")


def test_where_onednn_cannot_be_had_the_reference_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Tensor:
        raise RuntimeError("no such primitive\nat all")

    monkeypatch.setattr(dynamic_int8.OnednnInt8, "of", broken)
    dynamic_int8._onednn_fault.cache_clear()
    make = MakeQuantized("dynamic-int8")
    assert isinstance(make(drawn(16, 64)), dynamic_int8.DynamicInt8)
    assert make.explain().endswith("reference, because oneDNN's int8 product cannot be had: no such primitive)")
    dynamic_int8._onednn_fault.cache_clear()
