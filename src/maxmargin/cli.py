"""The command line: parses, delegates, and turns what cannot be done into one line and exit code 2."""

import errno
import os
import shlex
import sys
import warnings
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maxmargin import __version__
from maxmargin._checks import InputError

if TYPE_CHECKING:
    from maxmargin.datasets import Dataset

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
app.add_typer(datasets_app, name="datasets")

Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A known name (see 'maxmargin datasets'), a file (CSV, TSV, Parquet, NPZ, MAT, HDF5, ARFF, "
        "libsvm text; .gz too), or a folder of images with one subfolder a class.",
    ),
]
Target = Annotated[str | None, typer.Option(help="Name of the label column.", show_default="the last column")]
ImageSize = Annotated[
    int | None,
    typer.Option(
        min=4, help="Height and width of images from a folder, in pixels.", show_default="theirs, or 32"
    ),
]
Cv = Annotated[int, typer.Option(help="Folds that choose the parameters, at least 2.")]
Seed = Annotated[int, typer.Option(help="Seed of the splits and folds.")]
Jobs = Annotated[int | None, typer.Option(min=1, help="Processes.", show_default="all processors")]
MaxSamples = Annotated[
    int | None, typer.Option(help="Use at most this many rows, drawn by class.", show_default="all")
]
ModelFolder = Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of a saved model.")]


@app.command()
def compare(
    data: Data,
    target: Target = None,
    methods: Annotated[
        str | None, typer.Option(help="Names from 'maxmargin methods', by commas.", show_default="all")
    ] = None,
    cv: Cv = 3,
    repeats: Annotated[int, typer.Option(help="Splits into a training and a test part.")] = 5,
    test_size: Annotated[float, typer.Option(help="Share of the rows in the test part.")] = 0.25,
    seed: Seed = 0,
    jobs: Jobs = None,
    max_samples: MaxSamples = None,
    image_size: ImageSize = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the results.", show_default="runs/<data>-<time>")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the run in --out, by default the last one on this data."),
    ] = False,
) -> None:
    """Tell which margin classifier wins on DATA, by how much and how surely; leave a report and a model."""
    from maxmargin.reports import summarise, terminal_table, verdict, write_html
    from maxmargin.studies import Comparison, ProgressBar, Settings, select_methods

    names = None if methods is None else tuple(name.strip() for name in methods.split(",") if name.strip())
    settings = Settings(names, cv, repeats, test_size, seed, max_samples)
    select_methods(names)  # a wrong name is told before a large file is read
    dataset = _loaded(data, target, image_size)
    folder = out or _run_folder(dataset.name, resume)
    try:
        progress = ProgressBar()
        study = Comparison(dataset, settings, folder, jobs=jobs or _cpus(), progress=progress)
        _tell([*study.dataset.notes[len(dataset.notes) :], *study.sentences])
        with progress:
            records = study.run(resume=resume)
        summary = summarise(records)
        write_html(summary, folder / "report.html")
    except KeyboardInterrupt:
        _say(f"interrupted; go on with: {_resuming(out, folder, resume)}")
        raise typer.Exit(130) from None
    _console().print(terminal_table(summary))
    for sentence in verdict(summary):
        typer.echo(sentence)
    typer.echo(f"\nreport:      {folder / 'report.html'}")
    typer.echo(f"model:       {folder / 'model'}")
    for warning in (summary.model or {}).get("warnings", []):
        typer.echo(f"             {warning}")
    typer.echo(f"predictions: {folder / 'preds.csv'}")
    typer.echo(f"records:     {folder / 'records.jsonl'}")


@app.command()
def fit(
    data: Data,
    method: Annotated[str, typer.Option(help="Name from 'maxmargin methods'.")] = "m3",
    target: Target = None,
    param: Annotated[
        list[str] | None,
        typer.Option(help="NAME=VALUE, again for more; fixes the parameters instead of tuning them."),
    ] = None,
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
    from maxmargin.studies import Settings, drawn, fit_method, select_methods

    chosen = select_methods([method])[0]
    settings = Settings(cv=cv, seed=seed, max_samples=max_samples)
    params = dict(map(_parameter, param)) if param else None
    if out is not None:
        check_replaceable(out)  # before the work is done
    loaded = _loaded(data, target, image_size)
    dataset, _ = drawn(loaded, settings.max_samples, settings.seed)
    _tell(dataset.notes[len(loaded.notes) :])
    fitted = fit_method(dataset, chosen, params=params, cv=cv, seed=seed, jobs=jobs or _cpus())
    path = fitted.save(dataset, out or _run_folder(f"{dataset.name}-{method}"))
    shown = ", ".join(f"{name}={value}" for name, value in fitted.params.items()) or "none"
    typer.echo(f"{chosen.title}, fitted on {len(dataset.y)} rows; parameters: {shown}")
    if fitted.validation_accuracy is not None:
        typer.echo(f"accuracy in {cv}-fold cross-validation: {fitted.validation_accuracy:.4f}")
    for warning in fitted.warnings:
        typer.echo(f"  {warning}")
    typer.echo(f"model: {path}")


@app.command()
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
    estimator, rows, manifest = _model_and_rows(model, data)
    if proba and not hasattr(estimator, "predict_proba"):
        raise InputError(
            f"{model}: the method {manifest['method']!r} has no probabilities; leave out --proba"
        )
    _say_notes(rows.notes)
    header, columns = ["row", "prediction"], [rows.names, _applied(estimator.predict, rows.X, data).tolist()]
    if proba:
        header += [f"p({label})" for label in estimator.classes_.tolist()]
        columns += _applied(estimator.predict_proba, rows.X, data).T.tolist()
    lines = [header, *zip(*columns, strict=True)]
    if out is None:
        csv.writer(sys.stdout, lineterminator="\n").writerows(lines)
        return
    with replacing(out) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)
    typer.echo(f"{len(lines) - 1} predictions: {out}")


