"""Linear large-margin classifiers in scikit-learn's manners."""

from maxmargin.linear.crammer_singer import CrammerSingerSVC
from maxmargin.linear.logistic import MultinomialLogisticRegression
from maxmargin.linear.maximum_minimum_margin import M3SVC, M3LogisticRegression
from maxmargin.linear.one_vs_rest import OneVsRestSVC
from maxmargin.linear.weston_watkins import WestonWatkinsSVC

__all__ = [
    "M3SVC",
    "CrammerSingerSVC",
    "M3LogisticRegression",
    "MultinomialLogisticRegression",
    "OneVsRestSVC",
    "WestonWatkinsSVC",
]
