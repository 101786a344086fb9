"""GET /server_info: what is served, and what the engine has done so far and holds now."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from ..errors import EngineClosed, WeftError
from .served import Served


class ServerInfo(BaseModel):
    """The served model and the engine's counters, by the names of `weft.runtime`'s `EngineStats`.

    `books` is "ok" where every page and lock is accounted for, and says what is amiss where not. The rest is what
    SGLang's clients read: the model is called by its name, never by a path; `internal_states` are the counters again.
    """

    model: str
    version: str
    stats: dict[str, Any]
    books: str
    model_path: str
    tokenizer_path: str
    served_model_name: str
    context_length: int | None
    page_size: int | None
    max_total_num_tokens: int | None
    internal_states: list[dict[str, Any]]


def server_info_router(served: Served) -> APIRouter:
    """The routes, for one model."""
    router = APIRouter()

    @router.get("/server_info")
    @router.get("/get_server_info")
    async def server_info() -> ServerInfo:
        """What is served, and what the engine has done so far and holds now."""
        stats = await served.engine.stats()
        info = served.engine.info
        return ServerInfo(
            model=served.name,
            version=version("weft"),
            stats=stats,
            books=await _books(served),
            model_path=served.name,
            tokenizer_path=served.name,
            served_model_name=served.name,
            context_length=None if info is None else info.context_length,
            page_size=None if info is None else info.page_size,
            max_total_num_tokens=None if info is None else info.num_pages * info.page_size,
            internal_states=[stats],
        )

    return router


async def _books(served: Served) -> str:
    try:
        await served.engine.recount()
    except EngineClosed:
        raise
    except WeftError as error:
        return error.message
    return "ok"
