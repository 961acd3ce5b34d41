"""A training can be killed, resumed, split over processes and refused, and ends where it should."""

import hashlib
import io
import json
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from maxmargin._checks import InputError  # noqa: E402
from maxmargin.deep import (  # noqa: E402
    Constant,
    EarlyStopping,
    Ensemble,
    ExponentialAverage,
    LinearDecay,
    Snapshots,
    Stage,
    StepDecay,
    Trainer,
)
from maxmargin.deep.checkpoints import load_checkpoint  # noqa: E402
from maxmargin.nn import ISM3Loss, LargeMarginSoftmaxLinear, OneVsRestHingeLoss, SoftMarginSoftmaxLoss  # noqa: E402

SETTINGS = {
    "plain": {},
    "momentum": {"momentum": 0.5, "nesterov": True, "weight_decay": 1e-3, "head_weight_decay": 1e-2},
    "adam": {"optimizer": "adam", "lr": 0.01},
    "noise": {"noise": LinearDecay(0.5), "lr_schedule": "linear"},
    "step": {"lr_schedule": StepDecay(at=(0.5,)), "clip_grad_norm": 0.5},
    "averaged": {"averaging": ExponentialAverage(0.9)},
    "snapshots": {"averaging": Snapshots(every=2, last=2)},
    "bf16": {"precision": "bf16-mixed"},
    "early": {"early_stopping": EarlyStopping(patience=2)},
    "augmented": {"augmentation": nn.Dropout(0.1)},
}


@pytest.fixture
def rows(rng):
    centres = rng.normal(size=(4, 8))
    y = rng.integers(0, 4, size=203)
    return (centres[y] + rng.normal(size=(203, 8))).astype(np.float32), y


def make_net():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 4))


def weights(net):
    return torch.cat([parameter.detach().flatten() for parameter in net.parameters()])


def train(rows, loss=None, net=None, resume=False, **settings):
    net = net or make_net()
    trainer = Trainer(**{"epochs": 6, "batch_size": 32, "accelerator": "cpu", "lr": 0.05} | settings)
    log = trainer.fit(net, loss or OneVsRestHingeLoss(), *rows, validation=rows, resume=resume)
    return net, log


class Interrupting(nn.Module):
    """A loss that ends the training at some step, as a kill would."""

    def __init__(self, at):
        super().__init__()
        self.loss, self.left = OneVsRestHingeLoss(), [at]

    def __repr__(self):
        return repr(self.loss)

    def forward(self, scores, target):
        self.left[0] -= scores.requires_grad
        if self.left[0] < 0:
            raise KeyboardInterrupt
        return self.loss(scores, target)


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("at", [1, 10, 17])
def test_interrupted_and_resumed_ends_with_the_same_bits(name, at, rows, tmp_path):
    expected, log = train(rows, **SETTINGS[name])
    settings = SETTINGS[name] | {"out": tmp_path, "checkpoint_every": 3}
    with pytest.raises(KeyboardInterrupt):
        train(rows, Interrupting(at), **settings)
    resumed, again = train(rows, Interrupting(10**9), resume=True, **settings)
    assert torch.equal(weights(resumed), weights(expected))
    for one, other in zip(log.epochs, again.epochs, strict=True):
        assert one | {"seconds": 0} == other | {"seconds": 0}
    assert len(log.snapshots) == len(again.snapshots) == (2 if name == "snapshots" else 0)
    for one, other in zip(log.snapshots, again.snapshots, strict=True):
        assert all(torch.equal(one[key], other[key]) for key in one)


