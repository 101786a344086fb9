"""Where the checkout is, and what in it is the package."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

# Folders of the root that are no part of the package.
BESIDE = {"build", "dist", "docs", "examples", "tests"}


def project() -> dict[str, Any]:
    """pyproject.toml, parsed."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def is_beside(name: str) -> bool:
    """Whether a file or folder of the root is none of the package's."""
    return name in BESIDE or name.startswith(".") or name.endswith((".egg-info", "__pycache__"))


def packages() -> Iterator[Path]:
    """Every folder that is a package, the root first."""
    yield ROOT
    for init in sorted(ROOT.glob("*/**/__init__.py")):
        if not is_beside(init.relative_to(ROOT).parts[0]):
            yield init.parent


def dotted(folder: Path) -> str:
    """The name a package's folder is imported by."""
    return ".".join(("weft", *folder.relative_to(ROOT).parts))
