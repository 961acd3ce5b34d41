"""What a training tells while it runs: a line an epoch in a file, TensorBoard, a bar with the time left."""

import json
from pathlib import Path
from typing import Any

from maxmargin._checks import InputError
from maxmargin._files import replacing
from maxmargin._progress import progress_bar

EpochRecord = dict[str, Any]


class TrainingLogs:
    """Where the records of the epochs go.

    Parameters
    ----------
    out : Path, optional
        Folder of ``log.jsonl``, and of TensorBoard's events where asked for.
    tensorboard : bool
        Whether TensorBoard's events are written.
    progress : bool
        Whether a bar is shown on standard error, where that is a terminal.
    """

    def __init__(self, out: Path | None, *, tensorboard: bool, progress: bool) -> None:
        self._file = out / "log.jsonl" if out else None
        self._writer = _tensorboard(out) if tensorboard else None
        self._bar = _Bar() if progress else None

    def begin(self, epochs: int, done: int) -> None:
        """Say how many epochs there are and how many were done before."""
        if self._bar:
            self._bar.begin(epochs, done)

    def epoch(self, records: list[EpochRecord]) -> None:
        """Tell of the newest of the records."""
        newest = records[-1]
        if self._file:
            # Written anew, so that a resumed training leaves no epoch twice.
            with replacing(self._file) as draft:
                draft.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        if self._writer:
            for name, value in newest.items():
                if isinstance(value, float):
                    self._writer.add_scalar(name, value, len(records))
        if self._bar:
            self._bar.advance(newest)

    def close(self) -> None:
        """Write out what is held back."""
        if self._writer:
            self._writer.close()
        if self._bar:
            self._bar.stop()


class _Bar:
    def __init__(self) -> None:
        self._bar = progress_bar("epochs")
        self._task = self._bar.add_task("training", total=None)
        self._bar.start()

    def begin(self, epochs: int, done: int) -> None:
        self._bar.reset(self._task, total=epochs, completed=done)

    def advance(self, record: EpochRecord) -> None:
        told = f"loss {record['train_loss']:.4g}"
        if record["validation_accuracy"] is not None:
            told += f", validation {record['validation_accuracy']:.2%}"
        self._bar.update(self._task, advance=1, description=told)

    def stop(self) -> None:
        self._bar.stop()


def _tensorboard(out: Path | None) -> Any:
    if out is None:
        raise InputError("tensorboard is True, but out is None; give a folder for the events")
    try:
        from torch.utils.tensorboard.writer import SummaryWriter
    except ImportError as error:
        raise InputError('TensorBoard is not installed; pip install "maxmargin[tensorboard]"') from error
    return SummaryWriter(str(out / "tensorboard"))
