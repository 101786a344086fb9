"""The command line: what it prints, and how it fails."""

from __future__ import annotations

import socket
import subprocess
import sys

from typer.testing import CliRunner

import weft
from weft.cli.main import app

COMMAND = [sys.executable, "-c", "from weft.cli.main import main; main()"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_version() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"weft {weft.__version__}\n")


def test_help_names_every_option() -> None:
    result = CliRunner().invoke(app, ["serve", "--help"], env={"COLUMNS": "200", "TERMINAL_WIDTH": "200"})
    assert result.exit_code == 0
    for option in ("--host", "--port", "--served-model-name", "--device", "--max-model-len", "--json"):
        assert option in result.output


def test_an_unknown_option_is_a_usage_error() -> None:
    assert CliRunner().invoke(app, ["serve", "--colour"]).exit_code == 2


def test_a_model_that_is_not_there() -> None:
    done = run("serve", "/no/such/model")
    assert done.returncode == 1
    assert done.stderr == "weft: /no/such/model is not a model folder; 'seedling' is the built-in model\n"


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("serve", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert done.stderr.startswith("weft: cannot listen on 127.0.0.1:")
    assert "Traceback" not in done.stderr


def test_a_host_that_no_name_can_be() -> None:
    done = run("serve", "--host", "a..b")
    assert done.returncode == 2
    assert done.stderr.startswith("weft: cannot listen on a..b:8000: ")


def test_the_command_itself_loads_nothing_heavy() -> None:
    code = "import sys, weft.cli.main; print({'torch', 'fastapi', 'uvicorn', 'zmq', 'tokenizers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "set()\n"


def test_the_server_process_loads_no_torch() -> None:
    code = "import sys, weft.server.serve; print({'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "set()\n"
