"""The engine's eviction: hints reach the policy, and the option chooses it."""

from __future__ import annotations

from pathlib import Path

import pytest

from weft.errors import InvalidRequest
from weft.request import GenerateRequest, ProgramHints, Sampling
from weft.runtime import Engine


def call(engine: Engine, name: str, prompt: str, hints: ProgramHints | None = None) -> int:
    """How many tokens of a prompt were cached."""
    request = GenerateRequest(
        id=name, prompt=prompt, sampling=Sampling(max_tokens=1, ignore_eos=True), hints=hints or ProgramHints()
    )
    return engine.generate(request).result(60).cached_tokens


@pytest.mark.parametrize(
    ("eviction", "released", "kept"), [("program", False, 1), ("program", True, 0), ("lru", False, 0)]
)
def test_an_open_session_is_kept(tiny_folder: Path, eviction: str, released: bool, kept: int) -> None:
    with Engine(tiny_folder, device="cpu", dtype="float32", page_size=4, num_pages=16, eviction=eviction) as engine:
        call(engine, "first", "a" * 20, ProgramHints("session"))
        if released:
            engine.release("session")
        for at in range(3):
            call(engine, f"other {at}", f"{at}" * 24)
        again = call(engine, "again", "a" * 20)
        engine.recount()
    assert (again > 0) == bool(kept)


def test_a_fork_keeps_its_parents_path_for_its_branches(tiny_folder: Path) -> None:
    with Engine(tiny_folder, device="cpu", dtype="float32", page_size=4, num_pages=16) as engine:
        call(engine, "parent", "a" * 20, ProgramHints("s"))
        engine.fork("s", ["s.1.0", "s.1.1"])
        engine.release("s")
        for at in range(3):
            call(engine, f"other {at}", f"{at}" * 24)
        assert call(engine, "branch", "a" * 20 + "b", ProgramHints("s.1.0", "s.1", 2)) > 0


def test_a_common_prefix_in_characters_counts_as_tokens(tiny_folder: Path) -> None:
    with Engine(tiny_folder, device="cpu", dtype="float32") as engine:
        hints = ProgramHints("s", batch="b", common_prefix=3)
        job = engine._intake.job(GenerateRequest(id="r", prompt="abcdef", hints=hints), lambda _: None)
        assert job.sequences[0].hints.common_prefix == len(engine.tokenizer.encode("abc", begin=True))


def test_unknown_policies_are_refused_by_name(tiny_folder: Path) -> None:
    with pytest.raises(InvalidRequest, match="program, lru") as caught:
        Engine(tiny_folder, eviction="fifo")
    assert caught.value.param == "eviction"
