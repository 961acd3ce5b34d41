"""The commands that list what there is."""

from pathlib import Path
from typing import Annotated

import typer

from maxmargin.cli.screen import console


def methods() -> None:
    """List the methods, and the networks that --net names."""
    from rich.table import Table

    from maxmargin.studies import METHODS, NETWORKS

    table = Table("name", "title", "what it does", "tuned", "probabilities", "needs", box=None)
    for method in METHODS.values():
        table.add_row(
            method.name,
            method.title,
            method.summary,
            ", ".join(method.grid) or "-",
            "yes" if method.has_probabilities else "no",
            ", ".join(["PyTorch"] * method.deep + ["images"] * (method.kinds == ("image",))) or "-",
        )
    console().print(table)
    typer.echo(
        f"\nnetworks for --net: {', '.join(NETWORKS)}\n"
        "compare runs all but the deep methods (from softmax-net on) unless --methods or --net asks for them"
    )


def datasets(context: typer.Context) -> None:
    """List the data sets known by name, or fetch one."""
    if context.invoked_subcommand is not None:
        return
    from rich.table import Table

    from maxmargin.datasets import available_datasets

    table = Table("name", "rows", "features", "classes", "here", "where", box=None)
    for info in available_datasets():
        numbers = [str(n or "?") for n in (info.n_samples, info.n_features, info.n_classes)]
        where = ", ".join(info.where) if len(info.where) < 3 else f"{Path(info.where[0]).parent}/*"
        table.add_row(info.name, *numbers, "yes" if info.present else "no", where or info.home)
    console().print(table)


def fetch(name: Annotated[str, typer.Argument(help="Name of a data set whose home is known.")]) -> None:
    """Download a data set into MAXMARGIN_DATA, its checksum verified."""
    from maxmargin.datasets import fetch_dataset

    typer.echo(f"{name}: {fetch_dataset(name)}")
