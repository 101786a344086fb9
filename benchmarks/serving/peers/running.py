"""A server as a process: started on a free port, waited for, ended with all its children."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

from .base import Peer

POLL = 0.05
LAST_WORDS = 2000


class NotServing(Exception):
    """The server ended, or did not come up in time; with what it said last."""


class Running(NamedTuple):
    """A server that answers: its root address, and when its process was started (`time.perf_counter`), if by us."""

    url: str
    started: float | None


@contextmanager
def running(peer: Peer, model: Path, *, timeout: float) -> Iterator[Running]:
    """`peer` serving `model`, until the block ends. Raises `NotServing` where it is not ready in `timeout` seconds."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryFile() as said:
        started = time.perf_counter()
        process = subprocess.Popen(
            peer.command(model, port),
            env={**os.environ, **peer.environment()},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while not _answers(url + peer.health):
                late = time.perf_counter() - started > timeout
                if late or process.poll() is not None:
                    what = f"was not ready after {timeout:g} s" if late else f"ended by {process.returncode}"
                    raise NotServing(f"{what}: {_last_words(said.fileno())}")
                time.sleep(POLL)
            yield Running(url, started)
        finally:
            _end(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _last_words(file: int) -> str:
    size = os.fstat(file).st_size
    return os.pread(file, LAST_WORDS, max(0, size - LAST_WORDS)).decode(errors="replace").strip()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and what it started: asked first, then killed."""
    for sign, patience in ((signal.SIGTERM, 10.0), (signal.SIGKILL, None)):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            return
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
