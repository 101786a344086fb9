"""The part of docs/server.md that the code itself knows: endpoints, their fields, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast, get_type_hints

from checkout import ROOT
from fastapi.routing import APIRoute

from weft.server.app import create_app
from weft.server.fields import ApiModel
from weft.server.served import Served

PAGE = ROOT / "docs" / "server.md"
BEGIN, END = "<!-- reference: begin -->", "<!-- reference: end -->"


def reference() -> str:
    """Markdown, between the marks."""
    routes = list(_routes())
    lines = ["| endpoint | |", "|---|---|"]
    lines += [f"| `{method} {route.path}` | {_summary(route)} |" for method, route in routes]
    for method, route in routes:
        body = _body(route)
        if body is not None:
            lines += ["", f"### {method} {route.path}", "", *_fields(body)]
    return "\n".join(lines)


def page_with_reference(page: str) -> str:
    """The page with what stands between the marks made anew."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{reference()}\n{END}{tail}"


def _routes() -> Iterator[tuple[str, APIRoute]]:
    app = create_app(Served(cast(Any, None), cast(Any, None), "model"))
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in sorted(route.methods):
                yield method, route


def _summary(route: APIRoute) -> str:
    return " ".join((route.endpoint.__doc__ or "").strip().split("\n\n")[0].split())


def _body(route: APIRoute) -> type[ApiModel] | None:
    hints = get_type_hints(route.endpoint)
    return next((hint for hint in hints.values() if isinstance(hint, type) and issubclass(hint, ApiModel)), None)


def _fields(model: type[ApiModel]) -> list[str]:
    fields = model.model_json_schema(by_alias=True)["properties"]
    lines = ["Served: " + ", ".join(f"`{name}`" for name in sorted(fields)) + "."]
    refused = {name: values for name, values in model.refused.items() if name not in fields}
    if refused:
        parts = [f"`{name}`{_neutral(values)}" for name, values in sorted(refused.items())]
        lines += ["", f"Refused, unless null or what stands in brackets: {', '.join(parts)}."]
    return lines


def _neutral(values: tuple[object, ...]) -> str:
    given = [json.dumps(value) for value in values if value is not None]
    return f" ({', '.join(given)})" if given else ""
