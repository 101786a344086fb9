"""GET /v1/models, and what else can be asked about the server: /health, /version."""

from __future__ import annotations

from importlib.metadata import version
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from .served import Served


class ModelCard(BaseModel):
    """OpenAI's model object."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "weft"


class ModelList(BaseModel):
    """OpenAI's list of models; here always of one."""

    object: Literal["list"] = "list"
    data: list[ModelCard]


class Health(BaseModel):
    """The answer of a server that takes requests; one that does not answers 503 with an error that says why."""

    status: Literal["ok"] = "ok"


class Version(BaseModel):
    """weft's version."""

    version: str


def models_router(served: Served) -> APIRouter:
    """The routes, for one model."""
    router = APIRouter()
    card = ModelCard(id=served.name, created=served.created)

    @router.get("/v1/models")
    async def list_models() -> ModelList:
        """The models there are."""
        return ModelList(data=[card])

    @router.get("/v1/models/{model:path}")
    async def get_model(model: str) -> ModelCard:
        """One model."""
        served.check_model(model)
        return card

    @router.get("/health")
    async def health() -> Health:
        """Whether requests are taken: 503 while the model is being loaded, and once the engine is gone."""
        served.engine.check()
        return Health()

    @router.get("/version")
    async def get_version() -> Version:
        """weft's version."""
        return Version(version=version("weft"))

    return router
