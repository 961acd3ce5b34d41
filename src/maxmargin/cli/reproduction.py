"""The command that reruns the papers' experiments."""

from pathlib import Path
from typing import Annotated

import typer

from maxmargin.cli.options import Device
from maxmargin.cli.screen import console, say


def reproduce(
    name: Annotated[str | None, typer.Argument(help="An experiment; without one they are listed.")] = None,
    scale: Annotated[str, typer.Option(help="full: the paper's protocol; quick: fewer epochs.")] = "quick",
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each objective, with seeds 0, 1, ...")] = 2,
    first_seed: Annotated[int, typer.Option(min=0, help="The first of the seeds.")] = 0,
    device: Device = "auto",
    out: Annotated[Path, typer.Option(help="Folder of the records; what it holds is not run again.")] = Path(
        "results"
    ),
) -> None:
    """Rerun an experiment of the papers on the real data, and tell its figures beside the printed ones.

    A run that was killed goes on where it was when it is called again.
    """
    from rich.table import Table

    from maxmargin.reports import reproduced
    from maxmargin.studies import Reproduction, available_experiments, load_experiment

    if name is None:
        table = Table("name", "what it asks", box=None)
        for row in available_experiments().items():
            table.add_row(*row)
        console().print(table)
        return
    experiment = load_experiment(name)
    numbers = range(first_seed, first_seed + seeds)
    study = Reproduction(experiment, scale, numbers, out, device=device, progress=True, tell=typer.echo)
    try:
        records = study.run()
    except KeyboardInterrupt:
        say("interrupted; the same command goes on")
        raise typer.Exit(130) from None
    printed = {name: one["paper_error"] for name, one in experiment.objectives.items()}
    console().print(reproduced(records, printed))
    typer.echo(f"records: {study.log.path}")
