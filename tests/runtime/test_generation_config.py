"""How a served model is sampled by default."""

from __future__ import annotations

import pytest

from weft.errors import ModelError
from weft.request import Sampling
from weft.runtime.generation_config import default_sampling


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, Sampling(temperature=1.0)),
        ({"do_sample": False, "temperature": 0.7}, Sampling(temperature=0.0)),
        ({"do_sample": True, "temperature": 0.6, "top_p": 0.9}, Sampling(temperature=0.6, top_p=0.9)),
        ({"temperature": None, "top_k": 20, "eos_token_id": 3}, Sampling(temperature=1.0, top_k=20)),
    ],
)
def test_the_folder_says_how_to_sample(config: dict[str, object], expected: Sampling) -> None:
    assert default_sampling(config) == expected


@pytest.mark.parametrize("config", [{"top_p": 7}, {"temperature": "warm"}])
def test_a_value_out_of_range_is_the_folders_fault(config: dict[str, object]) -> None:
    with pytest.raises(ModelError, match=r"generation_config\.json"):
        default_sampling(config)
