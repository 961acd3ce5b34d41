"""What is said, and where: results on standard output, all else on standard error."""

import sys
from collections.abc import Iterable
from typing import Any

import typer


def say(message: str) -> None:
    """One line about the call itself, on standard error."""
    typer.echo(f"maxmargin: {message}", err=True)


def say_notes(notes: Iterable[str]) -> None:
    """Notes on standard error, where standard output holds results alone."""
    for note in notes:
        say(note)


def tell(notes: Iterable[str]) -> None:
    """Notes under the line that they belong to."""
    for note in notes:
        typer.echo(f"  {note}")


def console() -> Any:
    """Where tables are printed."""
    from rich.console import Console

    # Away from a terminal nothing may be cut to a guessed width.
    return Console() if sys.stdout.isatty() else Console(width=160)
