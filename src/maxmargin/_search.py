"""What searches share that fit their candidates in ways of their own and answer as GridSearchCV does."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.model_selection import GridSearchCV

from maxmargin._checks import InputError


class RecordedSearchCV(GridSearchCV):
    """GridSearchCV's attributes from records of one score a candidate and fold."""

    error_score = "raise"
    return_train_score = False

    def _check_scoring(self) -> None:
        if not (self.scoring is None or isinstance(self.scoring, str) or callable(self.scoring)):
            raise InputError(
                f"scoring is {self.scoring!r}; it must be the name of one scorer, a callable or None"
            )

    def _conclude(
        self,
        candidates: list[dict[str, Any]],
        out: Sequence[Mapping[str, float]],
        more: dict[str, Any] | None = None,
    ) -> None:
        """Tabulate the records, by candidate and fold, and choose the best."""
        self.multimetric_ = False
        self.cv_results_ = self._format_results(candidates, self.n_splits_, out, more)
        self.best_index_ = self._select_best_index(self.refit, "score", self.cv_results_)
        if not callable(self.refit):
            self.best_score_ = self.cv_results_["mean_test_score"][self.best_index_]
        self.best_params_ = candidates[self.best_index_]

    def _refit(self, best: Any, X: Any, y: Any, fit_params: dict[str, Any]) -> None:
        """Fit an estimator with the best parameters to all rows."""
        start = time.perf_counter()
        self.best_estimator_ = best.fit(X, y, **fit_params)
        self.refit_time_ = time.perf_counter() - start
        if hasattr(self.best_estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.best_estimator_.feature_names_in_
