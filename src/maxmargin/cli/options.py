"""The arguments that commands share."""

from pathlib import Path
from typing import Annotated

import typer

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
TestSize = Annotated[float, typer.Option(help="Share of the rows in the test part.")]
Resume = Annotated[
    bool,
    typer.Option("--resume", help="Go on with the run in --out, by default the last one on this data."),
]
ModelFolder = Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of a saved model.")]
Epochs = Annotated[int, typer.Option(help="Passes over the training rows of a network.")]
Device = Annotated[
    str, typer.Option(help="Where networks are trained: cpu, cuda, or auto, a GPU where there is one.")
]