SCRIPT = """
import sys
from pathlib import Path
import numpy as np, torch
from torch import nn
from maxmargin.deep import LinearDecay, Trainer
from maxmargin.nn import OneVsRestHingeLoss

def main(out, devices, resume, epochs):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(203, 8)).astype(np.float32), rng.integers(0, 4, size=203)
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    noise = LinearDecay(0.5) if devices == 1 else 0.0
    trainer = Trainer(
        epochs=epochs, batch_size=20, lr=0.005, noise=noise, out=out, checkpoint_every=2, accelerator="cpu",
        devices=devices,
    )
    y[::3] = -100
    loss = OneVsRestHingeLoss(weight=torch.tensor([1.0, 50.0, 2.0, 1.0]))
    log = trainer.fit(net, loss, X, y, validation=(X, y), resume=resume)
    import os
    if os.environ.get("RANK", "0") == "0":
        torch.save([net.state_dict(), log.epochs], Path(out) / "result.pt")

if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "resume", int(sys.argv[4]))
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


def result(out):
    return torch.load(Path(out) / "result.pt", weights_only=True)


def run(script, out, devices=1, start="start", epochs=4, launcher=()):
    command = [
        sys.executable,
        "-W",
        "ignore",
        *launcher,
        str(script),
        str(out),
        str(devices),
        start,
        str(epochs),
    ]
    subprocess.run(command, check=True, timeout=300, capture_output=True)
    return result(out)


def test_killed_and_resumed_ends_with_the_same_bits(script, tmp_path):
    epochs = 60
    expected, _ = run(script, tmp_path / "whole", epochs=epochs)
    out = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, str(script), str(out), "1", "start", str(epochs)])
    deadline = time.monotonic() + 120
    while not (out / "checkpoint.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (out / "result.pt").exists()
    resumed, log = run(script, out, start="resume", epochs=epochs)
    assert all(torch.equal(resumed[key], expected[key]) for key in expected)
    assert [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()] == log


@pytest.mark.parametrize("launcher", [(), ("-m", "torch.distributed.run", "--nproc-per-node=2")])
def test_two_processes_train_as_one_on_the_same_batches(launcher, script, tmp_path):
    # Without noise, whose draws are each process's own.
    script.write_text(script.read_text().replace("LinearDecay(0.5) if devices == 1 else 0.0", "0.0"))
    one, log = run(script, tmp_path / "one")
    two, log_of_two = run(script, tmp_path / "two", devices=1 if launcher else 2, launcher=launcher)
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=1e-4, atol=1e-6)
    for a, b in zip(log, log_of_two, strict=True):
        assert a["train_loss"] == pytest.approx(b["train_loss"], rel=1e-5)
        assert a["train_accuracy"] == b["train_accuracy"]


def test_the_first_step_is_that_of_sgd(rows):
    X, y = (torch.as_tensor(part) for part in rows)
    net, oracle = nn.Linear(8, 4), nn.Linear(8, 4)
    oracle.load_state_dict(net.state_dict())
    settings = {"weight_decay": 0.1, "lr": 0.2, "epochs": 2, "batch_size": len(y), "momentum": 0.9}
    train(rows, nn.CrossEntropyLoss(), net, **settings)
    velocity = [torch.zeros_like(p) for p in oracle.parameters()]
    for _ in range(2):
        loss = nn.functional.cross_entropy(oracle(X), y) + 0.05 * oracle.weight.square().sum()
        slopes = torch.autograd.grad(loss, list(oracle.parameters()))
        for parameter, v, slope in zip(oracle.parameters(), velocity, slopes, strict=True):
            v.mul_(0.9).add_(slope)
            parameter.data.sub_(0.2 * v)
    torch.testing.assert_close(weights(net), weights(oracle), rtol=1e-5, atol=1e-6)


def test_each_schedule_is_followed(rows):
    class Watching(nn.Module):
        margin, seen = 0.0, []

        def forward(self, scores, target):
            if scores.requires_grad:
                self.seen.append(self.margin)
            return nn.functional.cross_entropy(scores, target)

    loss = Watching()
    _, log = train(rows, Stage(loss, margin_schedule=LinearDecay(1.0, 2.0)), lr_schedule="linear", epochs=2)
    steps = 14
    assert loss.seen == pytest.approx([1 + step / steps for step in range(steps)])
    assert [record["lr"] for record in log.epochs] == pytest.approx([0.05 * 8 / 14, 0.05 * 1 / 14])
    assert loss.margin == 0.0


def test_the_scheduled_margin_is_that_of_the_loss(rows):
    fixed, _ = train(rows, Stage(SoftMarginSoftmaxLoss(2.0), margin_schedule=Constant(2.0)))
    scheduled, _ = train(rows, Stage(SoftMarginSoftmaxLoss(0.0), margin_schedule=Constant(2.0)))
    plain, _ = train(rows, SoftMarginSoftmaxLoss(0.0))
    assert torch.equal(weights(fixed), weights(scheduled))
    assert not torch.equal(weights(fixed), weights(plain))


def test_stages_follow_one_another(rows):
    stages = [Stage(nn.CrossEntropyLoss()), Stage(SoftMarginSoftmaxLoss(0.3), epochs=2, lr=0.01)]
    _, log = train(rows, stages, epochs=3)
    assert [(r["stage"], r["epoch"], r["lr"]) for r in log.epochs] == [
        *((0, epoch, 0.05) for epoch in range(3)),
        *((1, epoch, 0.01) for epoch in range(2)),
    ]


def test_the_penalty_of_ism3_reaches_the_head(rows):
    weak, _ = train(rows, ISM3Loss(p=2, strength=1e-6))
    strong, _ = train(rows, ISM3Loss(p=2, strength=1e-1))
    assert strong[-1].weight.norm() < 0.5 * weak[-1].weight.norm()


def test_the_factor_multiplies_the_loss_alone(rows):
    one, log = train(rows, Stage(OneVsRestHingeLoss(), C=0.5), lr=0.1)
    other, log_of_other = train(rows, OneVsRestHingeLoss(), lr=0.05)
    torch.testing.assert_close(weights(one), weights(other), rtol=1e-3, atol=1e-5)
    assert log.epochs[0]["train_loss"] == pytest.approx(log_of_other.epochs[0]["train_loss"] / 2, rel=1e-4)


def test_early_stopping_returns_to_the_best_epoch(rows):
    settings = {"epochs": 60, "lr": 0.3, "early_stopping": EarlyStopping(patience=3), "noise": 3.0}
    net, log = train(rows, nn.CrossEntropyLoss(), **settings)
    accuracies = [record["validation_accuracy"] for record in log.epochs]
    assert len(accuracies) < 60
    assert int(np.argmax(accuracies)) == len(accuracies) - 4
    X, y = (torch.as_tensor(part) for part in rows)
    assert (net.eval()(X).argmax(dim=1) == y).double().mean() == pytest.approx(max(accuracies))


def test_the_average_is_that_of_the_steps(rows):
    net, _ = train(rows, epochs=1, averaging=ExponentialAverage(0.9))
    paths = [weights(make_net())]
    for at in range(1, 7):
        kept = make_net()
        # A training that ends after some steps shows the weights that it had there.
        with pytest.raises(KeyboardInterrupt):
            train(rows, Interrupting(at), kept, epochs=1)
        paths.append(weights(kept))
    plain, _ = train(rows, epochs=1)
    paths.append(weights(plain))
    average = paths[0]
    for path in paths[1:]:
        average = 0.9 * average + 0.1 * path
    torch.testing.assert_close(weights(net), average, rtol=1e-4, atol=1e-6)


def test_an_ensemble_of_snapshots_averages_their_scores(rows):
    net, log = train(rows, averaging=Snapshots(every=2, last=2))
    ensemble = Ensemble.of_snapshots(net, log.snapshots).eval()
    X = torch.as_tensor(rows[0])
    scores = []
    for state in log.snapshots:
        copy = make_net().eval()
        copy.load_state_dict(state)
        scores.append(copy(X))
    torch.testing.assert_close(ensemble(X), sum(scores) / 2)
    assert not torch.equal(scores[0], scores[1])


@pytest.mark.parametrize("kind", ["tensors", "memmap", "dataset", "soft", "bytes"])
def test_rows_of_every_kind_train_alike(kind, rows, tmp_path):
    X, y = rows
    if kind == "bytes":
        X = np.clip(X * 60 + 128, 0, 255).astype(np.uint8)
        expected, _ = train((X.astype(np.float32) / 255, y))
    else:
        expected, _ = train(rows)
    given = {"tensors": (torch.as_tensor(X), torch.as_tensor(y)), "bytes": (X, y)}
    if kind == "memmap":
        np.save(tmp_path / "X.npy", X)
        given[kind] = np.load(tmp_path / "X.npy", mmap_mode="r"), y
    given["dataset"] = (torch.utils.data.TensorDataset(torch.as_tensor(X), torch.as_tensor(y)),)
    given["soft"] = X, np.eye(4, dtype=np.float32)[y]
    net = make_net()
    trainer = Trainer(epochs=6, batch_size=32, accelerator="cpu", lr=0.05)
    log = trainer.fit(net, OneVsRestHingeLoss(), *given[kind], validation=given[kind])
    torch.testing.assert_close(weights(net), weights(expected), rtol=1e-4, atol=1e-5)
    assert log.epochs[-1]["train_accuracy"] > 0.6


def test_bf16_moves_every_weight_a_little(rows):
    net, _ = train(rows, precision="bf16-mixed", lr=1e-4, epochs=3)
    before = make_net()
    for old, new in zip(before.parameters(), net.parameters(), strict=True):
        assert new.dtype == torch.float32
        assert (old != new).double().mean() > 0.9


def test_compiled_trains_as_not(rows, monkeypatch):
    expected, _ = train(rows, epochs=2)
    # Not by the default backend, which needs a compiler of C++.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    before = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    net, _ = train(rows, epochs=2, compile=True)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > before
    torch.testing.assert_close(weights(net), weights(expected), rtol=1e-4, atol=1e-5)


def test_training_leaves_torch_and_the_modes_as_they_were(rows):
    net = make_net().eval()
    before = torch.get_rng_state()
    train(rows, net=net)
    assert torch.equal(torch.get_rng_state(), before)
    assert not any(module.training for module in net.modules())


def test_tensorboard_holds_the_curves(rows, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    _, log = train(rows, out=tmp_path, tensorboard=True)
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [event.value for event in events.Scalars("train_loss")] == pytest.approx(
        [record["train_loss"] for record in log.epochs]
    )


class Diverging(nn.Module):
    def __init__(self, at):
        super().__init__()
        self.left = at

    def forward(self, scores, target):
        self.left -= scores.requires_grad
        loss = nn.functional.cross_entropy(scores, target)
        return loss if self.left >= 0 else loss * float("nan")


def test_a_loss_that_is_not_finite_ends_the_training_and_loses_nothing(rows, tmp_path):
    net = make_net()
    with pytest.raises(
        InputError, match=r"loss is nan at step 9 \(stage 0, epoch 1\) with lr 0.05"
    ) as caught:
        train(rows, Diverging(9), net, out=tmp_path)
    assert f"last good checkpoint: {tmp_path / 'checkpoint.pt'} (stage 0, epoch 1)" in str(caught.value)
    assert torch.isfinite(weights(net)).all()
    assert torch.isfinite(torch.cat([v.flatten() for v in _saved(tmp_path)["net"].values()])).all()


class WithoutGradient(nn.Module):
    """A loss that is a number, but whose gradient is none from some step on."""

    def __init__(self, at):
        super().__init__()
        self.left = at

    def forward(self, scores, target):
        self.left -= scores.requires_grad
        loss = nn.functional.cross_entropy(scores, target)
        return loss if self.left >= 0 else loss + (0 * scores.sum()).sqrt()


@pytest.mark.parametrize("at", [9, 7 * 6 - 1])
def test_weights_that_are_not_finite_reach_no_checkpoint(at, rows, tmp_path):
    with pytest.raises(InputError, match=r"a weight is no longer finite at step|the loss is nan at step"):
        train(rows, WithoutGradient(at), out=tmp_path, checkpoint_every=1)
    assert torch.isfinite(torch.cat([v.flatten() for v in _saved(tmp_path)["net"].values()])).all()


def _saved(out):
    return load_checkpoint(out / "checkpoint.pt")


def test_a_damaged_checkpoint_is_refused(rows, tmp_path):
    train(rows, out=tmp_path)
    file = tmp_path / "checkpoint.pt"
    content = file.read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    for damaged in (b"", content[:40], content[: len(content) // 2], b"no checkpoint at all", flipped):
        file.write_bytes(damaged)
        with pytest.raises(InputError, match=r"checkpoint.pt is damaged"):
            train(rows, out=tmp_path, resume=True)


class Evil:
    def __reduce__(self):
        return print, ("run",)


def test_a_checkpoint_that_would_run_code_is_refused(rows, tmp_path, capsys):
    content = io.BytesIO()
    torch.save({"format_version": 1, "evil": Evil()}, content)
    guard = b"maxmargin checkpoint\n" + hashlib.sha256(content.getvalue()).digest()
    (tmp_path / "checkpoint.pt").write_bytes(guard + content.getvalue())
    with pytest.raises(InputError, match="damaged"):
        train(rows, out=tmp_path, resume=True)
    assert "run" not in capsys.readouterr().out


def test_a_checkpoint_of_another_training_is_refused(rows, tmp_path):
    train(rows, out=tmp_path)
    with pytest.raises(InputError, match=r"another net: 0\.weight is \(16, 8\) there and \(5, 8\) here"):
        train(rows, net=nn.Sequential(nn.Linear(8, 5), nn.Linear(5, 4)), out=tmp_path, resume=True)
    with pytest.raises(InputError, match=r"of a training with lr 0\.05, not 0\.1"):
        train(rows, out=tmp_path, resume=True, lr=0.1)
    with pytest.raises(InputError, match=r"with rows 203, SHA-256 \w+, not 100, SHA-256"):
        train([part[:100] for part in rows], out=tmp_path, resume=True)
    with pytest.raises(InputError, match=r"with rows 203"):
        train((rows[0], (rows[1] + 1) % 4), out=tmp_path, resume=True)
    for loss in (OneVsRestHingeLoss(weight=torch.tensor([100.0, 1, 1, 1])), OneVsRestHingeLoss(1)):
        with pytest.raises(InputError, match=r"of a training with stages"):
            train(rows, loss, out=tmp_path, resume=True)
    with pytest.raises(InputError, match=r"holds a checkpoint already; resume=True goes on"):
        train(rows, out=tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs is 0; it must be an integer of at least 1"),
        ({"batch_size": 2.5}, "batch_size is 2.5"),
        ({"lr": -1.0}, "lr is -1.0; it must be a positive number"),
        ({"momentum": 1.5}, "momentum is 1.5; it must be below 1"),
        ({"optimizer": "lion"}, "unknown optimizer 'lion'; choose from sgd, adam"),
        ({"lr_schedule": "cosy"}, "unknown lr_schedule 'cosy'; choose from constant, linear, step"),
        ({"precision": "8-bit"}, "unknown precision '8-bit'; choose from 32-true"),
        ({"precision": "16-mixed"}, "needs CUDA; on the CPU choose 'bf16-mixed'"),
        ({"accelerator": "tpu"}, "unknown accelerator 'tpu'; choose from auto, cpu, cuda"),
        ({"noise": float("nan")}, "noise is nan"),
        ({"tensorboard": True}, "tensorboard is True, but out is None"),
        ({"epochs": None}, "epochs is None; it must be an integer"),
        ({"epochs": 3.0}, "epochs is 3.0; it must be an integer"),
        ({"momentum": None}, "momentum is None; it must be a number"),
        (
            {"momentum": 0.0, "nesterov": True},
            "momentum is 0.0; it must be below 1, and with nesterov above 0",
        ),
        ({"seed": -1}, "seed is -1; it must be an integer of at least 0"),
        ({"noise": -1.0}, "noise is -1.0; it must be a number of at least 0"),
        ({"averaging": "ema"}, r"averaging is 'ema'; it must be None or such as ExponentialAverage\(0.999\)"),
        ({"early_stopping": True}, "early_stopping is True; it must be None or such as EarlyStopping"),
        ({"augmentation": abs}, "augmentation is <built-in function abs>; it must be a module"),
        ({"out": __file__}, "which is no folder; choose another"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(settings, message, rows):
    with pytest.raises(InputError, match=message):
        train(rows, **settings)


def test_rows_that_cannot_be_used_are_refused(rows):
    X, y = rows
    trainer = Trainer(accelerator="cpu")
    cases = {
        "X has 203 rows and y has 3": (X, y[:3]),
        "X has 0 rows and y has 0": (X[:0], y[:0]),
        "y is missing": (X,),
    }
    for message, given in cases.items():
        with pytest.raises(InputError, match=message):
            trainer.fit(make_net(), OneVsRestHingeLoss(), *given)
    with pytest.raises(InputError, match="early_stopping needs validation rows"):
        Trainer(early_stopping=EarlyStopping()).fit(make_net(), OneVsRestHingeLoss(), X, y)
    with pytest.raises(InputError, match="resume is True, but out is None"):
        trainer.fit(make_net(), OneVsRestHingeLoss(), X, y, resume=True)
    pairs = torch.utils.data.TensorDataset(torch.as_tensor(X), torch.as_tensor(y))
    triples = torch.utils.data.TensorDataset(torch.as_tensor(X), torch.as_tensor(y), torch.as_tensor(y))
    cases = {
        "X is a DataLoader; give its dataset": (torch.utils.data.DataLoader(pairs),),
        "a sample of the Dataset is a tuple of 3; give pairs": (triples,),
        "y is given beside a Dataset": (pairs, y),
        "y holds str32 such as .*'a'.*; give classes as integers": (X, np.full(203, "a")),
        "X is a sparse matrix": (sparse.csr_array(X), y),
    }
    for message, given in cases.items():
        with pytest.raises(InputError, match=message):
            trainer.fit(make_net(), OneVsRestHingeLoss(), *given)
    with pytest.raises(InputError, match="CrossEntropyLoss has no margin"):
        Stage(nn.CrossEntropyLoss(), margin_schedule=Constant(1.0))


class Tuple(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 4)

    def forward(self, rows):
        return self.layer(rows), rows


def test_nets_and_losses_that_cannot_be_used_are_refused(rows):
    frozen = make_net().requires_grad_(False)
    margined = nn.Sequential(nn.Linear(8, 8), LargeMarginSoftmaxLinear(8, 4, margin=2))
    for message, net in {
        "has no parameters that require a gradient to train": frozen,
        "the net gives a tuple; it must give scores": Tuple(),
        "it must be a module": nn.Linear,
        "its forward has no parameter target": margined,
    }.items():
        with pytest.raises(InputError, match=message):
            train(rows, net=net)
    weighted = OneVsRestHingeLoss(weight=torch.ones(4))
    with pytest.raises(InputError, match=r"target holds 99; with 4 classes it must lie in 0\.\.3"):
        train((rows[0], np.full_like(rows[1], 99)), weighted)
    for message, loss in {
        r"the loss gives a tensor of shape \(32,\); it must give a scalar": OneVsRestHingeLoss(
            reduction="none"
        ),
        "loss is <function cross_entropy": nn.functional.cross_entropy,
        "has parameters of its own": nn.Sequential(nn.Linear(2, 2)),
    }.items():
        with pytest.raises(InputError, match=message):
            train(rows, loss)


def test_targets_that_are_ignored_count_in_no_mean(rows):
    X, y = rows
    some = np.where(np.arange(len(y)) % 2, y, -100)
    net = make_net()
    log = Trainer(epochs=3, batch_size=32, accelerator="cpu", lr=0.05).fit(
        net, OneVsRestHingeLoss(), X, some, validation=(X, some)
    )
    kept = some >= 0
    scores = net.eval()(torch.as_tensor(X[kept])).detach()
    truth = torch.as_tensor(y[kept])
    accuracy = (scores.argmax(dim=1) == truth).double().mean()
    assert log.epochs[-1]["validation_accuracy"] == pytest.approx(float(accuracy))
    assert log.epochs[-1]["validation_loss"] == pytest.approx(float(OneVsRestHingeLoss()(scores, truth)))
    assert 0.2 < log.epochs[-1]["train_accuracy"] <= 1
    with pytest.raises(InputError, match="all targets are ignored"):
        train((X, np.full_like(y, -100)))
    with pytest.raises(InputError, match="all targets are ignored or of weight 0"):
        train((X, np.zeros_like(y)), OneVsRestHingeLoss(weight=torch.tensor([0.0, 1.0, 1.0, 1.0])))


def test_sequences_are_scored_place_by_place():
    torch.manual_seed(0)
    X = torch.randn(40, 3, 6)
    y = X.argmax(dim=1)
    log = Trainer(epochs=30, batch_size=10, accelerator="cpu").fit(
        nn.Conv1d(3, 3, 1), nn.CrossEntropyLoss(), X, y, validation=(X, y)
    )
    assert 0.9 < log.epochs[-1]["train_accuracy"] <= 1
    assert 0.9 < log.epochs[-1]["validation_accuracy"] <= 1


def test_a_rest_of_one_row_joins_the_batch_before(rows):
    X, y = (part[:65] for part in rows)
    seen = []
    net = nn.Sequential(nn.BatchNorm1d(8), nn.Linear(8, 4))
    net.register_forward_hook(lambda _, inputs, __: seen.append(len(inputs[0])) if net.training else None)
    train((X, y), net=net, epochs=2)
    assert seen == [32, 33] * 2
    train((X[:1], y[:1]), epochs=1)


def test_an_epoch_without_a_number_is_never_the_best():
    stopping = EarlyStopping(patience=3, monitor="validation_loss")
    records = [{"validation_loss": value} for value in (float("nan"), 1.2, 1.0, float("nan"), 0.8)]
    assert stopping.best(records) == 4
    assert not stopping.is_over(records)


def test_double_precision_is_kept(rows):
    X, y = rows[0].astype(np.float64) + 1e6, rows[1]
    net = nn.Linear(8, 4)
    with torch.no_grad():
        net.weight -= net.weight.mean(dim=1, keepdim=True)
        net.double().weight -= net.weight.mean(dim=1, keepdim=True)
        # The scores do not see the offset, beside which single precision would lose the digits of the rows.
        expected = nn.functional.cross_entropy(net(torch.as_tensor(X)), torch.as_tensor(y))
    log = Trainer(epochs=1, batch_size=203, accelerator="cpu", precision="64-true", lr=1e-20).fit(
        net, nn.CrossEntropyLoss(), X, y
    )
    assert log.epochs[0]["train_loss"] == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA is present")
def test_cuda_asked_for_and_absent_is_said(rows):
    with pytest.raises(InputError, match="accelerator is 'cuda', but no CUDA device is here"):
        train(rows, accelerator="cuda")
