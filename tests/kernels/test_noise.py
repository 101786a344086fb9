"""The noise: Philox to the bit, and Gumbel in distribution."""

from __future__ import annotations

import math

import pytest
import torch

from weft.kernels.masked_sample.noise import bits, gumbel, philox


# Counter, key and result from the known-answer file of the generator's authors (Random123, philox4x32 10).
@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_known_answers(counter: tuple[int, ...], key: tuple[int, ...], expected: tuple[int, ...]) -> None:
    c0, c1, c2, c3 = (torch.tensor(word) for word in counter)
    k0, k1 = (torch.tensor(word) for word in key)
    assert tuple(int(word) for word in philox((c0, c1, c2, c3), (k0, k1))) == expected


def test_a_tokens_bits_depend_on_seed_position_and_token_alone() -> None:
    seeds, positions = torch.tensor([5, -(2**63), 5, 2**40]), torch.tensor([7, 0, 8, 2**35])
    whole = bits(seeds, positions, 1003)
    assert torch.equal(bits(seeds, positions, 33), whole[:, :33])
    for row in range(4):
        assert torch.equal(bits(seeds[row : row + 1], positions[row : row + 1], 1003)[0], whole[row])
    assert len({tuple(row) for row in whole.tolist()}) == 4
    assert 0 <= int(whole.min()) <= int(whole.max()) < 2**32


def test_gumbel_follows_its_distribution() -> None:
    noise = gumbel(torch.arange(64), torch.arange(64) * 3, 4096).double().flatten()
    # Kolmogorov-Smirnov against exp(-exp(-x)); 1.95 / sqrt(n) is the bound for a chance of about 1 in 1000.
    ordered = noise.sort().values
    expected = torch.exp(-torch.exp(-ordered))
    steps = torch.arange(1, len(ordered) + 1) / len(ordered)
    assert float((steps - expected).abs().max()) < 1.95 / math.sqrt(len(ordered))
    assert torch.isfinite(noise).all()


def test_gumbel_is_finest_where_draws_are_won() -> None:
    # The greatest noise comes of the least bits: 0 and 1 must still be told apart.
    noise = gumbel(torch.arange(2048), torch.zeros(2048, dtype=torch.int64), 4096)
    assert float(noise.max()) > 13  # of 8 million draws
    assert len(noise[noise > 9].unique()) == int((noise > 9).sum())
