import pytest

torch = pytest.importorskip("torch")

from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402
from torch import nn  # noqa: E402

from maxmargin.deep.classifier import MarginClassifier  # noqa: E402


class Tiny:
    """A maker of small networks, whose name is the same in every process of the tests."""

    def __repr__(self):
        return "tiny"

    def __call__(self, input_shape, n_classes):
        return nn.Sequential(nn.Linear(*input_shape, 16), nn.Tanh(), nn.Linear(16, n_classes))


@parametrize_with_checks([MarginClassifier(Tiny(), epochs=6, batch_size=32, lr=0.05)])
def test_classifier_follows_scikit_learn(estimator, check):
    check(estimator)
