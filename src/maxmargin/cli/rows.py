"""Rows and models that a person names, read with what was assumed of them said aloud."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from maxmargin._checks import InputError
from maxmargin.cli.screen import tell

if TYPE_CHECKING:
    from maxmargin.datasets import Dataset


def loaded(data: str, target: str | None, image_size: int | None) -> "Dataset":
    """Labelled rows."""
    from maxmargin.datasets import load_dataset

    dataset = load_dataset(data, target=target, image_size=image_size)
    n_classes = len(set(dataset.y.tolist()))
    typer.echo(
        f"{dataset.name}: {len(dataset.y)} rows, {len(dataset.feature_names)} features, {n_classes} classes"
    )
    tell(dataset.notes)
    return dataset


def model_and_rows(model: Path, data: str) -> tuple[Any, Any, dict[str, Any]]:
    """A saved model, rows for it, and its manifest."""
    from maxmargin.datasets import read_features
    from maxmargin.persistence import load_model, read_manifest

    manifest = read_manifest(model)
    about = manifest["metadata"]
    if "kind" not in about:
        raise InputError(
            f"{model}: not saved by 'maxmargin fit', 'compare' or 'tune'; load it with maxmargin.load_model"
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


def applied(function: Callable[[Any], Any], X: Any, data: str) -> Any:
    """What a model's function makes of rows, or one line on why it cannot."""
    try:
        return function(X)
    except ValueError as error:
        reason = str(error).split("\n")[0].rstrip(".")
        raise InputError(
            f"{data}: the model cannot be applied ({reason}); give rows as in training"
        ) from error
