"""The table of all losses of (scores, target), each beside its slow oracle."""

import pytest

from maxmargin import nn
from tests.reference import losses as reference

ORACLES = {
    "ovr": (lambda **o: nn.OneVsRestHingeLoss(1, **o), reference.one_vs_rest(reference.hinge)),
    "ovr-squared": (nn.OneVsRestHingeLoss, reference.one_vs_rest(reference.squared_hinge)),
    "weston-watkins": (nn.WestonWatkinsLoss, reference.weston_watkins(reference.hinge)),
    "crammer-singer": (nn.CrammerSingerLoss, reference.crammer_singer(reference.hinge)),
    "top-3": (lambda **o: nn.TopKHingeLoss(3, **o), reference.top_k(3, "alpha")),
    "top-3-beta": (lambda **o: nn.TopKHingeLoss(3, "beta", **o), reference.top_k(3, "beta")),
    "smooth": (
        lambda **o: nn.SmoothHingeLoss(0.5, **o),
        reference.weston_watkins(reference.smooth_hinge(0.5)),
    ),
    "soft-margin": (lambda **o: nn.SoftMarginSoftmaxLoss(1.5, **o), reference.soft_margin_softmax(1.5)),
    "keras": (nn.KerasHingeLoss, reference.keras_hinge),
    "cross-entropy": (nn.CrossEntropyLoss, reference.softmax_cross_entropy),
}
BUILDERS = {name: build for name, (build, _) in ORACLES.items()}

each_loss = pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS)
