"""Which path runs where, and what is said about it."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from weft.kernels import choose, explain


def test_every_choice_names_a_module_that_exists_and_says_why() -> None:
    for device in ("cpu", "cuda"):
        for batch_invariant in (False, True):
            for op, choice in explain(device, batch_invariant=batch_invariant).items():
                if choice.path != "triton":
                    import_module(f"weft.kernels.{op}.{choice.path}")
                assert str(choice).startswith(f"{op}: {choice.path}, because ")
                assert device in choice.reason or "batch_invariant" in choice.reason


def test_choices_by_device() -> None:
    assert choose("masked_sample", "cpu").path == "cpu"
    assert choose("masked_sample", "mps").path == "reference"
    assert choose("attention", "cuda:1").path == "batched"
    assert choose("attention", "cpu", batch_invariant=True).path == "invariant"


def test_cuda_samples_with_triton() -> None:
    pytest.importorskip("triton")
    assert choose("masked_sample", "cuda").path == "triton"


def test_an_unknown_op_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="unknown op 'softmax'"):
        choose("softmax", "cpu")


def test_neither_triton_nor_numba_is_loaded_before_it_is_needed() -> None:
    code = (
        "import sys, weft.kernels\n"
        "weft.kernels.explain('cuda')\n"
        "assert 'weft.kernels.masked_sample.triton' not in sys.modules\n"
        "assert 'numba' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
