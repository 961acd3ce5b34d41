"""Pictures of data sets: classes in the plane, their separating lines, and which are confused."""

from itertools import combinations
from typing import Any

import numpy as np

from maxmargin._typing import Floats, Ints
from maxmargin.linear import OneVsOneSVC
from maxmargin.metrics import confusion_matrix
from maxmargin.studies.papers.figure_part import Part
from maxmargin.studies.papers.linear_methods import LinearMethod, best
from maxmargin.studies.papers.notebook import Notebook
from maxmargin.studies.papers.samples import Sample
from maxmargin.studies.records import Record

_EDGE = 0.1  # of the width that is left around the points


class Plane(Part):
    """Classes in the plane of linear discriminant analysis, and the lines and margins between each two.

    Attributes
    ----------
    methods : mapping from str to LinearMethod
        Classifiers with a line for each two classes, their C chosen by cross-validation in the plane.
    """

    methods: dict[str, LinearMethod]

    def runs(self, folds: int) -> int:  # noqa: ARG002
        """One for each method."""
        return len(self.methods)

    def show(self, notebook: Notebook, sample: Sample, where: Record, folds: int, effort: float) -> None:
        """Fit in the plane."""
        points = _discriminant_plane(sample)
        for name, method in self.methods.items():
            place = {"kind": "plane", "method": name} | where | {"grid_of": method.text()}
            notebook.once(
                place, lambda method=method: _separated(method, points, sample, folds, where["seed"]), effort
            )


class Maps(Part):
    """The rows in the plane by t-SNE.

    Attributes
    ----------
    rows : int
        How many are drawn at most.
    """

    rows: int

    def runs(self, folds: int) -> int:  # noqa: ARG002
        """One."""
        return 1

    def show(self, notebook: Notebook, sample: Sample, where: Record, folds: int, effort: float) -> None:  # noqa: ARG002
        """Map the standardised rows."""
        place = {"kind": "map", "method": "t-sne"} | where | {"rows": self.rows}
        notebook.once(place, lambda: self._mapped(sample, where["seed"]), effort)

    def _mapped(self, sample: Sample, seed: int) -> Record:
        from sklearn.manifold import TSNE
        from sklearn.preprocessing import StandardScaler

        picked = np.sort(np.random.default_rng(seed).permutation(len(sample.y))[: self.rows])
        X = StandardScaler().fit_transform(sample.X[picked])
        points = TSNE(perplexity=min(30, (len(X) - 1) / 3), random_state=seed).fit_transform(X)
        return {"points": _named_points(points.astype(float), sample.y[picked], sample.labels, 2)}


class Confusions(Part):
    """Which classes binary logistic regressions between each two confuse, in a cross-validation."""

    def runs(self, folds: int) -> int:  # noqa: ARG002
        """One, of all folds."""
        return 1

    def show(self, notebook: Notebook, sample: Sample, where: Record, folds: int, effort: float) -> None:
        """Predict every row from the others, and put classes that are confused beside each other."""
        place = {"kind": "confusion", "method": "ovo-lr"} | where
        notebook.once(place, lambda: _confused(sample, folds, where["seed"]), effort)


def _discriminant_plane(sample: Sample) -> Floats:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.preprocessing import StandardScaler

    plane = LinearDiscriminantAnalysis(n_components=2).fit_transform(sample.X, sample.y)
    return StandardScaler().fit_transform(plane)


def _separated(method: LinearMethod, points: Floats, sample: Sample, folds: int, seed: int) -> Record:
    chosen, _ = best(method.searched(points, sample.y, folds, seed)["grid"])
    model, _ = method.fitted(points, sample.y, chosen)
    normals, offsets = _hyperplanes(model[-1])
    pairs = list(combinations(range(len(sample.labels)), 2))
    lines = []
    for (k, m), normal, offset in zip(pairs, normals, offsets, strict=True):
        named = [(0.0, f"{sample.labels[k]} | {sample.labels[m]}"), (1.0, "margins"), (-1.0, "margins")]
        for shift, label in named:
            ends = _across(points, normal, offset - shift)
            if ends is not None:
                lines.append([*np.round(ends, 3).tolist(), label])
    widths = 2 / np.linalg.norm(normals, axis=1)
    return {
        "accuracy": round(float(model.score(points, sample.y)), 4),
        **chosen,
        "margins": {
            f"{sample.labels[k]} | {sample.labels[m]}": round(float(width), 4)
            for (k, m), width in zip(pairs, widths, strict=True)
        },
        "smallest_margin": round(float(widths.min()), 4),
        "points": _named_points(points, sample.y, sample.labels, 3),
        "lines": lines,
    }


def _hyperplanes(classifier: Any) -> tuple[Floats, Floats]:
    """w_k - w_l and b_k - b_l of each two classes; of OvO, its machines."""
    coef, intercept = classifier.coef_, classifier.intercept_
    if isinstance(classifier, OneVsOneSVC):
        return coef, intercept
    first, second = np.array(list(combinations(range(len(coef)), 2))).T
    return coef[first] - coef[second], intercept[first] - intercept[second]


def _across(points: Floats, normal: Floats, offset: float) -> Floats | None:
    """Where the line normal.x + offset = 0 enters and leaves the rectangle around the points, if it does."""
    low, high = points.min(axis=0), points.max(axis=0)
    edge = _EDGE * (high - low)
    low, high = low - edge, high + edge
    direction = np.array([-normal[1], normal[0]])
    start = -offset * normal / (normal @ normal)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = np.sort(np.array([(low - start) / direction, (high - start) / direction]), axis=0)
    first, last = np.nanmax(at[0]), np.nanmin(at[1])
    return None if first >= last else np.concatenate([start + first * direction, start + last * direction])


def _named_points(points: Floats, y: Ints, labels: list[str], digits: int) -> list[list[Any]]:
    return [[*row, labels[k]] for row, k in zip(np.round(points, digits).tolist(), y, strict=True)]


def _confused(sample: Sample, folds: int, seed: int) -> Record:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.multiclass import OneVsOneClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), OneVsOneClassifier(LogisticRegression(max_iter=1000)))
    cv = StratifiedKFold(folds, shuffle=True, random_state=seed)
    predicted = np.asarray(cross_val_predict(model, sample.X, sample.y, cv=cv))
    confusion = confusion_matrix(sample.y, predicted, len(sample.labels))
    order = _beside_each_other(confusion)
    return {
        "accuracy": round(float(np.mean(predicted == sample.y)), 4),
        "n_test": len(sample.y),
        "in_a_tenth": _in_a_tenth(confusion),
        "confusion": confusion[np.ix_(order, order)].tolist(),
        "classes": [sample.labels[k] for k in order],
    }


def _beside_each_other(confusion: Ints) -> Ints:
    """An order of the classes in which those that are confused are neighbours."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    apart = 1 / (1 + confusion + confusion.T)
    np.fill_diagonal(apart, 0)
    return leaves_list(linkage(squareform(apart), "average", optimal_ordering=True))


def _in_a_tenth(confusion: Ints) -> float:
    """Share of all errors that lie between the tenth of class pairs that are confused most."""
    pairs = np.sort((confusion + confusion.T)[np.triu_indices(len(confusion), 1)])[::-1]
    return round(float(pairs[: max(1, round(len(pairs) / 10))].sum() / max(1, pairs.sum())), 4)
