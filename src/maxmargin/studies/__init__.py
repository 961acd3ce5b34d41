"""Studies: methods compared and tuned on data, from splits to records."""

from maxmargin.studies.comparison import Comparison
from maxmargin.studies.drawing import drawn
from maxmargin.studies.methods import METHODS, Method, select_methods
from maxmargin.studies.model import FittedMethod, fit_method
from maxmargin.studies.progress import Progress, ProgressBar
from maxmargin.studies.protocol import Settings
from maxmargin.studies.records import RecordLog
from maxmargin.studies.tuning import Tuning, TuningSettings

__all__ = [
    "METHODS",
    "Comparison",
    "FittedMethod",
    "Method",
    "Progress",
    "ProgressBar",
    "RecordLog",
    "Settings",
    "Tuning",
    "TuningSettings",
    "drawn",
    "fit_method",
    "select_methods",
]
