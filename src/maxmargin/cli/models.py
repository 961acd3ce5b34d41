"""The commands that make, apply and score one model."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from maxmargin._checks import InputError
from maxmargin.cli.options import (
    Cv,
    Data,
    Device,
    Epochs,
    ImageSize,
    Jobs,
    MaxSamples,
    ModelFolder,
    Seed,
    Target,
)
from maxmargin.cli.rows import applied, loaded, model_and_rows
from maxmargin.cli.runs import cpus, run_folder
from maxmargin.cli.screen import console, say_notes, tell


def fit(
    data: Data,
    method: Annotated[str, typer.Option(help="Name from 'maxmargin methods'.")] = "m3",
    target: Target = None,
    param: Annotated[
        list[str] | None,
        typer.Option(help="NAME=VALUE, again for more; fixes the parameters instead of tuning them."),
    ] = None,
    net: Annotated[
        str | None,
        typer.Option(
            help="Network of a deep method, as 'maxmargin methods' lists them.",
            show_default="ism3 for images of at least 16 pixels, else mlp",
        ),
    ] = None,
    epochs: Epochs = 20,
    device: Device = "auto",
    cv: Cv = 3,
    seed: Seed = 0,
    jobs: Jobs = None,
    max_samples: MaxSamples = None,
    image_size: ImageSize = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the model.", show_default="runs/<data>-<method>-<time>")
    ] = None,
) -> None:
    """Fit one method on all rows of DATA, its parameters chosen by cross-validation, and save it."""
    from maxmargin.persistence import check_replaceable
    from maxmargin.studies import Settings, drawn, fit_method, methods_on, select_methods

    select_methods([method])  # a wrong name is told before a large file is read
    settings = Settings(
        (method,), cv, seed=seed, max_samples=max_samples, net=net, epochs=epochs, device=device
    )
    params = dict(map(_parameter, param)) if param else None
    if out is not None:
        check_replaceable(out)  # before the work is done
    whole = loaded(data, target, image_size)
    dataset, _ = drawn(whole, settings.max_samples, settings.seed)
    tell(dataset.notes[len(whole.notes) :])
    (chosen,) = methods_on(dataset, settings)
    fitted = fit_method(dataset, chosen, params=params, cv=cv, seed=seed, jobs=jobs or cpus())
    path = fitted.save(dataset, out or run_folder(dataset.name, f"-{method}"))
    shown = ", ".join(f"{name}={value}" for name, value in fitted.params.items()) or "none"
    typer.echo(f"{chosen.title}, fitted on {len(dataset.y)} rows; parameters: {shown}")
    if fitted.validation_accuracy is not None:
        typer.echo(f"accuracy in {cv}-fold cross-validation: {fitted.validation_accuracy:.4f}")
    for warning in fitted.warnings:
        typer.echo(f"  {warning}")
    typer.echo(f"model: {path}")


def predict(
    model: ModelFolder,
    data: Data,
    out: Annotated[
        Path | None, typer.Option(help="CSV file to write.", show_default="standard output")
    ] = None,
    proba: Annotated[bool, typer.Option("--proba", help="Add the probability of each class.")] = False,
) -> None:
    """Apply a saved model to the rows of DATA, labelled or not.

    The rows are counted from 0 in the order of the file; those of images are named by their files.
    """
    import csv

    from maxmargin._files import replacing

    if out is not None and out.is_dir():
        raise InputError(f"{out} is a folder; give a file with --out")
    estimator, rows, manifest = model_and_rows(model, data)
    if proba and not hasattr(estimator, "predict_proba"):
        raise InputError(
            f"{model}: the method {manifest['method']!r} has no probabilities; leave out --proba"
        )
    say_notes(rows.notes)
    header, columns = ["row", "prediction"], [rows.names, applied(estimator.predict, rows.X, data).tolist()]
    if proba:
        header += [f"p({label})" for label in estimator.classes_.tolist()]
        columns += applied(estimator.predict_proba, rows.X, data).T.tolist()
    lines = [header, *zip(*columns, strict=True)]
    if out is None:
        csv.writer(sys.stdout, lineterminator="\n").writerows(lines)
        return
    with replacing(out) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)
    typer.echo(f"{len(lines) - 1} predictions: {out}")


def evaluate(model: ModelFolder, data: Data) -> None:
    """Score a saved model on the labelled rows of DATA."""
    from maxmargin.reports import evaluation_table

    estimator, rows, manifest = model_and_rows(model, data)
    if rows.y is None:
        target = manifest["metadata"]["target"]
        raise InputError(
            f"{data}: the label {target!r} is missing for some rows or all; fill it in, or use "
            "'maxmargin predict'"
        )
    say_notes(rows.notes)
    predicted = applied(estimator.predict, rows.X, data)
    console().print(evaluation_table(rows.y, predicted, estimator.classes_))


def _parameter(text: str) -> tuple[str, Any]:
    import ast

    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise InputError(f"--param {text!r} is not NAME=VALUE, such as C=1.0")
    try:
        return name.strip(), ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name.strip(), value
