"""schemathesis: whatever fits our OpenAPI page, or just does not, is answered as the page says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from serving import Serving, serving

schemathesis = pytest.importorskip("schemathesis")


@pytest.fixture(scope="module")
def small() -> Iterator[Serving]:
    """The built-in model with a short context, so that no random request generates for long."""
    with serving("--max-context", "96") as served:
        served.notice("serving")
        yield served
        errors = served.stop()
        assert "Traceback" not in errors, errors


@pytest.fixture(scope="module")
def page(small: Serving) -> Any:
    # A page cannot say everything: that two fields exclude each other, say, or that a grammar must parse. So what fits
    # it may still be refused, by a 400 that names the field.
    checks = {"positive_data_acceptance": {"expected-statuses": ["2xx", 400, 404, 413]}}
    config = schemathesis.config.SchemathesisConfig.from_dict({"checks": checks})
    return schemathesis.openapi.from_url(f"{small.url}/openapi.json", config=config)


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """Ask for the served model, or nearly every request would end at its name."""
    return body | {"model": "seedling"} if isinstance(body, dict) and isinstance(body.get("model"), str) else body


@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_answers_are_as_the_page_says(page: Any, small: Serving, mode: str) -> None:
    for found in page.get_all_operations():
        operation = found.ok()
        if mode == "negative" and not operation.body:  # any text is a fine name in a path
            continue

        @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
        @given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode(mode)))
        def check(case: Any) -> None:
            case.call_and_validate()

        check()
        assert small.http.get("/health").status_code == 200
