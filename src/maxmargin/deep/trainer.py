"""Training a network with any loss: stochastic gradient descent whose every step can be resumed."""

import os
import tempfile
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.multiprocessing.spawn import ProcessRaisedException

from maxmargin._checks import InputError, check_choice, check_count, check_nonnegative, check_positive
from maxmargin._files import replacing
from maxmargin.deep.averaging import Averaging
from maxmargin.deep.checkpoints import load_checkpoint, save_checkpoint
from maxmargin.deep.identity import identity
from maxmargin.deep.logs import EpochRecord
from maxmargin.deep.processes import build_fabric, under_torchrun
from maxmargin.deep.rows import Rows, as_rows
from maxmargin.deep.schedules import Schedule, as_schedule
from maxmargin.deep.stages import Stage, as_stages
from maxmargin.deep.stopping import EarlyStopping
from maxmargin.deep.training import Training

_SHOWN = {"early_stopping": "EarlyStopping(patience=10)", "averaging": "ExponentialAverage(0.999)"}
_NOT_THE_RESULT = {"out", "checkpoint_every", "tensorboard", "progress", "accelerator", "devices"}


@dataclass(frozen=True)
class TrainingLog:
    """What a training leaves beside the network.

    Attributes
    ----------
    epochs : list of dict
        ``epoch`` and ``stage`` from 0, ``lr`` (of the last step), ``train_loss`` and ``train_accuracy``
        (means over the epoch's steps, of the scores that the loss saw), ``validation_loss`` and
        ``validation_accuracy`` (None without validation rows), ``seconds``. Targets that the loss ignores
        count in none of them.
    snapshots : list of dict
        States of the network, with ``averaging=Snapshots(...)``: for :meth:`Ensemble.of_snapshots`.
    """

    epochs: list[EpochRecord]
    snapshots: list[dict[str, torch.Tensor]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Trainer:
    """Minimise the mean of a loss over the rows, by stochastic gradient descent on mini-batches.

    Every random number is a function of the seed and the step, so a training that was killed at any step and
    resumed from its checkpoint ends with the same weights as one that was not, to the bit on a CPU.

    Parameters
    ----------
    epochs : int, default=20
        Passes over the rows.
    batch_size : int, default=128
        Rows a step, over all processes; the last batch of an epoch holds the rest, and a rest of one row
        joins the batch before, since batch normalisation needs two.
    optimizer : {"sgd", "adam"}, default="sgd"
        SGD with momentum, or Adam with torch's defaults.
    lr, momentum, nesterov : float, float, bool
        Learning rate at first, and SGD's momentum.
    weight_decay : float, default=0.0
        Times ``1/2 |w|^2`` of every weight is added to the loss; biases and the scales of normalisations, of
        one dimension, are left alone.
    head_weight_decay : float, optional
        The same for the weights of the last linear layer, where these differ.
    lr_schedule : {"constant", "linear", "step"} or Schedule, default="constant"
        Factor of the learning rate: maps the share of the stage's steps that are done to a factor.
    noise : float or Schedule, default=0.0
        Standard deviation of Gaussian noise added to the inputs, in their units.
    augmentation : nn.Module, optional
        Applied to each batch on the device, before the noise.
    precision : {"32-true", "64-true", "bf16-mixed", "16-mixed", "bf16-true", "16-true"}
        Lightning Fabric's; losses are computed in at least 32 bits, parameters of mixed ones kept in 32.
    compile : bool, default=False
        Whether the network is compiled by ``torch.compile``.
    clip_grad_norm : float, optional
        Largest norm of the gradient.
    early_stopping : EarlyStopping, optional
        Needs validation rows.
    averaging : ExponentialAverage or Snapshots, optional
        Average of the weights, or copies of the network for an ensemble.
    accelerator : {"auto", "cpu", "cuda"}, default="auto"
        Where to train; "auto" takes CUDA where it is present.
    devices : int, default=1
        Processes, each on a device of its own, that share every batch (DDP). Under ``torchrun`` those that it
        began. The script must then guard its entry by ``if __name__ == "__main__"``.
    seed : int, default=0
        Of the order of the rows, the noise, the augmentation and the dropout.
    out : Path, optional
        Folder of ``checkpoint.pt`` and ``log.jsonl``; nothing is written without it.
    checkpoint_every : int, optional
        Steps from one checkpoint to the next, beside that at the end of each epoch.
    tensorboard : bool, default=False
        Whether ``out`` also gets events for TensorBoard.
    progress : bool, default=False
        Whether a bar with the time left is shown on standard error.

    Raises
    ------
    InputError
        If a value cannot be used; the message shows it and the valid ones.

    References
    ----------
    Tang (2013), Deep Learning using Linear Support Vector Machines, section 3.

    Examples
    --------
    >>> inputs = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).repeat(20, 1)
    >>> target = torch.tensor([0, 1]).repeat(20)
    >>> net = nn.Linear(2, 2)
    >>> log = Trainer(epochs=5, batch_size=8, lr=0.5).fit(net, nn.MultiMarginLoss(), inputs, target)
    >>> log.epochs[-1]["train_accuracy"]
    1.0
    """

    epochs: int = 20
    batch_size: int = 128
    optimizer: str = "sgd"
    lr: float = 0.1
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.0
    head_weight_decay: float | None = None
    lr_schedule: str | Schedule = "constant"
    noise: float | Schedule = 0.0
    augmentation: nn.Module | None = None
    precision: str = "32-true"
    compile: bool = False
    clip_grad_norm: float | None = None
    early_stopping: EarlyStopping | None = None
    averaging: Averaging | None = None
    accelerator: str = "auto"
    devices: int = 1
    seed: int = 0
    out: str | os.PathLike[str] | None = None
    checkpoint_every: int | None = None
    tensorboard: bool = False
    progress: bool = False

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "devices"):
            check_count(getattr(self, name), name)
        if self.checkpoint_every is not None:
            check_count(self.checkpoint_every, "checkpoint_every")
        check_count(self.seed, "seed", least=0)
        check_positive(self.lr, "lr")
        for name in ("momentum", "weight_decay"):
            check_nonnegative(getattr(self, name), name)
        for name in ("head_weight_decay", "clip_grad_norm"):
            if getattr(self, name) is not None:
                check_nonnegative(getattr(self, name), name)
        check_choice(self.optimizer, ("sgd", "adam"), "optimizer")
        if self.momentum >= 1 or (self.nesterov and self.momentum == 0):
            raise InputError(f"momentum is {self.momentum}; it must be below 1, and with nesterov above 0")
        as_schedule(self.lr_schedule, "lr_schedule")
        as_schedule(self.noise, "noise")
        if isinstance(self.noise, int | float):
            check_nonnegative(self.noise, "noise")
        for name, kind in (("early_stopping", EarlyStopping), ("averaging", Averaging)):
            value = getattr(self, name)
            if value is not None and not isinstance(value, kind):
                raise InputError(f"{name} is {value!r}; it must be None or such as {_SHOWN[name]}")
        if self.augmentation is not None and not isinstance(self.augmentation, nn.Module):
            raise InputError(f"augmentation is {self.augmentation!r}; it must be a module of batches")

    def fit(
        self,
        net: nn.Module,
        loss: nn.Module | Stage | Sequence[Stage],
        X: Any,
        y: Any = None,
        *,
        validation: Any = None,
        resume: bool = False,
    ) -> TrainingLog:
        """Train a network in place.

        Parameters
        ----------
        net : nn.Module
            Maps a batch of inputs to scores of shape (n, n_classes). One whose ``forward`` has a parameter
            ``target`` is given the targets in training.
        loss : nn.Module, Stage or sequence of Stage
            Maps (scores, target) to a scalar, the mean over the batch.
        X, y : array, tensor or torch Dataset
            Rows and their classes, as for :func:`as_rows`.
        validation : pair of arrays, or Dataset, optional
            Rows that are scored after each epoch.
        resume : bool, default=False
            Whether to go on from the checkpoint in ``out``, where there is one.

        Returns
        -------
        TrainingLog
            A record of each epoch.

        Raises
        ------
        InputError
            If rows cannot be used, a checkpoint is damaged or of another net or training, or the loss is no
            longer finite: the message names the step, the learning rate and the last good checkpoint.
        """
        stages, rows = as_stages(loss), as_rows(X, y)
        held_out = None if validation is None else _pair(validation)
        if self.early_stopping and held_out is None:
            raise InputError("early_stopping needs validation rows; give validation=(X, y)")
        if not isinstance(net, nn.Module):
            raise InputError(f"net is {net!r}; it must be a module")
        self._check_out(resume)
        fabric = build_fabric(self.accelerator, self.devices, self.precision)
        if self.devices == 1 or under_torchrun():
            fabric.launch()
            return self._train(fabric, net, stages, rows, held_out, resume)
        with tempfile.TemporaryDirectory() as folder:
            result, refusal = Path(folder) / "result.pt", Path(folder) / "refusal.txt"
            arguments = {"trainer": self, "net": net, "stages": stages, "rows": rows, "held_out": held_out}
            try:
                fabric.launch(
                    partial(_in_process, **arguments, resume=resume, result=result, refusal=refusal)
                )
            except ProcessRaisedException:
                if refusal.exists():
                    raise InputError(refusal.read_text(encoding="utf-8")) from None
                raise
            state = load_checkpoint(result)
        net.load_state_dict(state["net"])
        return TrainingLog(state["epochs"], state["snapshots"])

    def _check_out(self, resume: bool) -> None:
        if self.out is None:
            if resume:
                raise InputError("resume is True, but out is None; give the folder of the checkpoint")
            return
        out = Path(self.out)
        if out.exists() and not out.is_dir():
            raise InputError(f"out is {out}, which is no folder; choose another")
        if not resume and (out / "checkpoint.pt").exists():
            raise InputError(f"{out} holds a checkpoint already; resume=True goes on, or choose another out")

    def _train(
        self,
        fabric: Any,
        net: nn.Module,
        stages: list[Stage],
        rows: Rows,
        held_out: Rows | None,
        resume: bool,
    ) -> TrainingLog:
        settings = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _NOT_THE_RESULT}
        # Known before the rows move to a device, and before any loss changes.
        known = identity(settings, stages, rows)
        training = Training(self, fabric, net, stages, rows, held_out, known)
        return TrainingLog(training.run(resume=resume), training.snapshots)


def _pair(validation: Any) -> Rows:
    return as_rows(*validation) if isinstance(validation, tuple | list) else as_rows(validation)


def _in_process(
    fabric: Any,
    trainer: Trainer,
    net: nn.Module,
    stages: list[Stage],
    rows: Rows,
    held_out: Rows | None,
    resume: bool,
    result: Path,
    refusal: Path,
) -> None:
    """Train in one of several processes; the first leaves the result in a file, any of them a refusal."""
    net = deepcopy(net)  # whose memory the processes share
    try:
        log = trainer._train(fabric, net, stages, rows, held_out, resume)
    except InputError as error:
        with replacing(refusal) as draft:
            draft.write_text(str(error), encoding="utf-8")
        raise
    if fabric.is_global_zero:
        state = {name: value.cpu() for name, value in net.state_dict().items()}
        save_checkpoint(result, {"net": state, "epochs": log.epochs, "snapshots": log.snapshots})
