"""The HTTP application: every route over one engine."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from .access import Access
from .anthropic.messages import messages_router
from .auth import ApiKeys
from .body_limit import BodyLimit
from .deadline import Deadline
from .errors import ErrorEnvelope, install_error_handlers
from .metrics_route import metrics_router
from .models import models_router
from .openai.chat import chat_router
from .openai.completions import completions_router
from .openai.decisions import decisions_router
from .openai.embeddings import embeddings_router
from .openai.responses import responses_router
from .options import AccessOptions
from .served import Served
from .server_info import server_info_router
from .sglang.control import control_router
from .sglang.generate import generate_router
from .sglang.running import Running
from .tokenization import tokenization_router


def create_app(served: Served, access: AccessOptions | None = None) -> FastAPI:
    """An ASGI app that serves one model. It neither starts nor ends the engine."""
    app = FastAPI(
        title="weft",
        version=version("weft"),
        redoc_url=None,
        redirect_slashes=False,  # a redirect would name the host that the client made up
        responses={"default": {"model": ErrorEnvelope, "description": "What went wrong."}},
    )
    _guard(app, served, access or AccessOptions())
    install_error_handlers(app)
    app.include_router(completions_router(served))
    app.include_router(chat_router(served))
    app.include_router(messages_router(served))
    app.include_router(decisions_router(served))
    app.include_router(embeddings_router(served))
    app.include_router(responses_router(served))
    app.include_router(tokenization_router(served))
    app.include_router(models_router(served))
    app.include_router(server_info_router(served))
    app.include_router(metrics_router(served))
    running = Running()
    app.include_router(generate_router(served, running))
    app.include_router(control_router(served, running))
    return app


def _guard(app: FastAPI, served: Served, access: AccessOptions) -> None:
    """Add what a call passes before it reaches its route; the last one added is the outermost."""
    app.add_middleware(BodyLimit, limits=served.limits)
    app.add_middleware(Deadline, seconds=served.limits.request_timeout)
    if access.api_keys:
        app.add_middleware(ApiKeys, keys=access.api_keys)
    if access.cors_origins:
        # Outside of the keys: browsers ask without one whether they may ask, and a page may read why it may not.
        app.add_middleware(
            CORSMiddleware,
            allow_origins=access.cors_origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["*"],
            expose_headers=["*"],
        )
    app.add_middleware(Access, engine=served.engine)
