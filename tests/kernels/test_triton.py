"""The Triton kernels: interpreted, compiled ahead of time, and on a GPU where there is one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from sampling_cases import assert_same, random_call

from weft.kernels import masked_sample
from weft.kernels.compile import builds
from weft.kernels.masked_sample import reference

pytest.importorskip("triton", reason="Triton has no wheel for this platform")
HERE = Path(__file__).parent


def run(arguments: list[str], **environment: str) -> str:
    """Run a Python process without this one's TRITON_ variables; its output. Fails with that output."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TRITON_")}
    done = subprocess.run(
        [sys.executable, *arguments], env=inherited | environment, capture_output=True, text=True, cwd=HERE.parents[1]
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# Triton reads the variable when it is imported, so that the two ways of running need two processes.
def test_interpreted_kernels_agree_with_the_reference() -> None:
    run(["-m", "pytest", "-p", "no:cacheprovider", str(HERE / "interpreted_masked_sample.py")], TRITON_INTERPRET="1")


def test_kernels_compile_ahead_of_time(tmp_path: Path) -> None:
    command = ["-m", "weft.kernels.compile", "--arch", "90", "--match", "bf16"]
    lines = run(command, TRITON_CACHE_DIR=str(tmp_path)).splitlines()
    compiled = {line.split()[1] for line in lines}
    assert compiled == {"adjust_kernel", "scan_kernel", "threshold_kernel", "draw_kernel", "finish_kernel"}
    assert all("spilled 0" in line or "unknown" in line for line in lines), "\n".join(lines)


def test_no_argument_has_a_name_the_launcher_takes() -> None:
    # Triton's generated launcher keeps locals of these names beside the arguments; only a launch would show it.
    for build in builds():
        assert {"params", "specialization", "options", "backend"}.isdisjoint(build.kernel.arg_names)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("vocabulary", [33, 4101, 131072])
@pytest.mark.parametrize("batch", [1, 8, 64])
def test_kernels_on_a_gpu_agree_with_the_reference(batch: int, vocabulary: int, dtype: torch.dtype) -> None:
    for seed in range(3):
        on_gpu, on_host = (
            random_call(seed, batch, vocabulary, dtype=dtype, tied=seed == 1, device=device)
            for device in ("cuda", "cpu")
        )
        assert_same(masked_sample(*on_gpu), reference.masked_sample(*on_host))
