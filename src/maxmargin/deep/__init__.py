"""Networks with margins at their top: nets, training, a classifier, features and refitted heads."""

from maxmargin.deep.averaging import Ensemble, ExponentialAverage, Snapshots
from maxmargin.deep.heads import find_head
from maxmargin.deep.nets import NETS, HeadedNet, build_net
from maxmargin.deep.preprocessing import PerImageNorm, PixelMean, PixelStandardisation, PrincipalComponents
from maxmargin.deep.rows import as_rows
from maxmargin.deep.schedules import Constant, LinearDecay, StepDecay
from maxmargin.deep.stages import Stage
from maxmargin.deep.stopping import EarlyStopping
from maxmargin.deep.trainer import Trainer, TrainingLog

__all__ = [
    "NETS",
    "Constant",
    "EarlyStopping",
    "Ensemble",
    "ExponentialAverage",
    "HeadedNet",
    "LinearDecay",
    "PerImageNorm",
    "PixelMean",
    "PixelStandardisation",
    "PrincipalComponents",
    "Snapshots",
    "Stage",
    "StepDecay",
    "Trainer",
    "TrainingLog",
    "as_rows",
    "build_net",
    "find_head",
]
