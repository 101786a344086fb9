"""The Triton kernels of masked_sample under Triton's interpreter. Run by test_triton.py in a process of its own."""

from __future__ import annotations

import pytest
import torch
import triton
import triton.language as tl
from sampling_cases import assert_same, random_call

from weft.kernels import Adjust, SamplingTensors
from weft.kernels.masked_sample import noise, reference
from weft.kernels.masked_sample import triton as kernels

pytestmark = pytest.mark.filterwarnings("default")  # the interpreter's own NumPy warns of wrapping integers


@triton.jit
def bits_kernel(seed, position, out, TILE: tl.constexpr):
    part = tl.program_id(0)
    drawn = kernels.bits_tile(tl.load(seed), tl.load(position), part, TILE)
    tl.store(out + part * TILE + tl.arange(0, TILE), drawn.to(tl.int64))


@pytest.mark.parametrize("tile", [16, 64])
def test_noise_is_the_references_to_the_bit(tile: int) -> None:
    for seed, position in ((0, 0), (-1, 2**63 - 1), (-(2**63), 7), (0x123456789ABCDEF, 2**33 + 5)):
        seeds, positions = torch.tensor([seed]), torch.tensor([position])
        out = torch.empty(192, dtype=torch.int64)
        bits_kernel[(192 // tile,)](seeds, positions, out, TILE=tile)
        assert torch.equal(out, noise.bits(seeds, positions, 192)[0])


# Pairwise: every batch with every vocabulary, every dtype and tile with some of each.
@pytest.mark.parametrize(
    ("batch", "vocabulary", "tile", "dtype", "tied", "adjusted"),
    [
        (1, 7, 16, torch.float32, True, True),
        (1, 33, 32, torch.bfloat16, False, False),
        (1, 1000, 1024, torch.float16, True, True),
        (1, 4101, 2048, torch.float32, False, True),
        (3, 7, 32, torch.float16, False, True),
        (3, 33, 16, torch.float32, True, True),
        (3, 1000, 256, torch.bfloat16, False, True),
        (3, 4101, 4096, torch.bfloat16, True, False),
        (8, 7, 16, torch.bfloat16, True, False),
        (8, 33, 16, torch.float16, False, True),
        (8, 1000, 512, torch.float32, False, False),
        (8, 4101, 2048, torch.float16, True, True),
    ],
)
def test_kernels_agree_with_the_reference(
    batch: int,
    vocabulary: int,
    tile: int,
    dtype: torch.dtype,
    tied: bool,
    adjusted: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    call = random_call(batch * vocabulary, batch, vocabulary, dtype=dtype, tied=tied, adjusted=adjusted)
    expected = reference.masked_sample(*call)
    empty = torch.empty

    def poisoned(*shape: int, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
        made = empty(*shape, dtype=dtype, device=device)
        return made.fill_(torch.nan if dtype.is_floating_point else -77)

    monkeypatch.setattr(torch, "empty", poisoned)  # nothing may be read before it is written
    assert_same(kernels.masked_sample(*call, tile=tile), expected)


def test_nothing_allowed_and_broken_logits() -> None:
    logits = torch.zeros(4, 40)
    logits[1, 39], logits[2, 0] = torch.nan, torch.inf
    params = SamplingTensors.build(temperature=[1.0, 1.0, 0.0, 0.0], top_k=[3] * 4)
    table = torch.zeros(1, 2, dtype=torch.int32)
    got = kernels.masked_sample(logits, table, torch.tensor([0, -1, -1, -1]), params, tile=16)
    assert got.tokens.tolist() == [-1, -2, -2, 0]
    assert got.allowed.tolist() == [0, 40, 40, 40]
    assert not got.logprobs.isnan().any()


def test_columns_far_apart() -> None:
    wide, table, mask_rows, params = random_call(4, 3, 66, adjusted=False)
    logits, table = wide[:, ::2], table[:, :2]
    assert_same(
        kernels.masked_sample(logits, table, mask_rows, params, tile=16),
        reference.masked_sample(logits, table, mask_rows, params),
    )


def test_cuts_far_out_and_close_together() -> None:
    # More than 32 nats below the best, where one bin holds all; within one bin; and all equal.
    far = -40 - torch.arange(64).float() / 7
    close = -torch.arange(64).float() / 4096
    equal = torch.zeros(64)
    logits = torch.stack([far, close, equal]).repeat_interleave(4, 0)
    logits[:4, 10] = 0
    params = SamplingTensors.build(
        temperature=[1.0] * 12,
        top_k=[20, 1, 0, 63] * 3,
        top_p=[1.0, 0.5, 0.3, 0.97] * 3,
        seeds=range(12),
        adjust=Adjust.build([(0, 3, 1.0, 2.0)]),
    )
    free, rows = torch.zeros(0, 2, dtype=torch.int32), torch.full((12,), -1, dtype=torch.int32)
    assert_same(
        kernels.masked_sample(logits, free, rows, params, tile=64),
        reference.masked_sample(logits, free, rows, params),
    )
