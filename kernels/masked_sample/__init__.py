"""Mask, adjust, filter and draw: from a step's logits to its tokens.

    for b in range(B):
        raw = float32(logits[b])
        if any raw is NaN or +inf: token, logprob = -2, -inf; continue
        z = raw
        for each entry e of adjust with rows[e] == b:                 # penalties, logit_bias, forbidden ids
            x = raw[tokens[e]]
            z[tokens[e]] = min((x / scale[e] if x > 0 else x * scale[e]) + add[e], largest float32)
        if mask_rows[b] >= 0:
            z[t] = -inf where bit t % 32 of mask_table[mask_rows[b], t // 32] is 0
        if every z is -inf: token, logprob = -1, -inf; continue
        if temperature[b] == 0:
            token = argmax(z)                                          # ties: the lowest id
        else:
            d[t] = (z[t] - max(z)) * (1 / max(temperature[b], 1e-5))
            keep t where d[t] > -inf and d[t] >= log(min_p[b])
                  and fewer than top_k[b] tokens have a greater d                           # if top_k[b] > 0
                  and the tokens of a greater d hold less than top_p[b] of the mass left by top_k   # if top_p[b] < 1
            token = argmax(d[t] + gumbel(seeds[b], positions[b], t) over kept t)
        logprob = log_softmax(raw)[token]
    allowed[b] = bits set in the mask row; V where mask_rows[b] < 0

So the filters act in the order temperature, top_k, top_p, min_p, and each is a threshold on the value: tokens equal to
the last one kept are kept. Mass is exp(d) in whole units of 2^-40, so that its sums are exact in any order and every
implementation cuts at the same place.

gumbel(seed, position, t) = -log(-log(1 - u)) with u a uniform number made of word t % 4 of Philox4x32-10 (Salmon et
al. 2011), whose key is the seed's low and high half and whose counter is (t // 4, position's low half, position's high
half, 0). A draw thus depends on its own row alone: not on the batch, the place in it, or how the vocabulary is cut up.

Files: `params.py` the parameters, `noise.py` the noise, `reference.py` the oracle in plain torch (any device), `cpu.py`
one compiled pass a row, `triton.py` the CUDA kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import cast

from torch import Tensor

from ..dispatch import choose
from .params import Adjust, Sampled, SamplingTensors

__all__ = ["ALL_FORBIDDEN", "BROKEN_LOGITS", "Adjust", "Sampled", "SamplingTensors", "masked_sample"]

ALL_FORBIDDEN = -1
"""The token reported where mask and adjustments left nothing to draw."""
BROKEN_LOGITS = -2
"""The token reported where the logits hold NaN or +inf."""

_Implementation = Callable[[Tensor, Tensor, Tensor, SamplingTensors], Sampled]


def masked_sample(logits: Tensor, mask_table: Tensor, mask_rows: Tensor, params: SamplingTensors) -> Sampled:
    """Draw one token a row. See the module for what is computed.

    Args:
        logits: float32, bfloat16 or float16 [B, V], rows of any stride; not changed. V below 2^31.
        mask_table: int32 [R, (V + 31) // 32], R may be 0 where no row is constrained. Bits past V do not count.
        mask_rows: int32 or int64 [B], a row of the table, or -1 for an unconstrained row.
        params: of B rows, on the logits' device.

    Returns:
        tokens int64 [B], logprobs float32 [B] (never NaN), allowed int32 [B].

    Raises:
        ValueError: shapes that contradict each other; on a CPU also a mask row outside the table.
    """
    batch, vocabulary = logits.shape
    words = (vocabulary + 31) // 32
    if mask_rows.shape != (batch,) or mask_table.shape[1:] != (words,) or params.temperature.shape != (batch,):
        raise ValueError(
            f"logits [{batch}, {vocabulary}] need a mask table [R, {words}], mask rows [{batch}] and parameters of "
            f"{batch} rows, not {list(mask_table.shape)}, {list(mask_rows.shape)} and {len(params.temperature)} rows"
        )
    path = choose("masked_sample", logits.device).path
    module = import_module(f".{path}", __name__)  # numba and triton are loaded only where they run
    return cast(_Implementation, module.masked_sample)(logits, mask_table, mask_rows, params)
