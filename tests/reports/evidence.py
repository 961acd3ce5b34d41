"""Made-up experiments and records with every kind of table and figure."""

import base64
import io

import numpy as np
from PIL import Image

from maxmargin.evidence import Claim, Figure, Printed, Scale, Table

METHODS = ("ovr", "ovo", "crammer", "m-svm", "top-k", "multi-lr", "smlr", "m3svm")
DATA = ("cornell", "isolet", "hhar", "usps", "orl", "dermatology", "vehicle", "glass")
UGLY = ("<script>alert(1)</script>", "a|b *c* _d_ `e` [f](g)", "x" * 120, "日本語 👩‍🔬", "$x^2$", "&amp;")
STAMP = {
    "versions": {"python": "3.11.7", "numpy": "2.4.6"},
    "commit": "5af257a0f0b0c0d0e0f0a0b0c0d0e0f0a0b0c0d0",
    "machine": {"cpus": 2, "system": "Linux x86_64"},
}


def record(experiment, scale, kind, seconds=1.5, **entries):
    """A record as they are written: the place of the run, its seconds, what was measured."""
    measured = {name: entries.pop(name) for name in MEASURED if name in entries}
    stamp = {"experiment": experiment, "scale": scale} | STAMP
    return stamp | {"kind": kind, **entries, "seconds": seconds} | measured


MEASURED = (
    "error",
    "accuracy",
    "n_test",
    "n_train",
    "curve",
    "points",
    "lines",
    "confusion",
    "images",
    "grid",
)


def large():
    """Eight methods on eight data sets in five folds, one column not run, one row cited."""
    names = {m: m.upper() for m in METHODS} | {d: d.capitalize() for d in DATA}
    rng = np.random.default_rng(0)
    printed = {d: {m: round(0.75 + 0.02 * k, 3) for k, m in enumerate(METHODS)} for d in DATA}
    table = Table(
        name="Table 1", title="Test accuracy", measure="accuracy", better="higher", columns="data",
        labels=names,
        printed=printed, printed_std={d: dict.fromkeys(METHODS, 0.012) for d in DATA},
        cited={"usps": {"theirs": 0.9}},
        claims=[Claim(better="m3svm", than=[m for m in METHODS if m != "m3svm"])],
    )  # fmt: skip
    experiment = Printed(
        name="large", title="Eight methods on eight data sets", paper="Nobody (2024), Nothing, section 5",
        differences=["The paper's folds are not known."], tables=[table],
        scales={"full": Scale(note="All of it."), "quick": Scale(note="Two data sets.")},
    )  # fmt: skip
    records = [
        record("large", scale, "test", method=m, data=d, fold=fold, C=2.0**fold, n_test=200, n_train=800,
               accuracy=float(np.round(200 * np.clip(0.75 + 0.02 * k + 0.02 * rng.normal(), 0, 1)) / 200))
        for scale, data in (("full", DATA[:2] + DATA[3:]), ("quick", DATA[:2]))
        for d in data for k, m in enumerate(METHODS) for fold in range(5)
    ]  # fmt: skip
    return experiment, records


def drawn(words=("svm", "softmax")):
    """Every kind of figure, from records of two methods called ``words``."""
    figures = [
        Figure(name="Figure 1", title="Loss", kind="curves", y="loss", log_y=True),
        Figure(name="Figure 2", title="Accuracy", kind="curves", x="iteration", y="accuracy", unit="percent"),
        Figure(name="Figure 3", title="Error over m", kind="sweep", where={"kind": "sweep"}, x="m", y="error",
               unit="percent"),
        Figure(name="Figure 4", title="Grid of runs", kind="heatmap", where={"kind": "point"}, x="gamma",
               y="C", value="error", unit="percent"),
        Figure(name="Figure 5", title="Whole grids", kind="heatmap", where={"kind": "grids"}, x="gamma",
               y="C", value="score", unit="percent"),
        Figure(name="Figure 6", title="Points", kind="scatter"),
        Figure(name="Figure 7", title="Counts", kind="confusion"),
        Figure(name="Figure 8", title="Pictures", kind="images", lines=None),
        Figure(name="Figure 9", title="Never run", kind="curves", where={"kind": "never"}, y="loss"),
        Figure(name="Figure 10", title="By name", kind="sweep", where={"kind": "sweep"}, x="head", y="error",
               lines=None, panels="m"),
    ]  # fmt: skip
    experiment = Printed(
        name="drawn", title=f"Figures of {words[0]}", paper="Nobody (2024)", figures=figures,
        scales={"full": Scale(note="All."), "quick": Scale(note="10 epochs of 400.")},
        tables=[
            Table(name="Table 1", title="Errors", printed={words[0]: 0.02, words[1]: 0.03},
                  claims=[Claim(better=words[0], than=[words[1]])]),
            Table(name="Ours", title="Beyond", ours=True, measure="seconds", unit="seconds",
                  claims=[Claim(better=words[0], than=[words[1]])]),
            Table(name="Table 2", title="Elsewhere", where={"kind": "never"}, printed={words[0]: 0.5},
                  claims=[Claim(better=words[0], than=[words[1]])]),
        ],
    )  # fmt: skip
    return experiment, [r for k, word in enumerate(words) for r in _drawn_records(word, k)]


def _drawn_records(word, k):
    rng = np.random.default_rng(k)

    def one(kind, **entries):
        return record("drawn", "quick", kind, method=word, n_test=1000, **entries)

    points = {
        name: [[*map(float, rng.normal(c, 1, 2).round(3)), int(c)] for c in rng.integers(0, 11, 200)]
        for name in ("train", "test")
    }
    small = [_png(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)) for _ in range(12)]
    grid = {"C": [0.5, 1.0, 2.0], "gamma": [0.25, 0.5], "score": [[0.1, 0.2], [0.3, 0.9], [None, 0.5]]}
    for seed in range(3):
        curve = {
            "loss": [2.0 ** (-i) + 0.01 * seed for i in range(10)],
            "iteration": [1, 10, 100],
            "accuracy": [0.5, 0.8, 0.9 - 0.01 * k],
        }
        more = {"points": points, "lines": [[-1, -1, 12, 12, "boundary"], [-1, 0, 11, 12, "margin"]]}
        confusion = rng.integers(0, 9, (10, 10)) + 80 * np.eye(10, dtype=int)
        more |= {"curve": curve, "confusion": confusion.tolist(), "images": small}
        yield one("test", seed=seed, error=(20 + 20 * k + seed) / 1000, **more)
        for m in (0.0, 0.1, 0.2):
            yield one(
                "sweep", seed=seed, m=m, head=f"head {k}", error=(50 + 100 * m + 2 * seed + 5 * k) / 1000
            )
    for C in (0.5, 1, 2):
        for gamma in (0.1, 1.0):
            yield one("point", seed=0, C=C, gamma=gamma, error=round(0.1 * C + 0.1 * gamma, 3))
    yield one("grids", seed=0, stage="coarse", grid=grid)
    yield one("grids", seed=1, stage="coarse", grid=grid)
    yield one("grids", seed=0, stage="fine", grid=grid | {"C": [0.9, 1.0, 1.1]})


def _png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return base64.b64encode(buffer.getvalue()).decode()
