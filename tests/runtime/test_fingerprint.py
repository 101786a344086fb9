"""A fingerprint changes with whatever a page's content depends on."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from tiny import write_llama

from weft.runtime.cache_tiers import NEUTRAL
from weft.runtime.fingerprint import fingerprint
from weft.runtime.loader import EngineOptions


def test_every_option_is_known_to_change_pages_or_not_to() -> None:
    """One that is new must be thought about: pages of one value must not be taken for pages of another."""
    changes = {"page_size", "batch_invariant", "quantization"}
    assert {field.name for field in fields(EngineOptions)} - NEUTRAL == changes
    assert {field.name for field in fields(EngineOptions)} >= NEUTRAL


def test_a_fingerprint_depends_on_weights_configuration_and_facts(
    tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_llama(tmp_path / "a")
    known = fingerprint(folder, {"dtype": "float32"})
    assert known == fingerprint(tiny_folder, {"dtype": "float32"}), "the same files elsewhere"
    assert known != fingerprint(folder, {"dtype": "bfloat16"})
    for limit in (1 << 30, 0):  # hashed whole, and by samples
        monkeypatch.setattr("weft.runtime.fingerprint.WHOLE_BYTES", limit)
        known = fingerprint(folder, {})
        weights = folder / "model.safetensors"
        good = weights.read_bytes()
        weights.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        assert fingerprint(folder, {}) != known
        weights.write_bytes(good)
        config = folder / "config.json"
        text = config.read_text()
        config.write_text(text + " ")
        assert fingerprint(folder, {}) != known
        config.write_text(text)
        assert fingerprint(folder, {}) == known
        assert fingerprint(weights, {}) != known, "a model of one file"
