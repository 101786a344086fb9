"""Servers that are measured: how they are found and asked, the face of libraries, and processes that end."""

from __future__ import annotations

import asyncio
import os
import select
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from weft.benchmarks.serving.client import Answer, Load, run_load
from weft.benchmarks.serving.measure import Target, measure_cell
from weft.benchmarks.serving.peers import PEERS, Missing, NotServing, Peer, Places, running
from weft.benchmarks.serving.peers.base import version_in
from weft.benchmarks.serving.shims.http_face import answering
from weft.benchmarks.serving.workloads import workloads
from weft.errors import EngineError

SETTINGS: dict[str, Any] = {"threads": 2, "sequences": 8, "length": 512}


class Scripted(Peer):
    """A server that is whatever Python it is given."""

    name = "scripted"
    script = ""

    def find(self, places: Places) -> None:
        pass

    def version(self) -> str:
        return "1"

    def command(self, model: Path, port: int) -> list[str]:
        return [sys.executable, "-c", self.script, str(port)]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """An environment with a `llama-server` that only knows its version."""
    file = tmp_path / "bin" / "llama-server"
    file.parent.mkdir()
    file.write_text("#!/bin/sh\necho version: 42 >&2\n")
    file.chmod(0o755)
    return tmp_path


def test_a_program_is_found_in_an_environment_and_tells_its_version(program: Path) -> None:
    peer = PEERS["llama.cpp"](Places((program,)), extra=["--mlock"], **SETTINGS)
    assert peer.version() == "version: 42"
    command = peer.command(Path("/m.gguf"), 81)
    assert command[0] == str(program / "bin" / "llama-server")
    assert command[-1] == "--mlock"
    assert str(8 * 512) in command


@pytest.mark.parametrize("name", ["llama.cpp", "openvino", "vllm", "sglang"])
def test_what_is_not_there_is_missing(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("weft.benchmarks.serving.peers.base._has_module", lambda python, module: False)
    with pytest.raises(Missing):
        PEERS[name](Places((tmp_path,)), **SETTINGS)


def test_a_python_is_asked_for_modules_and_versions() -> None:
    assert Places().python_with("tokenizers") == sys.executable
    with pytest.raises(Missing, match="no_such_module"):
        Places().python_with("no_such_module")
    assert version_in(sys.executable, "nothing-of-this-name", "pytest") == pytest.__version__
    assert version_in(sys.executable, "nothing-of-this-name") == "unknown version"


@pytest.mark.parametrize("name", list(PEERS))
def test_every_server_is_asked_the_same(name: str, program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.benchmarks.serving.peers.base._has_module", lambda python, module: True)
    peer = PEERS[name](Places((program,)), **SETTINGS)
    known = workloads()
    plain = peer.body(Path("/models/m"), [1, 2], known["shared"])
    assert (plain["prompt"], plain["max_tokens"], plain["temperature"], plain["ignore_eos"]) == ([1, 2], 64, 0, True)
    assert plain["stream_options"] == {"include_usage": True}
    if "schema" not in peer.cannot:
        asked = peer.body(Path("/models/m"), [1, 2], known["shared-json"])
        assert known["shared-json"].schema in (
            asked.get("json_schema"),
            asked.get("response_format", {}).get("json_schema", {}).get("schema"),
        )


class Ended(Scripted):
    script = "import sys; sys.exit('no such weights')"


class Late(Scripted):
    script = "import time; print('still loading', flush=True); time.sleep(600)"


class Ready(Scripted):
    """Answers every GET, and holds a child that ends with it."""

    script = """
import http.server, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(child.pid).encode())
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.mark.parametrize(
    ("peer", "timeout", "said"),
    [
        pytest.param(Ended, 60, "no such weights", id="ended"),
        pytest.param(Late, 0.5, "was not ready", id="late"),
    ],
)
def test_a_server_that_does_not_come_up_says_why(peer: type[Scripted], timeout: float, said: str) -> None:
    made = peer(Places(), **SETTINGS)
    with pytest.raises(NotServing, match=said), running(made, Path("m"), timeout=timeout):
        pass


def test_a_server_ends_with_all_its_children() -> None:
    with running(Ready(Places(), **SETTINGS), Path("m"), timeout=60) as (url, started):
        assert started is not None
        with urlopen(url) as answer:
            child = os.pidfd_open(int(answer.read()))
    assert select.select([child], [], [], 60)[0], "the child outlived its server"
    os.close(child)


class Counting:
    """A library whose tokens are numbers."""

    def submit(self, body: dict[str, Any], put: Any) -> None:
        def run() -> None:
            for at in range(body["max_tokens"]):
                put([f"{at} "])
            put(None)

        threading.Thread(target=run).start()


def test_a_library_is_asked_like_a_server() -> None:
    async def go() -> Load:
        async with answering(Counting(), 0) as server:
            port = server.sockets[0].getsockname()[1]
            bodies = [{"prompt": [1, 2, 3], "max_tokens": at} for at in (1, 2, 5)]
            return await run_load(f"http://127.0.0.1:{port}", bodies, 2)

    answers = asyncio.run(go()).answers
    assert [answer.text for answer in answers] == ["0 ", "0 1 ", "0 1 2 3 4 "]
    assert [answer.output_tokens for answer in answers] == [1, 2, 5]
    assert all((answer.prompt_tokens, answer.cached_tokens) == (3, None) for answer in answers)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a server answers, whatever it is asked."""
    texts: list[str] = []

    def load(target: Target, work: Any, count: int, concurrency: int, seed: str) -> Load:
        answers = [Answer(0.0, (1.0, 2.0), text, 10, 5, 2) for text in texts]
        return Load(answers, 2.0, 0.1)

    monkeypatch.setattr(Target, "load", load)
    return texts


def test_figures_of_a_cell(told: list[str]) -> None:
    told += ["ab", "cd"]
    target = Target(Scripted(Places(), **SETTINGS), "", Path("m"), 100, 1.0)
    cell = measure_cell(target, workloads()["shared"], 2, 2, "seed")
    assert (cell.rate, cell.sampled_rate, cell.first, cell.gap) == (2.0, 2.0, (1.0, 1.0), (1.0, 1.0))
    assert cell.hit_rate == 0.5
    assert cell.agreement(cell) == 1
    told[1] = "xy"
    assert cell.agreement(measure_cell(target, workloads()["shared"], 2, 2, "seed")) == 0.5


def test_a_server_that_ignores_the_schema_is_not_measured(told: list[str]) -> None:
    told += ['{"title": "', "once upon a time"]
    target = Target(Scripted(Places(), **SETTINGS), "", Path("m"), 100, 1.0)
    with pytest.raises(EngineError, match="schema was ignored"):
        measure_cell(target, workloads()["shared-json"], 2, 2, "seed")
