"""The house rules that a reader of the checkout relies on."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import ROOT, dotted, is_beside, packages, project

import weft


def test_imports_keep_to_their_floors() -> None:
    script = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", script, "--no-cache"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_in_the_root_shadows_the_standard_library() -> None:
    names = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert names & sys.stdlib_module_names == set()


def test_the_root_ships_no_test_configuration() -> None:
    assert not (ROOT / "conftest.py").exists()


@pytest.mark.parametrize("folder", list(packages()), ids=dotted)
def test_every_package_says_what_it_is_for(folder: Path) -> None:
    doc = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
    assert len(doc) > 30, f"{dotted(folder)} needs a docstring that says what the folder is for"


def test_packages_import_each_other_relatively() -> None:
    absolute = re.compile(r"^\s*(?:from|import) weft\b", flags=re.MULTILINE)
    sources = [path for folder in packages() for path in folder.glob("*.py")]
    assert [str(path) for path in sources if absolute.search(path.read_text())] == []


def test_the_version_is_one() -> None:
    assert project()["project"]["version"] == weft.__version__
    versions = re.findall(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert versions[0] == weft.__version__


def test_the_readme_names_commands_that_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"^make (\w+)", (ROOT / "README.md").read_text(), flags=re.MULTILINE))
    assert {"demo", "test"} <= named <= targets


def test_links_between_documents_lead_somewhere() -> None:
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")]
    for document in documents:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name} links to {target}, which is not there"


def test_files_named_in_documents_exist() -> None:
    for document in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]:
        for name in re.findall(r"`(\w+(?:/\w+)*(?:/|\.py))`", document.read_text()):
            assert (ROOT / name).exists(), f"{document.name} names {name}, which is not there"


def test_continuous_integration_runs_what_people_run() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o100
    assert "make test" in script.read_text()


def test_no_folder_is_left_without_an_owner() -> None:
    """Every folder of the root is a package or one of those known to stand beside it."""
    known = {folder.name for folder in packages()}
    strays = [path.name for path in ROOT.iterdir() if path.is_dir() and not is_beside(path.name)]
    assert sorted(set(strays) - known) == []
