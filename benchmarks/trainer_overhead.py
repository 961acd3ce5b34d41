"""What the trainer adds to a bare PyTorch loop that takes the same steps: Tang's MNIST network, batch 200.

Both draw the order, the noise and the learning rate of every step and look at every loss. An epoch of each in
turn, on random rows; prints the median seconds of each and the median of the ratios pair by pair.
"""

import argparse
import statistics
import time

import torch

from maxmargin.deep import LinearDecay, Trainer, build_net
from maxmargin.nn import OneVsRestHingeLoss

ROWS, FEATURES, BATCH, LR = 60000, 70, 200, 0.01


def bare(net: torch.nn.Module, inputs: torch.Tensor, target: torch.Tensor) -> None:
    loss_of = OneVsRestHingeLoss()
    head = net.head.weight
    others = [parameter for parameter in net.parameters() if parameter is not head]
    groups = [{"params": others}, {"params": [head], "weight_decay": 0.001}]
    optimizer = torch.optim.SGD(groups, lr=LR, momentum=0.9, fused=True)
    steps = ROWS // BATCH
    total = hits = 0.0
    for step, indices in enumerate(torch.randperm(ROWS).split(BATCH)):
        left = 1 - step / steps
        for group in optimizer.param_groups:
            group["lr"] = LR * left
        batch, truth = inputs[indices], target[indices]
        scores = net(batch + left * torch.randn_like(batch))
        loss = loss_of(scores, truth)
        total += loss.item() * len(truth)
        hits += (scores.argmax(dim=1) == truth).sum().item()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def ours(net: torch.nn.Module, inputs: torch.Tensor, target: torch.Tensor) -> None:
    trainer = Trainer(
        epochs=1,
        batch_size=BATCH,
        lr=LR,
        lr_schedule="linear",
        noise=LinearDecay(),
        head_weight_decay=0.001,
        accelerator="cpu",
    )
    trainer.fit(net, OneVsRestHingeLoss(), inputs, target)


def seconds(train, inputs: torch.Tensor, target: torch.Tensor) -> float:
    net = build_net("tang-mnist", (FEATURES,), 10)
    began = time.perf_counter()
    train(net, inputs, target)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    torch.manual_seed(0)
    inputs, target = torch.randn(ROWS, FEATURES), torch.randint(10, (ROWS,))
    pairs = []
    for repeat in range(asked.repeats + 1):
        # Whoever runs second finds warm caches, so they take turns.
        runs = [bare, ours] if repeat % 2 else [ours, bare]
        times = {run: seconds(run, inputs, target) for run in runs}
        pairs.append((times[bare], times[ours]))
    bares, ourses = zip(*pairs[1:], strict=True)
    ratio = statistics.median(b / a for a, b in pairs[1:])
    print(f"bare loop {statistics.median(bares):.3f} s, Trainer {statistics.median(ourses):.3f} s an epoch")
    print(f"ratio {ratio:.3f} (median of {asked.repeats}, {asked.threads} threads)")


if __name__ == "__main__":
    main()
