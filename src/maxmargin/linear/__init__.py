"""Linear large-margin classifiers in scikit-learn's manners."""

from maxmargin.linear.bredensteiner_bennett import BredensteinerBennettSVC
from maxmargin.linear.crammer_singer import CrammerSingerSVC
from maxmargin.linear.logistic import MultinomialLogisticRegression, SparseMultinomialLogisticRegression
from maxmargin.linear.maximum_minimum_margin import M3SVC, M3LogisticRegression
from maxmargin.linear.one_vs_one import OneVsOneSVC
from maxmargin.linear.one_vs_rest import OneVsRestSVC
from maxmargin.linear.path import regularization_path
from maxmargin.linear.search import LinearSearchCV
from maxmargin.linear.top_k import TopKSVC
from maxmargin.linear.weston_watkins import WestonWatkinsSVC

__all__ = [
    "M3SVC",
    "BredensteinerBennettSVC",
    "CrammerSingerSVC",
    "LinearSearchCV",
    "M3LogisticRegression",
    "MultinomialLogisticRegression",
    "OneVsOneSVC",
    "OneVsRestSVC",
    "SparseMultinomialLogisticRegression",
    "TopKSVC",
    "WestonWatkinsSVC",
    "regularization_path",
]
