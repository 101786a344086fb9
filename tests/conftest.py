"""What all tests share: Hypothesis profiles, a modest number of threads, and what `gpu` means."""

from __future__ import annotations

import os

# Read by torch when it is first imported; more threads than cores make small tests slow.
os.environ.setdefault("OMP_NUM_THREADS", "2")

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No deadlines anywhere: a slow machine is not a failing test.
settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, max_examples=50, stateful_step_count=30)
settings.register_profile(
    "soak",
    deadline=None,
    max_examples=3000,
    stateful_step_count=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


def pytest_sessionstart() -> None:
    """Compile the grammar engine before any test's time runs: in a fresh checkout that takes about a minute, once."""
    import weft.grammar.engine.matcher  # noqa: F401


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is marked `gpu` where there is no CUDA device; torch is asked only when such tests were collected."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    import torch

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random Llama with a byte-level tokenizer."""
    from tiny import write_llama

    return write_llama(tmp_path_factory.mktemp("models") / "tiny")
