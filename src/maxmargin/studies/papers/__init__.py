"""The papers' experiments, rerun; what they leave open is chosen on validation rows."""

from maxmargin.studies.papers.experiment import Experiment, available_experiments, load_experiment
from maxmargin.studies.papers.reproduction import reproduce

__all__ = ["Experiment", "available_experiments", "load_experiment", "reproduce"]
