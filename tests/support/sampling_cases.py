"""Random calls of `masked_sample`, for every implementation of it to agree on."""

from __future__ import annotations

import random

import torch

from weft.kernels import Adjust, Sampled, SamplingTensors

Call = tuple[torch.Tensor, torch.Tensor, torch.Tensor, SamplingTensors]


def random_call(
    seed: int,
    batch: int,
    vocabulary: int,
    *,
    dtype: torch.dtype = torch.float32,
    tied: bool = False,
    adjusted: bool = True,
    device: str = "cpu",
) -> Call:
    """A call with every option on in some row. Logits are rows of a wider, NaN-filled tensor; `tied` rounds them."""
    rng = random.Random(seed)
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(batch, vocabulary, generator=generator) * rng.choice([0.5, 3, 10])
    if tied:
        logits = logits.round()
    wide = torch.full((batch, vocabulary + 5), torch.nan, dtype=dtype)
    wide[:, 2 : vocabulary + 2] = logits.to(dtype)
    words = (vocabulary + 31) // 32
    # Bits past the vocabulary are garbage; row 1 allows all, row 2 a few, row 3 nothing.
    table = torch.randint(-(2**31), 2**31, (4, words), generator=generator).to(torch.int32)
    table[1] = -1
    table[2] &= torch.randint(-(2**31), 2**31, (words,), generator=generator).to(torch.int32)
    table[3] = 0
    mask_rows = torch.tensor([rng.choice([-1, -1, 0, 0, 1, 2, 2, 3]) for _ in range(batch)])
    entries = [
        (rng.randrange(batch), rng.randrange(vocabulary), rng.choice([1, 1.3]), rng.choice([0, -1.5, 4, -torch.inf]))
        for _ in range(batch * 2)
    ]
    params = SamplingTensors.build(
        temperature=[rng.choice([0, 0.5, 1, 1, 2, 1e-7]) for _ in range(batch)],
        top_k=[rng.choice([0, 0, 1, 5, 50, 10**6]) for _ in range(batch)],
        top_p=[rng.choice([1, 1, 0.95, 0.5, 0.1, 1e-6]) for _ in range(batch)],
        min_p=[rng.choice([0, 0, 0.01, 0.3, 1]) for _ in range(batch)],
        seeds=[rng.randrange(-(2**63), 2**63) for _ in range(batch)],
        positions=[rng.randrange(2**40) for _ in range(batch)],
        adjust=Adjust.build(entries, device) if adjusted else None,
        device=device,
    )
    wide, table, mask_rows = wide.to(device), table.to(device), mask_rows.to(device)
    return wide[:, 2 : vocabulary + 2], table, mask_rows, params


def assert_same(got: Sampled, expected: Sampled) -> None:
    """Equal tokens and counts, logprobs to float32's rounding; no NaN."""
    assert got.tokens.dtype == torch.int64
    assert got.allowed.dtype == torch.int32
    assert got.tokens.tolist() == expected.tokens.tolist()
    assert got.allowed.tolist() == expected.allowed.tolist()
    torch.testing.assert_close(got.logprobs.cpu(), expected.logprobs.cpu(), atol=2e-5, rtol=1e-5, equal_nan=False)
