"""What SGLang's clients ask of the server itself: its model, its cache, aborts, and whether it generates."""

from __future__ import annotations

from typing import ClassVar, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from ...errors import InvalidRequest, UnknownOption
from ...request import GenerateRequest, Sampling
from ..answers import until_gone
from ..fields import Refusals, RequestBody
from ..generations import Generations
from ..served import Served, new_id
from .running import Running

FIRST = 2**31 - 1
"""A priority before all others."""


class ModelInfo(BaseModel):
    """The served model. It is only ever called by its name: no path of the server's is told."""

    model_path: str
    tokenizer_path: str
    served_model_name: str
    is_generation: Literal[True] = True
    has_image_understanding: Literal[False] = False
    has_audio_understanding: Literal[False] = False
    preferred_sampling_params: None = None
    weight_version: Literal["default"] = "default"
    context_length: int | None


class FlushBody(RequestBody):
    """`empty_cache` asks for memory to be given back to the device: pages never are, so that it makes no difference."""

    empty_cache: bool | None = None


class Flushed(BaseModel):
    """The cache is empty, but for what running requests hold."""

    success: Literal[True] = True


class AbortBody(RequestBody):
    """The `rid` of an answer, or of all that one call asked for; or `abort_all`."""

    refused: ClassVar[Refusals] = {
        "abort_message": (None,),
        "finished_reason": (None,),
        "http_worker_ipc": (None,),
    }

    rid: str | None = None
    abort_all: bool | None = None


class ConcatenateBody(RequestBody):
    """The states whose caches would be put one after the other, and the one that would get them."""

    src_rids: list[str]
    dst_rid: str


def control_router(served: Served, running: Running) -> APIRouter:
    """The routes, for one model."""
    router = APIRouter()

    @router.get("/get_model_info")
    @router.post("/get_model_info")
    @router.get("/model_info")
    @router.post("/model_info")
    async def model_info() -> ModelInfo:
        """The served model."""
        info = served.engine.info
        return ModelInfo(
            model_path=served.name,
            tokenizer_path=served.name,
            served_model_name=served.name,
            context_length=None if info is None else info.context_length,
        )

    @router.get("/flush_cache")
    async def flush_cache_at_once() -> Flushed:
        """Forget every cached prefix that no running request holds, in host memory and on disk too."""
        await served.engine.flush_cache()
        return Flushed()

    @router.post("/flush_cache")
    async def flush_cache(body: FlushBody | None = None) -> Flushed:
        """Forget every cached prefix that no running request holds, in host memory and on disk too."""
        return await flush_cache_at_once()

    @router.post("/abort_request", response_class=Response)
    async def abort_request(body: AbortBody) -> Response:
        """Abort answers of /generate by their `rid`, or all of them; their clients get what there is of them.

        Other APIs' calls have no `rid`: they are aborted by closing their connection. A name that is not known is
        ignored, since it may just have ended. Where several API processes share the engine, each knows its own calls;
        where there are API keys, each aborts its own answers only.
        """
        if body.abort_all:
            running.abort_all()
        elif body.rid:
            running.abort(body.rid)
        else:
            raise InvalidRequest("rid: it or abort_all is required", param="rid", code="missing_field")
        return Response(status_code=200)

    @router.get("/health_generate", response_class=Response)
    async def health_generate(request: Request) -> Response:
        """Whether a token can be generated now: one is."""
        await until_gone(request, _one_token(served))
        return Response(status_code=200)

    @router.post("/concate_and_append_request")
    async def concatenate_and_append(body: ConcatenateBody) -> Response:
        """Join the caches of several states into another's: always refused.

        Here a cached prefix belongs to its text, not to a
        request: whoever sends the joined text has whatever of it is cached, and tokens cached after another text would
        not be what the model makes of them there.
        """
        raise UnknownOption(
            "the caches of requests cannot be joined, since what is cached depends on all text before it; send the "
            "joined text as the next prompt: what of it is cached is found",
            code="unsupported",
        )

    return router


async def _one_token(served: Served) -> None:
    request = GenerateRequest(
        id=new_id("health"), prompt=(0,), priority=FIRST, sampling=Sampling(max_tokens=1, ignore_eos=True)
    )
    async with Generations(served.engine, [request]) as generations:
        async for _ in generations.events():
            pass
