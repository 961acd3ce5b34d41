"""Margins in a Lightning module: losses, one of which sees the head's weights, and a head that sees targets.

Prints the accuracy of each on digits that took no part.
"""

import lightning
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from maxmargin import nn as margins

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = map(
    torch.tensor, train_test_split((X / 16).astype("float32"), y, random_state=0)
)

EPOCHS, BATCH = 6, 64


class MarginModule(lightning.LightningModule):
    def __init__(self, loss, head):
        super().__init__()
        self.features, self.head, self.loss = nn.Sequential(nn.Linear(64, 64), nn.ReLU()), head, loss

    def forward(self, x, *target):
        return self.head(self.features(x), *target)

    def training_step(self, batch, _):
        x, target = batch
        if isinstance(self.head, margins.LargeMarginSoftmaxLinear):
            return self.loss(self(x, target), target)
        if isinstance(self.loss, margins.ISM3Loss):
            return self.loss(self(x), target, self.head.weight)
        return self.loss(self(x), target)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.01)


PAIRS = {
    "squared hinge": (margins.OneVsRestHingeLoss(power=2), nn.Linear(64, 10)),
    "Crammer-Singer": (margins.CrammerSingerLoss(), nn.Linear(64, 10)),
    "soft-margin softmax": (margins.SoftMarginSoftmaxLoss(margin=1.0), nn.Linear(64, 10)),
    "ISM3": (margins.ISM3Loss(), nn.Linear(64, 10)),
    "large-margin softmax": (
        margins.CrossEntropyLoss(),
        margins.LargeMarginSoftmaxLinear.annealed(
            64, 10, margin=2, steps=EPOCHS * len(X_train) // BATCH // 2
        ),
    ),
}

for name, (loss, head) in PAIRS.items():
    lightning.seed_everything(0, verbose=False)
    module = MarginModule(loss, head)
    rows = DataLoader(TensorDataset(X_train, y_train), batch_size=BATCH, shuffle=True)
    trainer = lightning.Trainer(
        max_epochs=EPOCHS,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, rows)
    accuracy = (module.eval()(X_test).argmax(dim=1) == y_test).float().mean()
    print(f"{name}: accuracy {accuracy:.3f}")