@app.command()
def evaluate(model: ModelFolder, data: Data) -> None:
    """Score a saved model on the labelled rows of DATA."""
    from maxmargin.reports import evaluation_table

    estimator, rows, manifest = _model_and_rows(model, data)
    if rows.y is None:
        target = manifest["metadata"]["target"]
        raise InputError(
            f"{data}: the label {target!r} is missing for some rows or all; fill it in, or use "
            "'maxmargin predict'"
        )
    _say_notes(rows.notes)
    predicted = _applied(estimator.predict, rows.X, data)
    _console().print(evaluation_table(rows.y, predicted, estimator.classes_))


@app.command()
def methods() -> None:
    """List the methods."""
    from rich.table import Table

    from maxmargin.studies import METHODS

    table = Table("name", "title", "what it does", "tuned", "probabilities", box=None)
    for method in METHODS.values():
        table.add_row(
            method.name,
            method.title,
            method.summary,
            ", ".join(method.grid) or "-",
            "yes" if method.has_probabilities else "no",
        )
    _console().print(table)


@datasets_app.callback()
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
    _console().print(table)


@datasets_app.command()
def fetch(name: Annotated[str, typer.Argument(help="Name of a data set whose home is known.")]) -> None:
    """Download a data set into MAXMARGIN_DATA, its checksum verified."""
    from maxmargin.datasets import fetch_dataset

    typer.echo(f"{name}: {fetch_dataset(name)}")


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
    _say(f"error: {' '.join(message.split())}")
    sys.exit(2)


def _say(message: str) -> None:
    typer.echo(f"maxmargin: {message}", err=True)


def _show_warning(message: Warning | str, *_: Any) -> None:
    _say(f"warning: {' '.join(str(message).split())}")


def _loaded(data: str, target: str | None, image_size: int | None) -> "Dataset":
    from maxmargin.datasets import load_dataset

    dataset = load_dataset(data, target=target, image_size=image_size)
    n_classes = len(set(dataset.y.tolist()))
    typer.echo(
        f"{dataset.name}: {len(dataset.y)} rows, {len(dataset.feature_names)} features, {n_classes} classes"
    )
    _tell(dataset.notes)
    return dataset


def _tell(notes: Iterable[str]) -> None:
    for note in notes:
        typer.echo(f"  {note}")


def _model_and_rows(model: Path, data: str) -> tuple[Any, Any, dict[str, Any]]:
    from maxmargin.datasets import read_features
    from maxmargin.persistence import load_model, read_manifest

    manifest = read_manifest(model)
    about = manifest["metadata"]
    if "kind" not in about:
        raise InputError(
            f"{model}: not saved by 'maxmargin fit' or 'compare'; load it with maxmargin.load_model"
        )
    rows = read_features(
        data,
        kind=about["kind"],
        feature_names=manifest["feature_names"],
        image_shape=tuple(about["image_shape"]) if about["image_shape"] else None,
        target_name=about["target"],
        text_columns=about.get("text_columns", ()),
    )
    return load_model(model), rows, manifest


def _say_notes(notes: Iterable[str]) -> None:
    for note in notes:
        _say(note)


def _applied(function: Callable[[Any], Any], X: Any, data: str) -> Any:
    try:
        return function(X)
    except ValueError as error:
        reason = str(error).split("\n")[0].rstrip(".")
        raise InputError(
            f"{data}: the model cannot be applied ({reason}); give rows as in training"
        ) from error


def _resuming(out: Path | None, folder: Path, resume: bool) -> str:
    """The command line as it was typed, made to go on with the run in ``folder``."""
    command = ["maxmargin", *sys.argv[1:]]
    if out is None:
        command += ["--out", str(folder)]
    if not resume:
        command.append("--resume")
    return shlex.join(command)


def _parameter(text: str) -> tuple[str, Any]:
    import ast

    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise InputError(f"--param {text!r} is not NAME=VALUE, such as C=1.0")
    try:
        return name.strip(), ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name.strip(), value


def _run_folder(name: str, resume: bool = False) -> Path:
    if resume:
        digit = "[0-9]"
        runs = [path.parent for path in Path("runs").glob(f"{name}-{8 * digit}-{6 * digit}/records.jsonl")]
        if not runs:
            raise InputError(
                f"no run on {name} under runs; give its folder with --out, or leave out --resume"
            )
        return max(runs, key=lambda path: (path / "records.jsonl").stat().st_mtime)
    return Path("runs") / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"


def _cpus() -> int:
    from joblib import cpu_count

    return cpu_count()


def _console() -> Any:
    from rich.console import Console

    # Away from a terminal nothing may be cut to a guessed width.
    return Console() if sys.stdout.isatty() else Console(width=160)


if __name__ == "__main__":
    main()
