"""Networks with margins at their top: nets, training, a classifier, features and refitted heads."""

from maxmargin.deep.augmentation import GaussianNoise, RandomCrop, RandomMirror, RandomShift, RandomSimilarity
from maxmargin.deep.autoencoding import autoencode
from maxmargin.deep.averaging import Ensemble, ExponentialAverage, Snapshots
from maxmargin.deep.classifier import MarginClassifier
from maxmargin.deep.features import extract_features
from maxmargin.deep.heads import find_head
from maxmargin.deep.layers import named_layers
from maxmargin.deep.nets import NETS, GogosAutoencoder, HeadedNet, build_net
from maxmargin.deep.outputs import apply_net
from maxmargin.deep.preprocessing import PerImageNorm, PixelMean, PixelStandardisation, PrincipalComponents
from maxmargin.deep.refit import RefitResult, refit_head
from maxmargin.deep.rows import as_rows
from maxmargin.deep.schedules import Constant, LinearDecay, StepDecay
from maxmargin.deep.stages import Stage
from maxmargin.deep.stopping import EarlyStopping
from maxmargin.deep.trainer import Trainer, TrainingLog
from maxmargin.deep.training import DivergedError
from maxmargin.deep.transformers import AutoencoderFeatures, NetFeatures

__all__ = [
    "NETS",
    "AutoencoderFeatures",
    "Constant",
    "DivergedError",
    "EarlyStopping",
    "Ensemble",
    "ExponentialAverage",
    "GaussianNoise",
    "GogosAutoencoder",
    "HeadedNet",
    "LinearDecay",
    "MarginClassifier",
    "NetFeatures",
    "PerImageNorm",
    "PixelMean",
    "PixelStandardisation",
    "PrincipalComponents",
    "RandomCrop",
    "RandomMirror",
    "RandomShift",
    "RandomSimilarity",
    "RefitResult",
    "Snapshots",
    "Stage",
    "StepDecay",
    "Trainer",
    "TrainingLog",
    "apply_net",
    "as_rows",
    "autoencode",
    "build_net",
    "extract_features",
    "find_head",
    "named_layers",
    "refit_head",
]
