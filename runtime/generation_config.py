"""A model folder's `generation_config.json`: how its makers would have it sampled. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidRequest, ModelError
from ..request import Sampling


def default_sampling(config: Mapping[str, Any]) -> Sampling:
    """The sampling of a served request that says nothing of its own: temperature 1 where the file says nothing either.

    ``"do_sample": false`` is greedy. Raises `ModelError` for values out of their range.
    """
    names = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty")
    given = {name: config[name] for name in names if config.get(name) is not None}
    if config.get("do_sample") is False:
        given["temperature"] = 0.0
    try:
        sampling = Sampling(**{"temperature": 1.0, **given})
        sampling.validate()
    except (InvalidRequest, TypeError) as error:
        raise ModelError(f"generation_config.json: {error}") from error
    return sampling
