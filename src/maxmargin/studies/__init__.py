"""Studies: methods compared and tuned on data, from splits to records."""

from maxmargin.studies.comparison import Comparison
from maxmargin.studies.drawing import drawn
from maxmargin.studies.method import NETWORKS, Method, NetSettings
from maxmargin.studies.methods import METHODS, methods_on, select_methods
from maxmargin.studies.model import FittedMethod, fit_method
from maxmargin.studies.progress import Progress, ProgressBar
from maxmargin.studies.protocol import Settings
from maxmargin.studies.records import RecordLog
from maxmargin.studies.tuning import Tuning, TuningSettings

__all__ = [
    "METHODS",
    "NETWORKS",
    "Comparison",
    "FittedMethod",
    "Method",
    "NetSettings",
    "Progress",
    "ProgressBar",
    "RecordLog",
    "Settings",
    "Tuning",
    "TuningSettings",
    "drawn",
    "fit_method",
    "methods_on",
    "select_methods",
]
