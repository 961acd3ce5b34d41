"""Measures of a classifier, and what repeated splits can and cannot say about the better one."""

from maxmargin.metrics.calibration import expected_calibration_error
from maxmargin.metrics.classification import confusion_matrix, margins, per_class_recall
from maxmargin.metrics.proportion import wilson_interval
from maxmargin.metrics.resampling import (
    LEVEL,
    Comparison,
    Row,
    TTest,
    compare_methods,
    corrected_resampled_ttest,
    holm,
    resampled_interval,
)

__all__ = [
    "LEVEL",
    "Comparison",
    "Row",
    "TTest",
    "compare_methods",
    "confusion_matrix",
    "corrected_resampled_ttest",
    "expected_calibration_error",
    "holm",
    "margins",
    "per_class_recall",
    "resampled_interval",
    "wilson_interval",
]
