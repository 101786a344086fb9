"""docs/server.md says of endpoints and fields what the code does."""

from __future__ import annotations

from server_reference import PAGE, page_with_reference


def test_the_page_is_up_to_date() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == page_with_reference(page), "run python tests/server/update_reference.py"
