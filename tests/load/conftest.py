"""A server of the built-in model to be loaded and hurt; what one test leaves behind would show in the next."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from serving import Serving, serving


@pytest.fixture(scope="module")
def served() -> Iterator[Serving]:
    """`weft serve` with a small queue, ready. What it says on its way is clean at the end."""
    with serving("--max-running", "64", "--max-queue", "400") as made:
        made.notice("serving")
        yield made
        errors = made.stop()
        assert "Traceback" not in errors, errors
        assert "ERROR" not in errors, errors
