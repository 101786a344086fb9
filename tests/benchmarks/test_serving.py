"""The script that measures servers: its client, its model, its workloads, and one run from end to end."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.benchmarks.serving.client import read_stream, run_load
from weft.benchmarks.serving.command import main
from weft.benchmarks.serving.measure import Cell
from weft.benchmarks.serving.model import SMALL, write_model, write_tokenizer
from weft.benchmarks.serving.report import Measured, details, side_by_side
from weft.benchmarks.serving.workloads import workloads
from weft.errors import EngineError
from weft.runtime import Tokenizer

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"


def frames(texts: list[str]) -> list[bytes]:
    """A completion stream as servers write it: comments, a piece without text, usage, the end."""

    def frame(value: dict[str, Any]) -> bytes:
        return b"data: " + json.dumps(value).encode() + b"\n\n"

    usage = {"prompt_tokens": 9, "completion_tokens": len(texts), "prompt_tokens_details": {"cached_tokens": 4}}
    pieces = [frame({"choices": [{"text": text}], "usage": None}) for text in texts]
    return [b": ping\n\n", *pieces, frame({"choices": [{"text": ""}]}), frame({"choices": [], "usage": usage})]


def http(parts: list[bytes], *, chunked: bool) -> bytes:
    parts = [*parts, b"data: [DONE]\n\n"]
    if not chunked:
        return HEAD + b"\r\n" + b"".join(parts)
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"


@given(
    texts=st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=6),
    cuts=st.integers(0, 40),
    chunked=st.booleans(),
    seed=st.integers(0, 99),
)
def test_a_stream_is_read_however_it_is_cut(texts: list[str], cuts: int, chunked: bool, seed: int) -> None:
    whole = http(frames(texts), chunked=chunked)
    places = sorted(random.Random(seed).choices(range(len(whole) + 1), k=cuts))
    bounds = [0, *places, len(whole)]
    pieces = [(float(at), whole[a:b]) for at, (a, b) in enumerate(itertools.pairwise(bounds))]
    answer = read_stream(-1.0, pieces)
    assert answer.text == "".join(texts)
    assert (answer.prompt_tokens, answer.cached_tokens, answer.output_tokens) == (9, 4, len(texts))
    assert len(answer.arrivals) == len(texts)
    assert list(answer.arrivals) == sorted(answer.arrivals)
    assert answer.first_token >= 1


def test_each_piece_has_the_time_it_came_at() -> None:
    parts = frames(["a", "b", "c"])
    pieces = [(float(at), part) for at, part in enumerate([HEAD + b"\r\n", *parts])]
    answer = read_stream(0.0, pieces)
    assert answer.arrivals == (2.0, 3.0, 4.0)
    assert answer.gaps == [1.0, 1.0]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n{}", "400", id="status"),
        pytest.param(HEAD + b'\r\ndata: {"error": "no pages"}\n\n', "no pages", id="error in the stream"),
        pytest.param(http(frames(["a"])[:2], chunked=True), "usage", id="no usage"),
        pytest.param(b"", "answered", id="nothing"),
    ],
)
def test_what_is_no_answer_is_an_error(raw: bytes, said: str) -> None:
    with pytest.raises(EngineError, match=said):
        read_stream(0.0, [(0.0, raw)])


def test_never_more_than_the_asked_concurrency() -> None:
    open_now, most = 0, 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await reader.readuntil(b"}")
        writer.write(http(frames(["x"]), chunked=True))
        await writer.drain()
        open_now -= 1
        writer.close()

    async def go() -> int:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            load = await run_load(f"http://127.0.0.1:{port}", [{"n": at} for at in range(9)], 3)
        return len(load.answers)

    assert asyncio.run(go()) == 9
    assert 1 <= most <= 3


@pytest.mark.parametrize("size", [2048, 49152])
def test_the_made_tokenizer_has_every_id_and_gives_text_back(tmp_path: Path, size: int) -> None:
    write_tokenizer(tmp_path, size)
    tokenizer = Tokenizer(tmp_path)
    assert tokenizer.vocab_size == size
    assert tokenizer.eos_ids == (0,)
    pieces = {tokenizer.token_bytes(token) for token in range(1, size)}
    assert len(pieces) == size - 1
    text = 'Grüße, {"name": "weft", "count": 123}\n\nover and under 日本'
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert len(ids) < len(text.encode())


def test_the_model_is_made_once_and_loads_elsewhere(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = write_model(tmp_path / "model", SMALL)
    made = (folder / "model.safetensors").stat().st_mtime_ns
    assert write_model(folder, SMALL) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == made
    _, loading = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert not loading["missing_keys"]
    assert not loading["unexpected_keys"]
    theirs = AutoTokenizer.from_pretrained(folder)
    assert theirs.encode("weft and warp", add_special_tokens=False) == Tokenizer(folder).encode("weft and warp")


@pytest.mark.parametrize("name", list(workloads()))
def test_prompts_share_what_the_workload_says_and_nothing_else(name: str) -> None:
    work = workloads()[name]
    prompts = work.prompts(4, 49152, "a")
    assert prompts == work.prompts(4, 49152, "a")
    assert {len(prompt) for prompt in prompts} == {256}
    assert len({tuple(prompt[: work.shared]) for prompt in prompts}) == 1
    assert len({tuple(prompt[work.shared : work.shared + 4]) for prompt in prompts}) == 4
    assert work.prompts(1, 49152, "b")[0][:4] != prompts[0][:4]


def cell(rate: float, forced: int = 0, **more: Any) -> Cell:
    return Cell("shared", 8, 100, forced, 100 / rate, (0.1, 0.2), (0.01, 0.02), 0.5, 0.01, **more)


def test_servers_stand_side_by_side_by_their_median_round() -> None:
    ours = Measured("weft", cells=[cell(50), cell(10), cell(20)], starts=[1.0, 3.0, 2.0])
    theirs = Measured("other", cells=[cell(100, forced=40)])
    heads, rows = side_by_side([ours, theirs])
    assert heads[2:] == ("weft", "other")
    assert rows == [("shared", "8", "20", "60 + 40"), ("first token after start", "", "2.0 s", "—")]


def test_answers_are_compared_with_the_first_servers_to_the_same_prompts() -> None:
    first = Measured(
        "a", cells=[cell(10, seed="0", beginnings=("ab", "cd")), cell(20, seed="1", beginnings=("ef", "gh"))]
    )
    second = Measured("b", cells=[cell(10, seed="1", beginnings=("ef", "xx"))])
    _, rows = details([first, second])
    assert [row[-1] for row in rows] == ["100%", "50%"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


def test_a_run_from_end_to_end(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """weft is measured, what is not there is told, and one row file comes of it."""
    out = models / "rows.md"
    peers = ["--peer", "weft:--seed 1", "--peer", "nobody", "--url", "gone=http://127.0.0.1:9"]
    main(["--quick", "--models", str(models), "--workload", "shared-json", "--out", str(out), *peers])
    written = out.read_text()
    assert "| output tokens/s | at once | weft:--seed 1 |" in written
    assert "| weft:--seed 1 | shared-json | 2 |" in written
    assert "- nobody: not measured: no such server is known" in written
    assert "- gone: not measured" in written
    assert "shared-json" in capsys.readouterr().out
