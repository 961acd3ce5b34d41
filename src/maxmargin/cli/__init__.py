"""The command line."""

from maxmargin.cli.application import main

__all__ = ["main"]
