"""The command line: parses, delegates, and turns what cannot be done into one line and exit code 2."""

import errno
import os
import sys
import warnings
from typing import Annotated, Any

import typer

from maxmargin import __version__
from maxmargin._checks import InputError
from maxmargin.cli.lists import datasets, fetch, methods
from maxmargin.cli.models import evaluate, fit, predict
from maxmargin.cli.reporting import report
from maxmargin.cli.reproduction import reproduce
from maxmargin.cli.screen import say
from maxmargin.cli.studies import compare, tune

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    invoke_without_command=True,
)


@app.callback()
def maxmargin(
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    """Large-margin classification: which margin classifier suits your data, by how much and how surely."""
    if version:
        typer.echo(f"maxmargin {__version__}")
        raise typer.Exit


datasets_app = typer.Typer(
    invoke_without_command=True, help="List the data sets known by name, or fetch one."
)
for command in (compare, tune, fit, predict, evaluate, reproduce, report, methods):
    app.command()(command)
app.add_typer(datasets_app, name="datasets")
datasets_app.callback()(datasets)
datasets_app.command()(fetch)


def main() -> None:
    """Run the command line; bad input ends with one line on standard error and exit code 2."""
    warnings.showwarning = _show_warning
    try:
        try:
            app()
        finally:
            _flush()
    except InputError as error:
        _fail(str(error))
    except MemoryError:
        _fail("not enough memory; use fewer rows with --max-samples or fewer processes with --jobs")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}; {_ADVICE.get(error.errno or 0, 'check the path')}")


_FULL = "free some space and try again, or go on with --resume"
_ADVICE = {errno.ENOSPC: _FULL, errno.EDQUOT: _FULL, errno.EFBIG: _FULL}


def _flush() -> None:
    """Write out what is printed while an error can still be told."""
    try:
        sys.stdout.flush()
    except OSError as error:
        # Python would try once more at its end and print a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            sys.exit(1)  # the reader has left: nothing to say, and nobody to say it to
        raise


def _fail(message: str) -> None:
    say(f"error: {' '.join(message.split())}")
    sys.exit(2)


def _show_warning(message: Warning | str, *_: Any) -> None:
    say(f"warning: {' '.join(str(message).split())}")
