"""Studies: methods compared and tuned on data, from splits to records."""

from maxmargin.studies.comparison import Comparison
from maxmargin.studies.drawing import drawn
from maxmargin.studies.method import NETWORKS, Method, NetSettings
from maxmargin.studies.methods import METHODS, methods_on, select_methods
from maxmargin.studies.model import FittedMethod, fit_method
from maxmargin.studies.progress import Progress, ProgressBar
from maxmargin.studies.protocol import Settings
from maxmargin.studies.records import RecordLog
from maxmargin.studies.reproduction import Experiment, Reproduction, available_experiments, load_experiment
from maxmargin.studies.tuning import Tuning, TuningSettings

__all__ = [
    "METHODS",
    "NETWORKS",
    "Comparison",
    "Experiment",
    "FittedMethod",
    "Method",
    "NetSettings",
    "Progress",
    "ProgressBar",
    "RecordLog",
    "Reproduction",
    "Settings",
    "Tuning",
    "TuningSettings",
    "available_experiments",
    "drawn",
    "fit_method",
    "load_experiment",
    "methods_on",
    "select_methods",
]
