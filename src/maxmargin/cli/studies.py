"""The commands that answer a question about a data set: a report, a model and all records."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from maxmargin.cli.options import (
    Cv,
    Data,
    Device,
    Epochs,
    ImageSize,
    Jobs,
    MaxSamples,
    Resume,
    Seed,
    Target,
    TestSize,
)
from maxmargin.cli.rows import loaded
from maxmargin.cli.runs import cpus, resuming, run_folder
from maxmargin.cli.screen import console, say, tell


def compare(
    data: Data,
    target: Target = None,
    methods: Annotated[
        str | None,
        typer.Option(help="Names from 'maxmargin methods', by commas.", show_default="all but the deep ones"),
    ] = None,
    net: Annotated[
        str | None,
        typer.Option(
            help="Network of the deep methods, as 'maxmargin methods' lists them; without --methods it adds "
            "them to the others.",
            show_default="ism3 for images of at least 16 pixels, else mlp",
        ),
    ] = None,
    epochs: Epochs = 20,
    device: Device = "auto",
    cv: Cv = 3,
    repeats: Annotated[int, typer.Option(help="Splits into a training and a test part.")] = 5,
    test_size: TestSize = 0.25,
    seed: Seed = 0,
    jobs: Jobs = None,
    max_samples: MaxSamples = None,
    image_size: ImageSize = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the results.", show_default="runs/<data>-<time>")
    ] = None,
    resume: Resume = False,
) -> None:
    """Tell which margin classifier wins on DATA, by how much and how surely; leave a report and a model."""
    from maxmargin.reports import summarise, terminal_table, verdict, write_html
    from maxmargin.studies import Comparison, ProgressBar, Settings, select_methods

    names = None if methods is None else tuple(name.strip() for name in methods.split(",") if name.strip())
    settings = Settings(names, cv, repeats, test_size, seed, max_samples, net, epochs, device)
    select_methods(names)  # a wrong name is told before a large file is read
    dataset = loaded(data, target, image_size)
    folder = out or run_folder(dataset.name, resume=resume)
    try:
        progress = ProgressBar()
        study = Comparison(dataset, settings, folder, jobs=jobs or cpus(), progress=progress)
        tell([*study.dataset.notes[len(dataset.notes) :], *study.sentences])
        with progress:
            records = study.run(resume=resume)
        summary = summarise(records)
        write_html(summary, folder / "report.html")
    except KeyboardInterrupt:
        say(f"interrupted; go on with: {resuming(out, folder, resume)}")
        raise typer.Exit(130) from None
    console().print(terminal_table(summary))
    for sentence in verdict(summary):
        typer.echo(sentence)
    _tell_paths(folder, (summary.model or {}).get("warnings", []), predictions="preds.csv")


def tune(
    data: Data,
    method: Annotated[str, typer.Option(help="What to tune: rbf, the SVM with an RBF kernel.")] = "rbf",
    target: Target = None,
    strategy: Annotated[
        str, typer.Option(help="ovo: a machine for each pair of classes; ovr: for each against the rest.")
    ] = "ovo",
    coarse_to_fine: Annotated[
        bool, typer.Option(help="Whether a finer grid around the best of the first one follows.")
    ] = True,
    cv: Cv = 5,
    test_size: TestSize = 0.25,
    seed: Seed = 0,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processors to use.", show_default="all")] = None,
    max_samples: MaxSamples = None,
    image_size: ImageSize = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the results.", show_default="runs/<data>-tune-<time>")
    ] = None,
    resume: Resume = False,
) -> None:
    """Find the C and gamma that suit DATA, and how good they are on unseen rows; leave a report and a model.

    C = 2^-7, 2^-5, ..., 2^13 and gamma = 2^-15, 2^-13, ..., 2^3 are tried in every combination, then 16 x 16
    values in steps of 2^(1/4) around the best.
    """
    from maxmargin.reports import summarise_tuning, tuning_verdict, write_tuning_html
    from maxmargin.studies import Tuning, TuningSettings

    settings = TuningSettings(method, strategy, coarse_to_fine, cv, test_size, seed, max_samples)
    dataset = loaded(data, target, image_size)
    folder = out or run_folder(dataset.name, "-tune", resume)
    try:
        study = Tuning(dataset, settings, folder, jobs=jobs, verbose=sys.stderr.isatty())
        tell([*study.dataset.notes[len(dataset.notes) :], *study.sentences])
        summary = summarise_tuning(study.run(resume=resume))
        write_tuning_html(summary, folder / "report.html")
    except KeyboardInterrupt:
        say(f"interrupted; go on with: {resuming(out, folder, resume)}")
        raise typer.Exit(130) from None
    for sentence in tuning_verdict(summary):
        typer.echo(sentence)
    _tell_paths(folder, summary.warnings)


def _tell_paths(folder: Path, warnings: list[str], **others: str) -> None:
    """Where the results lie, and what the fit of the model warned of."""
    files = {"report": "report.html", "model": "model"} | others | {"records": "records.jsonl"}
    width = max(map(len, files)) + 2
    typer.echo()
    for name, file in files.items():
        typer.echo(f"{name + ':':{width}}{folder / file}")
        for warning in warnings if name == "model" else []:
            typer.echo(f"{'':{width}}{warning}")
