"""The command that reruns the papers' experiments and tells what they found."""

from pathlib import Path
from typing import Annotated

import typer

from maxmargin.cli.options import Device
from maxmargin.cli.screen import console, say


def reproduce(
    names: Annotated[
        list[str] | None, typer.Argument(help="Experiments; without one they are listed.")
    ] = None,
    scale: Annotated[
        str, typer.Option(help="full: the paper's protocol; quick: a reduction that ends in minutes.")
    ] = "quick",
    seeds: Annotated[int, typer.Option(min=1, help="Repetitions, with seeds 0, 1, ...")] = 2,
    first_seed: Annotated[int, typer.Option(min=0, help="The first of the seeds.")] = 0,
    device: Device = "auto",
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the records in --out; what is there is not run again."),
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder of the records.")] = Path("results"),
) -> None:
    """Rerun experiments of the papers on the real data, and tell their figures beside the printed ones.

    A run that was killed goes on where it was with --resume.
    """
    from maxmargin.reports.papers import summarise_evidence, terminal_tables
    from maxmargin.studies.papers import load_experiment
    from maxmargin.studies.papers import reproduce as rerun

    if not names:
        _list()
        return
    experiments = [load_experiment(name) for name in names]
    for experiment in experiments:
        experiment.at(scale)
    numbers = range(first_seed, first_seed + seeds)
    for experiment in experiments:
        try:
            records = rerun(experiment, scale, numbers, out, device=device, resume=resume, tell=say)
        except KeyboardInterrupt:
            say("interrupted; add --resume to go on")
            raise typer.Exit(130) from None
        for section in summarise_evidence([experiment], {experiment.name: records}):
            for part in terminal_tables(section):
                console().print(part)
        typer.echo(f"records: {out / experiment.name}.jsonl")


def _list() -> None:
    """The experiments, how long a seed of each takes, and the data that are missing."""
    from rich.table import Table

    from maxmargin.datasets import available_datasets
    from maxmargin.reports.formats import duration
    from maxmargin.studies.papers import available_experiments

    missing = {info.name for info in available_datasets() if not info.present}
    table = Table("name", "what it asks", "quick", "full", "data that are missing", box=None)
    for name, experiment in available_experiments().items():
        times = [duration(experiment.at(scale).effort(range(1))) for scale in ("quick", "full")]
        lacking = [source for source in experiment.procedure.sources if source in missing]
        table.add_row(name, experiment.title, *times, ", ".join(lacking) or "-")
    console().print(table)
    typer.echo("\nquick, full: about how long one seed takes on one processor, without what is missing")
