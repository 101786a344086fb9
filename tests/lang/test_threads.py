"""Many programs at once, from many threads."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from weft import lang as weft
from weft.lang import ScriptedBackend

pytestmark = pytest.mark.timeout(120)


def digest(prompt, request):
    return f"{zlib.crc32(prompt.encode()):08x}"


@weft.function
def busy(s, seed):
    s += f"seed {seed}: " + weft.gen("a")
    forks = s.fork(3)
    for place, fork in enumerate(forks):
        fork += f"/{place}:" + weft.gen("b") + weft.gen("c")
    forks.join()
    s += weft.gen("d")
    return s["a"], s["b"], s["c"], s["d"], [fork.text for fork in forks], s.text


def test_results_do_not_depend_on_what_else_runs():
    backend = ScriptedBackend(digest)
    alone = [busy.run(seed=seed, backend=backend).returned for seed in range(16)]
    with ThreadPoolExecutor(16) as pool:
        runs = pool.map(lambda number: busy.run(seed=number % 16, backend=backend).returned, range(96))
    assert list(runs) == alone * 6


def test_threads_may_write_to_forks_of_one_program():
    @weft.function
    def program(s):
        s += "root "
        forks = s.fork(8)

        def write(place):
            forks[place] += f"{place} " + weft.gen("x")
            return forks[place]["x"]

        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(write, range(8)))

    returned = program.run(backend=ScriptedBackend(digest)).returned
    assert returned == [digest(f"root {place} ", None) for place in range(8)]


def test_a_fork_costs_no_thread():
    open_calls, release = threading.Semaphore(0), threading.Event()
    counts = []

    class Waiting(ScriptedBackend):
        """Tickets that wait without a thread."""

        def generate(self, request):
            ticket = weft.fake.ScriptedTicket(request.id)
            self.waiting.append(ticket)
            open_calls.release()
            return ticket

        waiting: list = []  # noqa: RUF012 - one test, one backend

    @weft.function
    def program(s):
        s += "x"
        before = threading.active_count()
        forks = s.fork(50)
        for fork in forks:
            fork += weft.gen("x")
        for _ in range(50):
            open_calls.acquire()
        counts.append(threading.active_count() - before)
        s.abort()

    program.run(backend=Waiting({}))
    release.set()
    assert counts[0] <= 1  # the event loop's own thread, if this is the first program


def test_a_process_ends_with_programs_in_flight():
    """An abandoned program keeps nobody from leaving, and nothing is printed about it."""
    source = """
import threading
from weft import lang as weft

@weft.function
def program(s):
    s += "x" + weft.gen("x")
    return s["x"]

asked = threading.Event()
def never(prompt, request):
    asked.set()
    threading.Event().wait()

state = program.stream(backend=weft.ScriptedBackend(never))
asked.wait()
print("leaving")
"""
    done = subprocess.run([sys.executable, "-X", "dev", "-c", source], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr, done.returncode) == ("leaving\n", "", 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork processes")
def test_a_forked_process_runs_programs_of_its_own():
    source = """
import os
from weft import lang as weft

@weft.function
def program(s):
    s += "x" + weft.gen("x")

def run(text):
    print(program.run(backend=weft.ScriptedBackend({"x": text}))["x"], flush=True)

run("parent")
child = os.fork()
if not child:
    run("child")
    os._exit(0)
os.waitpid(child, 0)
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "parent\nchild\n"


def test_the_language_loads_nothing_heavy():
    source = """
import sys
from weft import lang as weft

@weft.function
def program(s):
    s += "x" + weft.gen("x", regex="[a-z]")

assert program.run(backend=weft.ScriptedBackend({"x": "y"}))["x"] == "y"
heavy = {"torch", "transformers", "tokenizers", "fastapi", "zmq", "weft.runtime", "weft.server"}
print(sorted(heavy & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
