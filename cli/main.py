"""The `weft` command and what all its commands share: the version, and errors without tracebacks."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from ..errors import InvalidRequest, WeftError
from .grammar import grammar
from .serve import serve

app = typer.Typer(
    name="weft",
    help="A structured-generation language and the runtime that serves it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("serve")(serve)
app.command("grammar")(grammar)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"weft {version('weft')}")
        raise typer.Exit


@app.callback()
def root(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """A structured-generation language and the runtime that serves it."""


def main() -> None:
    """The console script. Exits by 2 where the command was told something wrong, by 1 where it failed."""
    try:
        app()
    except WeftError as error:
        typer.echo(f"weft: {error.message}", err=True)
        sys.exit(2 if isinstance(error, InvalidRequest) else 1)
