"""What a figure is written down with: date, device, versions and commit."""

from __future__ import annotations

import datetime
import os
import subprocess
from importlib.metadata import version
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
WIDE = (("amx_bf16", "AMX-BF16"), ("avx512_bf16", "AVX512-BF16"), ("avx512f", "AVX512"), ("avx2", "AVX2"))


def today() -> str:
    """The date, in UTC."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def device() -> str:
    """The CPU: its name, the cores this process may use, and the widest instructions it has."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    flags = fields.get("flags", "").split()
    widest = next((name for flag, name in WIDE if flag in flags), "no wide vectors known")
    return f"{fields.get('model name', 'CPU')}, {cores()} cores ({widest})"


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def torch_version() -> str:
    """torch's version; loads no torch."""
    return version("torch")


def commit() -> str:
    """The checkout's commit, "+" after it where files differ; "no checkout" for an installed package."""

    def git(*words: str) -> str:
        command = ["git", "-C", str(CHECKOUT), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    if not (CHECKOUT / ".git").exists():
        return "no checkout"
    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")
