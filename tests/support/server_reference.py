"""The part of docs/server.md that the code itself knows: endpoints, their fields, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

from checkout import ROOT

from weft.server.app import create_app
from weft.server.fields import ApiModel
from weft.server.metrics import describe
from weft.server.served import Served

PAGE = ROOT / "docs" / "server.md"
BEGIN, END = "<!-- reference: begin -->", "<!-- reference: end -->"


def reference() -> str:
    """Markdown, between the marks."""
    app = create_app(Served(cast(Any, None), cast(Any, None), "model"))
    routes = [
        (method.upper(), path, operation)
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
    ]
    lines = ["| endpoint | |", "|---|---|"]
    lines += [f"| `{method} {path}` | {_summary(operation)} |" for method, path, operation in routes]
    models = {model.__name__: model for model in _models(ApiModel)}
    for method, path, operation in routes:
        name = _body(operation)
        if name in models:
            lines += ["", f"### {method} {path}", "", *_fields(models[name])]
    lines += ["", "### Metrics", "", "| metric | kind | |", "|---|---|---|"]
    lines += [f"| `{name}` | {kind} | {meaning} |" for name, kind, meaning in describe()]
    return "\n".join(lines)


def page_with_reference(page: str) -> str:
    """The page with what stands between the marks made anew."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{reference()}\n{END}{tail}"


def _summary(operation: dict[str, Any]) -> str:
    return " ".join(operation.get("description", "").strip().split("\n\n")[0].split())


def _models(base: type[ApiModel]) -> Iterator[type[ApiModel]]:
    for model in base.__subclasses__():
        yield model
        yield from _models(model)


def _body(operation: dict[str, Any]) -> str | None:
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    return str(schema["$ref"]).rsplit("/", 1)[-1] if "$ref" in schema else None


def _fields(model: type[ApiModel]) -> list[str]:
    fields = model.model_json_schema(by_alias=True)["properties"]
    refused = model.refused
    lines = ["Served: " + ", ".join(f"`{name}`" for name in sorted(set(fields) - set(refused))) + "."]
    if refused:
        parts = [f"`{name}`{_neutral(values)}" for name, values in sorted(refused.items())]
        lines += ["", f"Refused, unless null or what stands in brackets: {', '.join(parts)}."]
    return lines


def _neutral(values: tuple[object, ...]) -> str:
    given = [json.dumps(value) for value in values if value is not None]
    return f" ({', '.join(given)})" if given else ""
