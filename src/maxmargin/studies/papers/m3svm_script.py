"""The protocol of the script that M3SVM's authors published, as it stands and with its own settings.

It runs the logistic form: cross-entropy averaged over rows and classes, plus lambda / n_all times the sum of
|w_k - w_l|^p over ordered pairs, n_all counting the test rows. Its scaler sees the test rows too, nothing is
chosen on validation rows, and 500 full-batch steps of Adam end it, converged or not.
"""

import time

import numpy as np

from maxmargin._typing import Floats, Ints
from maxmargin.conventions import convention, evaluate
from maxmargin.evidence import Strict
from maxmargin.losses import SoftmaxCrossEntropy
from maxmargin.penalties import PairwiseMargin
from maxmargin.studies.papers.full_batch_adam import FullBatch, adam
from maxmargin.studies.records import Record

_STEPS = 500


class ScriptSettings(Strict):
    """What the script has for a data set.

    Attributes
    ----------
    lr, lam, p : float
        Rate of Adam, and the lambda and p of the penalty.
    scaled : bool
        Whether features are standardised, on all rows.
    """

    lr: float
    lam: float
    p: float
    scaled: bool = True

    def predicted(self, X: Floats, y: Ints, train: Ints, test: Ints, seed: int) -> tuple[Ints, Record]:
        """Classes of the test rows, with the objective in the script's units and the seconds."""
        from sklearn.preprocessing import StandardScaler

        start = time.perf_counter()
        if self.scaled:
            X = StandardScaler().fit_transform(X)
        n_all, n_classes = len(y), int(y.max()) + 1
        loss = SoftmaxCrossEntropy()
        objective = FullBatch(
            X[train],
            y[train],
            loss,
            PairwiseMargin(self.p),
            risk=1 / (len(train) * n_classes),
            strength=2 * self.lam / n_all,
        )
        *_, (coef, intercept, _) = adam(objective, n_classes, lr=self.lr, steps=_STEPS, seed=seed)
        row = convention("m3svm-script", penalty=PairwiseMargin(self.p))
        value = evaluate(coef, intercept, X[train], y[train], self.lam, row, loss=loss, n_all=n_all)
        seconds = time.perf_counter() - start
        predicted = np.argmax(X[test] @ coef.T + intercept, axis=1)
        return predicted, {"seconds": round(seconds, 3), "objective": float(f"{value:.6g}")}
