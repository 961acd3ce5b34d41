"""Each loss of scores and targets in maxmargin.nn as the criterion of a skorch classifier.

Prints the accuracy of each on digits that took no part.
"""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from skorch import NeuralNetClassifier
from torch import nn

from maxmargin import nn as margins

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split((X / 16).astype("float32"), y, random_state=0)

LOSSES = [
    margins.OneVsRestHingeLoss(power=2),
    margins.OneVsRestHingeLoss(power=1),
    margins.WestonWatkinsLoss(),
    margins.CrammerSingerLoss(),
    margins.TopKHingeLoss(k=3),
    margins.SmoothHingeLoss(delta=0.1),
    margins.SoftMarginSoftmaxLoss(margin=1.0),
    margins.KerasHingeLoss(),
    margins.CrossEntropyLoss(),
]

for loss in LOSSES:
    torch.manual_seed(0)
    net = NeuralNetClassifier(
        nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)),
        criterion=loss,
        optimizer=torch.optim.Adam,
        lr=0.01,
        max_epochs=8,
        train_split=None,
        verbose=0,
    )
    print(f"{loss}: accuracy {net.fit(X_train, y_train).score(X_test, y_test):.3f}")
