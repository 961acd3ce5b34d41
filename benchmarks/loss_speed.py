"""What the losses of ``maxmargin.nn`` cost beside ``torch.nn.CrossEntropyLoss``: forward plus backward.

All losses take the same float32 scores in turn, on two threads. Seconds are medians, and the ratio is that of
the medians; peak memory is the most that tensors take at once beyond the scores, by torch's profiler.
"""

import argparse
import gc
import statistics
import sys
import time

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from maxmargin import nn as mnn

THREADS = 2
ALLOWED = 1.2
OURS = (
    mnn.CrossEntropyLoss(),
    mnn.SoftMarginSoftmaxLoss(margin=1.0),
    mnn.OneVsRestHingeLoss(power=1),
    mnn.OneVsRestHingeLoss(power=2),
    mnn.KerasHingeLoss(),
    mnn.WestonWatkinsLoss(),
    mnn.SmoothHingeLoss(),
    mnn.CrammerSingerLoss(),
    mnn.TopKHingeLoss(k=5),
    mnn.TopKHingeLoss(k=5, variant="beta"),
)
REFERENCE = nn.CrossEntropyLoss()
PEERS = (nn.MultiMarginLoss(),)


def seconds(loss: nn.Module, scores: Tensor, target: Tensor) -> float:
    scores.grad = None
    began = time.perf_counter()
    loss(scores, target).backward()
    return time.perf_counter() - began


def peak_bytes(loss: nn.Module, scores: Tensor, target: Tensor) -> int:
    """The most that tensors made by one forward and backward hold at once."""
    scores.grad = None
    gc.collect()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        loss(scores, target).backward()
    results = profiler.profiler.kineto_results.events()
    moves = sorted((e.start_ns(), e.nbytes()) for e in results if e.name() == "[memory]")
    held = peak = 0
    for _, change in moves:
        held += change
        peak = max(peak, held)
    return peak


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=4096)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=51)
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    generator = torch.Generator().manual_seed(0)
    shape = (arguments.rows, arguments.classes)
    scores = torch.randn(shape, generator=generator).requires_grad_()
    target = torch.randint(arguments.classes, shape[:1], generator=generator)
    losses = (REFERENCE, *PEERS, *OURS)
    for loss in losses:
        seconds(loss, scores, target)
    times: dict[nn.Module, list[float]] = {loss: [] for loss in losses}
    for _ in range(arguments.repeats):
        for loss in losses:
            times[loss].append(seconds(loss, scores, target))
    medians = {loss: statistics.median(of_loss) for loss, of_loss in times.items()}
    peaks = {loss: peak_bytes(loss, scores, target) for loss in losses}
    print(f"Losses at {shape}, float32, {THREADS} threads, torch {torch.__version__}: against {REFERENCE}\n")
    print("| loss | milliseconds | time ratio | peak megabytes | memory ratio | at most 1.2 |")
    print("|---|---|---|---|---|---|")
    for loss in losses:
        slower, larger = medians[loss] / medians[REFERENCE], peaks[loss] / peaks[REFERENCE]
        verdict = "" if loss not in OURS else "met" if max(slower, larger) <= ALLOWED else "**missed**"
        name = f"torch {loss}" if loss not in OURS else str(loss)
        figures = f"{1e3 * medians[loss]:.2f} | {slower:.2f} | {peaks[loss] / 2**20:.1f} | {larger:.2f}"
        print(f"| {name} | {figures} | {verdict} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
