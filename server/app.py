"""The HTTP application: every route over one engine."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import FastAPI

from .access import Access
from .anthropic.messages import messages_router
from .body_limit import BodyLimit
from .errors import ErrorEnvelope, install_error_handlers
from .metrics_route import metrics_router
from .models import models_router
from .openai.chat import chat_router
from .openai.completions import completions_router
from .openai.decisions import decisions_router
from .openai.embeddings import embeddings_router
from .openai.responses import responses_router
from .served import Served


def create_app(served: Served) -> FastAPI:
    """An ASGI app that serves one model. It neither starts nor ends the engine."""
    app = FastAPI(
        title="weft",
        version=version("weft"),
        redoc_url=None,
        responses={"default": {"model": ErrorEnvelope, "description": "What went wrong."}},
    )
    app.add_middleware(BodyLimit, limit=served.limits.body_bytes)
    app.add_middleware(Access, engine=served.engine)  # the last one added is the outermost
    install_error_handlers(app)
    app.include_router(completions_router(served))
    app.include_router(chat_router(served))
    app.include_router(messages_router(served))
    app.include_router(decisions_router(served))
    app.include_router(embeddings_router(served))
    app.include_router(responses_router(served))
    app.include_router(models_router(served))
    app.include_router(metrics_router(served))
    return app
