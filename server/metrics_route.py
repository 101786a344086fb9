"""GET /metrics: what Prometheus asks for."""

from __future__ import annotations

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import PlainTextResponse, Response

from .served import Served


class Exposition(PlainTextResponse):
    """Prometheus's text format."""

    media_type = CONTENT_TYPE_LATEST


def metrics_router(served: Served) -> APIRouter:
    """The route, for one engine."""
    router = APIRouter()

    @router.get("/metrics", response_class=Exposition)
    async def metrics() -> Response:
        """The engine's metrics, over all API processes; 503 while there is no engine."""
        return Exposition(await served.engine.metrics())

    return router
