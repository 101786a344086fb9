"""examples/openai_client.py, run against the built-in model."""

from __future__ import annotations

import runpy

from checkout import ROOT


def test_the_example(base_url: str) -> None:
    example = runpy.run_path(str(ROOT / "examples" / "openai_client.py"))
    made = example["main"](base_url)
    assert isinstance(made["order"], example["Order"])
    assert made["decision"]["choice"] in ("cash", "card", "invoice")
    name, arguments = made["call"]
    assert name == "get_price"
    assert set(arguments) == {"product"}
