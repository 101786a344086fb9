"""One server of the built-in model for all clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from serving import Serving, serving


@pytest.fixture(scope="session")
def built_in() -> Iterator[Serving]:
    """`weft serve`, ready."""
    with serving() as served:
        served.notice("serving")
        yield served


@pytest.fixture(scope="session")
def base_url(built_in: Serving) -> str:
    """What OpenAI's clients call the server's address."""
    return f"{built_in.url}/v1"
