"""The answers of a classifier that holds a trained network, as scikit-learn asks for them."""

from typing import Any

import numpy as np
import torch
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.validation import check_is_fitted
from torch import nn

from maxmargin._tensors import answered, in_memory
from maxmargin.calibration import Calibration
from maxmargin.deep.ingredients import make_device
from maxmargin.deep.inputs import new_rows
from maxmargin.deep.outputs import outputs_of, single_probabilities
from maxmargin.deep.state import NetEstimator


class NetClassifier(ClassifierMixin, NetEstimator):
    """What a classifier answers out of ``net_``, ``classes_`` and ``calibration_``."""

    classes_: np.ndarray
    net_: nn.Module
    calibration_: Calibration
    device: str

    def decision_function(self, X: Any) -> Any:
        """Score of each class; with two classes the second score minus the first.

        Parameters
        ----------
        X : array or tensor of shape (n_samples, n_features) or (n_samples, channels, height, width)
            Rows to score.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or (n_samples,) with two classes
            The predicted class has the largest score, or with two classes is the second where it is positive.
            Here as in every answer, a tensor of rows is answered by one on its device, except where labels
            are no numbers.
        """
        scores = self._scores(X)
        return answered(X, scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores)

    def predict(self, X: Any) -> Any:
        """Label of the largest score of each row.

        Parameters
        ----------
        X : array or tensor of shape (n_samples, n_features) or (n_samples, channels, height, width)
            Rows to classify.

        Returns
        -------
        ndarray or tensor of shape (n_samples,)
            Labels out of ``classes_``.
        """
        best = np.argmax(self._scores(X), axis=1)
        return answered(X, self.classes_[best])

    def predict_proba(self, X: Any) -> Any:
        """Probability of each class; the largest is that of the predicted class.

        Parameters
        ----------
        X : array or tensor of shape (n_samples, n_features) or (n_samples, channels, height, width)
            Rows to classify.

        Returns
        -------
        ndarray or tensor of shape (n_samples, n_classes)
            Rows sum to one; columns in the order of ``classes_``.
        """
        return answered(X, self._probabilities(X))

    def predict_log_proba(self, X: Any) -> Any:
        """Logarithm of the probability of each class, shape (n_samples, n_classes)."""
        return answered(X, np.log(self._probabilities(X)))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Share of the rows whose label is predicted.

        Parameters
        ----------
        X : array or tensor of shape (n_samples, n_features) or (n_samples, channels, height, width)
            Rows to classify.
        y : array or tensor of shape (n_samples,)
            Their labels.
        sample_weight : array of shape (n_samples,), optional
            What each row counts; 1 for all by default.

        Returns
        -------
        float
            At most 1.
        """
        return float(accuracy_score(in_memory(y), in_memory(self.predict(X)), sample_weight=sample_weight))

    def _new_rows(self, X: Any) -> torch.Tensor:
        """Rows to predict, checked and as the network takes them."""
        check_is_fitted(self)
        return new_rows(self, X)

    def _scores(self, X: Any) -> np.ndarray:
        return self._scores_of(self._new_rows(X))

    def _probabilities(self, X: Any) -> np.ndarray:
        scores = self._scores(X)
        return single_probabilities(self.calibration_, scores)

    def _scores_of(self, rows: torch.Tensor) -> np.ndarray:
        """Scores of checked rows, in memory."""
        return outputs_of(self.net_, rows, make_device(self.device)).cpu().numpy()
