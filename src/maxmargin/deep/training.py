"""One run of a training: its stages, epochs and steps, and the checkpoint between any two of them."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from maxmargin._checks import InputError
from maxmargin.deep.averaging import ExponentialAverage, Snapshots, blend, state_copy
from maxmargin.deep.checkpoints import check_same, load_checkpoint, load_weights, save_checkpoint
from maxmargin.deep.heads import find_head
from maxmargin.deep.logs import EpochRecord, TrainingLogs
from maxmargin.deep.optimizers import build_optimizer
from maxmargin.deep.rows import Rows
from maxmargin.deep.schedules import as_schedule
from maxmargin.deep.scopes import modes_kept
from maxmargin.deep.stages import Stage, takes
from maxmargin.deep.tally import check_scores, checked_loss, mean_weight, means, tally
from maxmargin.nn import LargeMarginSoftmaxLinear

_CHECK_EVERY = 50  # steps between looks at the losses on CUDA, where each look waits for the device


class DivergedError(InputError):
    """A loss or a weight is no longer finite."""


@dataclass(frozen=True)
class Position:
    """Where a training stands: the next step to take."""

    stage: int = 0
    epoch: int = 0
    step: int = 0


class Training:
    """A training of one network, under way.

    Parameters
    ----------
    settings : Trainer
        How to train.
    fabric : Fabric
        Device and processes, launched.
    net : nn.Module
        Trained in place.
    stages : list of Stage
        Losses, in order.
    rows, held_out : Rows
        To train on, and to score after each epoch.
    identity : dict of str
        What a checkpoint to go on from must agree with.
    """

    def __init__(
        self,
        settings: Any,
        fabric: Any,
        net: nn.Module,
        stages: list[Stage],
        rows: Rows,
        held_out: Rows | None,
        identity: dict[str, str],
    ) -> None:
        self.settings, self.fabric, self.net, self.stages = settings, fabric, net, stages
        self.rows = rows.to(fabric.device)
        self.held_out = None if held_out is None else held_out.to(fabric.device)
        self.identity = identity
        self.out = None if settings.out is None else Path(settings.out)
        self.position = Position()
        self.records: list[EpochRecord] = []
        self.snapshots: list[dict[str, torch.Tensor]] = []
        self.average: dict[str, torch.Tensor] | None = None
        self.best: dict[str, torch.Tensor] | None = None
        self.totals = torch.zeros(4, dtype=torch.float64)
        self._saved = "none was written"
        self._batches = _batches(len(rows), settings.batch_size)
        self._steps_an_epoch = len(self._batches)

    def run(self, *, resume: bool) -> list[EpochRecord]:
        """Train from the start or from the checkpoint, and return the records of the epochs."""
        state = self._load() if resume else None
        first = self.fabric.is_global_zero
        logs = TrainingLogs(
            self.out if first else None,
            tensorboard=self.settings.tensorboard and first,
            progress=self.settings.progress and first,
        )
        logs.begin(sum(self._epochs(stage) for stage in self.stages), len(self.records))
        margins = [(s.loss, s.loss.margin) for s in self.stages if s.margin_schedule is not None]
        devices = [self.fabric.device.index or 0] if self.fabric.device.type == "cuda" else []
        try:
            with modes_kept(self.net), torch.random.fork_rng(devices):
                for number in range(self.position.stage, len(self.stages)):
                    self._run_stage(number, logs, state)
                    state = None
        finally:
            logs.close()
            for loss, margin in margins:
                loss.margin = margin
        return self.records

    def _epochs(self, stage: Stage) -> int:
        return stage.epochs or self.settings.epochs

    def _run_stage(self, number: int, logs: TrainingLogs, state: dict[str, Any] | None) -> None:
        stage, settings = self.stages[number], self.settings
        self.loss: Any = stage.loss.to(self.fabric.device)
        self._sees_target, self._sees_coef = takes(self.net, "target"), takes(self.loss, "coef")
        if not self._sees_target and any(isinstance(m, LargeMarginSoftmaxLinear) for m in self.net.modules()):
            raise InputError(
                "the net holds a LargeMarginSoftmaxLinear, but its forward has no parameter target, without "
                "which there is no margin; join features and head by HeadedNet(features, head)"
            )
        optimizer = build_optimizer(self.net, settings, stage.lr or settings.lr)
        module = torch.compile(self.net) if settings.compile else self.net
        self.module, self.optimizer = self.fabric.setup(module, optimizer)
        self._dtype = next(p.dtype for p in self.net.parameters() if p.requires_grad)
        if isinstance(settings.averaging, ExponentialAverage) and self.average is None:
            self.average = state_copy(self.net)
        if state is not None:
            self._restore(state)
        # What an early stop left behind is over.
        while self.position.stage == number and self.position.epoch < self._epochs(stage):
            self._run_epoch(stage)
            logs.epoch(self.records)
            over = self._is_over(number)
            epoch = self._epochs(stage) if over else self.position.epoch
            self.position = replace(self.position, epoch=epoch)
            if epoch == self._epochs(stage):
                self._end_stage(number)
            self._save()

    def _end_stage(self, number: int) -> None:
        if self.best is not None:
            self.net.load_state_dict(self.best)
        elif self.average is not None:
            self.net.load_state_dict(self.average)
        self.best = self.average = None
        self.position = Position(stage=number + 1)

    def _is_over(self, number: int) -> bool:
        stopping = self.settings.early_stopping
        if stopping is None:
            return False
        records = [record for record in self.records if record["stage"] == number]
        if stopping.best(records) == len(records) - 1:
            self.best = {k: v.clone() for k, v in (self.average or state_copy(self.net)).items()}
        return stopping.is_over(records)

    def _run_epoch(self, stage: Stage) -> None:
        settings, began = self.settings, time.perf_counter()
        self.module.train()
        if self.position.step == 0:
            self.totals.zero_()
        order = self._order()
        window: list[torch.Tensor] = []
        while (step := self.position.step) < self._steps_an_epoch:
            due = settings.checkpoint_every is not None and (step + 1) % settings.checkpoint_every == 0
            last = step + 1 == self._steps_an_epoch
            full = len(window) + 1 == _CHECK_EVERY or self.fabric.device.type == "cpu"
            loss, sums = self._evaluated(stage, order[self._batches[step]])
            window.append(sums)
            if due or last or full:
                self._account(window)
            self._descend(loss)
            self.position = replace(self.position, step=step + 1)
            if due and not last:
                self._check_weights()
                self._save()
        self._check_weights()
        self.position = replace(self.position, epoch=self.position.epoch + 1, step=0)
        self._record(stage, began)

    def _evaluated(self, stage: Stage, indices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss to descend on this batch, and its tally, shape (4,)."""
        settings, world = self.settings, self.fabric.world_size
        progress = self._progress(stage)
        self._seed(_mixed(settings.seed, self._global_step(), self.fabric.global_rank))
        self._set_rates(stage, progress)
        # Fewer rows than processes are every process's.
        mine = indices[self.fabric.global_rank :: world] if len(indices) >= world else indices
        inputs, target = self._prepared(mine, as_schedule(settings.noise, "noise")(progress))
        scores = self.module(inputs, target) if self._sees_target else self.module(inputs)
        weight = mean_weight(self.loss, target)
        loss, share = self._loss(stage, scores, target, weight), self._share(weight)
        sums = tally(self.loss, loss.detach(), weight, scores.detach(), target)
        parts = 1 if len(indices) >= world else world
        return (loss if share == 1 else loss * share), sums / parts

    def _share(self, weight: torch.Tensor) -> float:
        """What this process's mean counts in the mean of all, so that this is that over the whole batch."""
        if self.fabric.world_size == 1:
            return 1.0
        return float(weight / self.fabric.all_reduce(weight.clone(), reduce_op="mean"))

    def _seed(self, seed: int) -> None:
        # torch.manual_seed also seeds devices that are not there, which takes as long as a small step.
        torch.default_generator.manual_seed(seed)
        if self.fabric.device.type == "cuda":
            torch.cuda.manual_seed(seed)

    def _descend(self, loss: torch.Tensor) -> None:
        self.fabric.backward(loss)
        if self.settings.clip_grad_norm is not None:
            self.fabric.clip_gradients(
                self.module, self.optimizer, max_norm=self.settings.clip_grad_norm, error_if_nonfinite=False
            )
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.average is not None:
            blend(self.average, self.net, self.settings.averaging.decay)

    def _prepared(self, indices: torch.Tensor, noise: float) -> tuple[torch.Tensor, torch.Tensor]:
        inputs, target = self.rows.batch(indices)
        inputs, target = self._cast(inputs), self._cast(target)
        if self.settings.augmentation is not None:
            inputs = self.settings.augmentation.train()(inputs)
        if noise > 0:
            inputs = inputs + noise * torch.randn_like(inputs)
        return inputs, target

    def _cast(self, values: torch.Tensor) -> torch.Tensor:
        return values.to(self._dtype) if values.is_floating_point() else values

    def _loss(
        self, stage: Stage, scores: torch.Tensor, target: torch.Tensor, weight: torch.Tensor
    ) -> torch.Tensor:
        check_scores(scores)
        looked_at = self.fabric.world_size > 1 or scores.device.type == "cpu"  # one CUDA device need not wait
        if looked_at and not weight:
            return 0 * scores.sum()  # all targets of this part are ignored
        coef = {"coef": find_head(self.net).weight} if self._sees_coef else {}
        loss = checked_loss(self.loss(scores, target, **coef))
        return loss if stage.C == 1 else stage.C * loss

    def _set_rates(self, stage: Stage, progress: float) -> None:
        schedule = as_schedule(stage.lr_schedule or self.settings.lr_schedule, "lr_schedule")
        self.lr = (stage.lr or self.settings.lr) * schedule(progress)
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr
        if stage.margin_schedule is not None:
            self.loss.margin = stage.margin_schedule(progress)

    def _account(self, window: list[torch.Tensor]) -> None:
        """Add the window's sums to the epoch's, once they are known to be finite."""
        sums = torch.stack(window)
        if self.fabric.world_size > 1:
            sums = self.fabric.all_reduce(sums, reduce_op="sum")
        sums = sums.cpu()
        wrong = torch.nonzero(~torch.isfinite(sums[:, 0]))
        if len(wrong):
            first = int(wrong[0])
            loss = (sums[first, 0] / sums[first, 1]).item()
            raise self._diverged(f"the loss is {loss}", self._global_step() - len(window) + 1 + first)
        self.totals += sums.sum(dim=0)
        window.clear()

    def _diverged(self, what: str, step: int) -> DivergedError:
        return DivergedError(
            f"{what} at step {step} (stage {self.position.stage}, epoch {self.position.epoch}) with lr "
            f"{self.lr:g}; train anew with a lower lr or clip_grad_norm; "
            f"the last good checkpoint: {self._saved}"
        )

    def _check_weights(self) -> None:
        """Raise InputError unless all weights are finite; a finite loss may have a gradient that is not."""
        if not all(torch.isfinite(parameter).all() for parameter in self.net.parameters()):
            raise self._diverged("a weight is no longer finite", self._global_step() - 1)

    def _record(self, stage: Stage, began: float) -> None:
        train_loss, train_accuracy = means(self.totals)
        loss, accuracy = self._validate(stage)
        self.records.append(
            {
                "epoch": self.position.epoch - 1,
                "stage": self.position.stage,
                "lr": self.lr,
                "train_loss": train_loss,
                "train_accuracy": train_accuracy,
                "validation_loss": loss,
                "validation_accuracy": accuracy,
                "seconds": time.perf_counter() - began,
            }
        )
        snapshots = self.settings.averaging
        if isinstance(snapshots, Snapshots) and self.position.epoch % snapshots.every == 0:
            self.snapshots = [*self.snapshots, state_copy(self.net)][-snapshots.last :]

    @torch.no_grad()
    def _validate(self, stage: Stage) -> tuple[float | None, float | None]:
        if self.held_out is None:
            return None, None
        kept = None
        if self.average is not None:
            kept = state_copy(self.net)
            self.net.load_state_dict(self.average)
        self.module.eval()
        totals = torch.zeros(4, dtype=torch.float64, device=self.fabric.device)
        for indices in torch.arange(len(self.held_out)).split(max(self.settings.batch_size, 512)):
            inputs, target = map(self._cast, self.held_out.batch(indices))
            scores = self.module(inputs)
            weight = mean_weight(self.loss, target)
            totals += tally(self.loss, self._loss(stage, scores, target, weight), weight, scores, target)
        if kept is not None:
            self.net.load_state_dict(kept)
        return means(totals)

    def _order(self) -> torch.Tensor:
        generator = torch.Generator().manual_seed(_mixed(self.settings.seed, self._global_epoch(), -1))
        return torch.randperm(len(self.rows), generator=generator)

    def _progress(self, stage: Stage) -> float:
        done = self.position.epoch * self._steps_an_epoch + self.position.step
        return done / (self._epochs(stage) * self._steps_an_epoch)

    def _global_epoch(self) -> int:
        before = sum(self._epochs(stage) for stage in self.stages[: self.position.stage])
        return before + self.position.epoch

    def _global_step(self) -> int:
        return self._global_epoch() * self._steps_an_epoch + self.position.step

    def _checkpoint(self) -> Path | None:
        return None if self.out is None else self.out / "checkpoint.pt"

    def _save(self) -> None:
        path = self._checkpoint()
        if path is None:
            return
        self._name_saved(path)
        if not self.fabric.is_global_zero:
            return
        state = {
            "identity": self.identity,
            "position": [self.position.stage, self.position.epoch, self.position.step],
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "precision": self.fabric.strategy.precision.state_dict(),
            "records": self.records,
            "totals": self.totals,
            "average": self.average,
            "best": self.best,
            "snapshots": self.snapshots,
        }
        save_checkpoint(path, state)

    def _load(self) -> dict[str, Any] | None:
        path = self._checkpoint()
        if path is None or not path.exists():
            return None
        state = load_checkpoint(path)
        load_weights(self.net, state["net"], path)
        check_same(path, state["identity"], self.identity)
        self.position, self.records = Position(*state["position"]), state["records"]
        self.snapshots, self.best, self.average = state["snapshots"], state["best"], state["average"]
        self.totals = state["totals"]
        self._name_saved(path)
        return state

    def _name_saved(self, path: Path) -> None:
        self._saved = f"{path} (stage {self.position.stage}, epoch {self.position.epoch})"

    def _restore(self, state: dict[str, Any]) -> None:
        if self.position.epoch > 0 or self.position.step > 0:
            self.optimizer.load_state_dict(state["optimizer"])
        self.fabric.strategy.precision.load_state_dict(state["precision"])
        if self.average is not None:
            self.average = {k: v.to(self.fabric.device) for k, v in self.average.items()}


def _batches(n: int, size: int) -> list[slice]:
    """Places of the batches in an order of n rows; a rest of one row joins the batch before."""
    starts = list(range(0, n, size))
    if len(starts) > 1 and n - starts[-1] == 1:
        starts.pop()
    return [slice(start, end) for start, end in zip(starts, [*starts[1:], n], strict=True)]


def _mixed(seed: int, step: int, rank: int) -> int:
    """A seed for each step and process that shares nothing visible with its neighbours."""
    return int(np.random.SeedSequence([seed, step, rank + 1]).generate_state(1, np.uint64)[0] >> 1)
