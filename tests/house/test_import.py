"""`import weft` is cheap, and its names are the documented ones."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

import pytest
from checkout import ROOT

import weft

HEAVY = ("torch", "numpy", "triton", "numba", "transformers", "tokenizers", "fastapi", "uvicorn", "zmq", "openai")


def loaded_by(code: str) -> set[str]:
    """Which heavy modules a fresh interpreter has loaded after `code`."""
    script = f"{code}\nimport sys\nprint(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT.parent)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_import_weft_loads_nothing_heavy() -> None:
    assert loaded_by("import weft") == set()


def test_writing_a_program_loads_no_tensors() -> None:
    code = "import weft\n@weft.function\ndef f(s): s += weft.user('hi') + weft.assistant(weft.gen('x'))"
    assert loaded_by(code).isdisjoint({"torch", "triton", "transformers", "fastapi"})


def test_the_command_line_starts_light() -> None:
    assert loaded_by("import weft.cli.main").isdisjoint({"torch", "triton", "transformers"})


@pytest.mark.parametrize("name", weft.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(weft, name)
    assert (value.__doc__ or "").strip(), f"weft.{name} has no docstring"


def test_the_public_names_are_those_of_the_docs() -> None:
    documented = re.findall(r"^- `weft\.(\w+)`", (ROOT / "docs" / "api.md").read_text(), flags=re.MULTILINE)
    assert sorted(documented) == sorted(set(documented))
    assert sorted(weft.__all__) == sorted(documented)


def test_type_checkers_see_what_is_loaded_lazily() -> None:
    tree = ast.parse((ROOT / "__init__.py").read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen: dict[str, str] = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        assert [alias.asname for alias in node.names] == [alias.name for alias in node.names]
        seen |= {alias.name: "." + (node.module or "") for alias in node.names}
    assert {seen.pop(module) for module in weft._MODULES} == {"."}
    assert seen == weft._HOME_OF


def test_dir_lists_the_public_names_and_an_unknown_one_is_an_attribute_error() -> None:
    assert set(weft.__all__) <= set(dir(weft))
    with pytest.raises(AttributeError, match="module 'weft' has no attribute 'nothing_so_called'"):
        weft.nothing_so_called  # noqa: B018
