"""Small classifiers of digits, and what they are trained on."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from maxmargin.deep.classifier import MarginClassifier

DIGITS, Y = load_digits(n_class=5, return_X_y=True)
DIGITS, Y = DIGITS[:300], Y[:300]
NAMES = np.array(["ash", "elm", "fir", "oak", "yew"])[Y]


def tiny(input_shape, n_classes):
    return nn.Sequential(
        nn.Flatten(), nn.Linear(int(np.prod(input_shape)), 24), nn.ReLU(), nn.Linear(24, n_classes)
    )


def make(net=tiny, loss="squared_hinge", **options):
    return MarginClassifier(net, loss, **({"epochs": 4, "lr": 0.02, "random_state": 0} | options))


def weights(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.net_.parameters()]).numpy()
