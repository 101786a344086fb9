"""What the checkout holds is what a wheel ships."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from checkout import ROOT, dotted, is_beside, packages, project


def test_the_packaging_list_is_the_tree() -> None:
    listed = project()["tool"]["setuptools"]["packages"]
    assert listed == sorted(listed), "keep tool.setuptools.packages sorted"
    assert listed == sorted(dotted(folder) for folder in packages())


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a package is built from, so that no `build/` is left in the checkout."""
    source = tmp_path_factory.mktemp("source")
    for path in ROOT.iterdir():
        if is_beside(path.name):
            continue
        if path.is_dir():
            # `runs` holds the trainer's checkpoints
            shutil.copytree(path, source / path.name, ignore=shutil.ignore_patterns("__pycache__", "runs"))
        else:
            shutil.copy(path, source / path.name)
    return source


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel built from `source`, unpacked."""
    work = tmp_path_factory.mktemp("wheel")
    tree = shutil.copytree(source, work / "tree")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(work), str(tree)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = work.glob("weft-*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(work / "site")
    return work / "site"


def test_the_wheel_ships_every_file_of_every_package(source: Path, wheel: Path) -> None:
    in_root = {path.name for path in source.glob("*.py")} | {"py.typed"}
    in_folders = {str(path.relative_to(source)) for path in source.glob("*/**/*") if path.is_file()}
    expected = in_root | {name for name in in_folders if not name.endswith((".md", ".log"))}
    shipped = {str(path.relative_to(wheel / "weft")) for path in (wheel / "weft").rglob("*") if path.is_file()}
    assert shipped == expected
    assert "seedling/model/config.json" in shipped


def test_the_wheel_imports_by_itself(wheel: Path) -> None:
    names = [dotted(folder) for folder in packages()]
    script = (
        f"import importlib, sys; sys.path.insert(0, {str(wheel)!r})\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "print(sys.modules['weft'].__file__)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()) == wheel / "weft" / "__init__.py"


def test_the_wheel_names_its_command_and_its_licence(wheel: Path) -> None:
    (info,) = wheel.glob("weft-*.dist-info")
    assert "weft = weft.cli.main:main" in (info / "entry_points.txt").read_text()
    assert (info / "licenses" / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


# Beside the dependencies: triton, where the dispatcher finds it; what making and judging the built-in model needs, and
# measuring, which is development, by the `dev` extra; and what is measured, which its own Python has.
OPTIONAL = {
    "benchmarks": {
        "gguf",
        "llguidance",
        "mistral_common",
        "openvino",
        "openvino_genai",
        "tiktoken",
        "transformers",
        "xgrammar",
    },
    "grammar": {"tiktoken"},
    "kernels": {"triton"},
    "seedling": {"jsonschema", "transformers"},
}
MODULE_OF = {"pyzmq": "zmq"}
COMES_WITH = {"starlette": "fastapi", "typing_extensions": "pydantic"}


def test_every_import_is_a_declared_dependency() -> None:
    requirements = project()["project"]["dependencies"]
    declared = {re.split(r"[<>=!~;\[ ]", requirement)[0].replace("-", "_") for requirement in requirements}
    allowed = {MODULE_OF.get(name, name) for name in declared} | sys.stdlib_module_names
    for folder in packages():
        for path in folder.glob("*.py"):
            place = path.relative_to(ROOT)
            undeclared = {COMES_WITH.get(name, name) for name in imported(path)} - allowed
            assert undeclared <= OPTIONAL.get(place.parts[0], set()), f"{place} imports {undeclared}"


def imported(path: Path) -> set[str]:
    """The top-level names of a file's absolute imports, wherever they stand in it."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.append(node.module)
    return {name.partition(".")[0] for name in names}
