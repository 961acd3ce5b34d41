"""The two kinds of linear classifiers: by margins, calibrated where asked for, and by softmax."""

from typing import Any, Literal

import numpy as np
from scipy.special import log_softmax
from sklearn.utils.metaestimators import available_if

from maxmargin._checks import check_choice
from maxmargin._typing import Floats
from maxmargin.calibration import CALIBRATIONS, TemperatureScaling
from maxmargin.linear._base import ClassWeight, LinearClassifier
from maxmargin.linear._inputs import answers_where_rows_are
from maxmargin.linear.out_of_fold import calibrate
from maxmargin.losses import Loss, SoftmaxCrossEntropy

Probability = Literal["temperature", "coupling"] | None


def _is_calibrated(classifier: "MarginClassifier") -> bool:
    if classifier.probability is None:
        raise AttributeError(
            f"{type(classifier).__name__} has no probabilities by default; "
            f"set probability to {' or '.join(map(repr, CALIBRATIONS))} before fit, for five more fits"
        )
    return True


class MarginClassifier(LinearClassifier):
    """A linear classifier whose scores are no probabilities, unless it is asked to calibrate them."""

    def __init__(
        self,
        C: float = 1.0,
        *,
        fit_intercept: bool = True,
        class_weight: ClassWeight = None,
        tol: float = 1e-4,
        max_iter: int = 1000,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
        probability: Probability = None,
    ) -> None:
        super().__init__(
            C,
            fit_intercept=fit_intercept,
            class_weight=class_weight,
            tol=tol,
            max_iter=max_iter,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
        )
        self.probability = probability

    def _calibrate(self, X: Any, y: Any, sample_weight: Any) -> None:
        if self.probability is not None:
            self.calibration_ = calibrate(
                self, X, y, sample_weight, method=self.probability, random_state=self.random_state
            )

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.probability is not None:
            check_choice(self.probability, CALIBRATIONS, "probability")

    @available_if(_is_calibrated)
    @answers_where_rows_are
    def predict_proba(self, X: Any) -> Floats:
        """Calibrated probability of each class; the largest is that of the predicted class.

        Parameters
        ----------
        X : array or CSR matrix of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows sum to one; columns in the order of ``classes_``.
        """
        scores = self._scores(X)
        return self.calibration_.predict_proba(scores)

    @available_if(_is_calibrated)
    @answers_where_rows_are
    def predict_log_proba(self, X: Any) -> Floats:
        """Logarithm of the probability of each class, shape (n_samples, n_classes)."""
        return np.log(self.calibration_.predict_proba(self._scores(X)))


_AS_THEY_ARE = TemperatureScaling()
_AS_THEY_ARE.temperature_ = 1.0


class SoftmaxClassifier(LinearClassifier):
    """A linear classifier whose loss is softmax cross-entropy: it has probabilities."""

    def _loss(self) -> Loss:
        return SoftmaxCrossEntropy()

    @answers_where_rows_are
    def predict_proba(self, X: Any) -> Floats:
        """Probability of each class: the softmax of the scores.

        Parameters
        ----------
        X : array or CSR matrix of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows sum to one; columns in the order of ``classes_``.
        """
        return _AS_THEY_ARE.predict_proba(self._scores(X))

    @answers_where_rows_are
    def predict_log_proba(self, X: Any) -> Floats:
        """Logarithm of the probability of each class, shape (n_samples, n_classes)."""
        return log_softmax(self._scores(X), axis=1)
