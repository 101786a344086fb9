"""Compile every Triton kernel ahead of time and report what it takes: `python -m weft.kernels.compile [--arch 90 ...]`.

Needs no GPU. Prints a line for each kernel, variant and architecture: registers a thread, bytes spilled (local memory a
thread), bytes of shared memory a program. Exits 1 where a kernel does not compile.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

ARCHITECTURES = (80, 90, 100)
_MODULES = ("masked_sample.triton",)


@dataclass(frozen=True, slots=True)
class Build:
    """One kernel as it is launched.

    Attributes:
        kernel: the jitted function.
        signature: each argument's Triton type ("*fp32", "i32", "constexpr"; a tuple for a tuple).
        constants: the values of the constexpr arguments.
        options: what it is launched with: warps a program and so on.
        variant: what tells this build from others of the kernel.
    """

    kernel: Any
    signature: dict[str, Any]
    constants: dict[str, Any]
    options: dict[str, Any]
    variant: str


def builds() -> Iterator[Build]:
    """Every kernel in every variant that a launch can ask for."""
    for name in _MODULES:
        yield from import_module(f".{name}", __package__).builds()


def main(arguments: list[str] | None = None) -> int:
    """The command. Raises RuntimeError under TRITON_INTERPRET, where nothing is compiled."""
    parser = argparse.ArgumentParser(prog="python -m weft.kernels.compile", description=__doc__.split("\n")[0])
    parser.add_argument("--arch", type=int, nargs="+", default=ARCHITECTURES, help="compute capability, e.g. 90")
    parser.add_argument("--match", default="", help="only builds whose label holds this text, e.g. bf16")
    chosen = parser.parse_args(arguments)

    import triton

    if triton.knobs.runtime.interpret:
        raise RuntimeError("unset TRITON_INTERPRET: interpreted kernels are not compiled")
    failed = 0
    for build in builds():
        for arch in chosen.arch:
            label = f"sm_{arch} {build.kernel.__name__} [{build.variant}]"
            if chosen.match not in label:
                continue
            try:
                report = _compile(build, arch)
            except Exception as error:  # whatever the compiler raises: report it, go on, fail at the end
                failed += 1
                report = f"FAILED: {error}"
            print(f"{label}: {report}", flush=True)
    return 1 if failed else 0


def _compile(build: Build, arch: int) -> str:
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    source = ASTSource(build.kernel, build.signature, build.constants)
    compiled = triton.compile(source, target=GPUTarget("cuda", arch, 32), options=build.options)
    return f"{_usage(compiled.asm['cubin'])}, shared {compiled.metadata.shared}"


def _usage(cubin: bytes) -> str:
    """Registers and spills by cuobjdump, which Triton ships."""
    import triton

    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    if not tool.exists():
        return "registers unknown (no cuobjdump)"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        text = subprocess.run([tool, "-res-usage", file.name], capture_output=True, text=True, check=True).stdout
    found = re.search(r"REG:(\d+) STACK:(\d+)", text)
    return f"registers {found[1]}, spilled {found[2]}" if found else "registers unknown"


if __name__ == "__main__":
    raise SystemExit(main())
