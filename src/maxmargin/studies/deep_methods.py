"""The deep methods: networks with a margin, and SVMs on what networks have learnt."""

from collections.abc import Callable
from typing import Any

from maxmargin._checks import check_torch
from maxmargin.studies.method import Method, NetSettings

_DENSE = ("table", "array", "image")


def _net(loss: str) -> Callable[[NetSettings], Any]:
    """Builder of a network trained with a loss."""

    def build(nets: NetSettings) -> Any:
        _check_device(nets)
        _check_net(nets)
        from maxmargin.deep.classifier import MarginClassifier

        return MarginClassifier(
            nets.net, loss, epochs=nets.epochs, image_shape=nets.image_shape, device=nets.device
        )

    return build


def _on_features(name: str, machine: Callable[[], Any]) -> Callable[[NetSettings], Any]:
    """Builder of a machine on the standardised features of a network trained with softmax."""

    def build(nets: NetSettings) -> Any:
        classifier = _net("cross_entropy")(nets)
        from maxmargin.deep.transformers import NetFeatures

        return _chain(("features", NetFeatures(classifier)), ("scale", _scaler()), (name, machine()))

    return build


def _ae_svc(nets: NetSettings) -> Any:
    _check_device(nets)
    from maxmargin.deep.transformers import AutoencoderFeatures

    codes = AutoencoderFeatures(nets.image_shape or (), epochs=nets.epochs, device=nets.device)
    return _chain(("features", codes), ("scale", _scaler()), ("svc", _svc()))


def _pca_svc() -> Any:
    from sklearn.decomposition import PCA

    return _chain(("pca", PCA(0.9)), ("svc", _svc()))


def _chain(*steps: tuple[str, Any]) -> Any:
    from sklearn.pipeline import Pipeline

    return Pipeline(list(steps))


def _scaler() -> Any:
    from sklearn.preprocessing import StandardScaler

    return StandardScaler()


def _svc() -> Any:
    from maxmargin.kernel import KernelSVC

    return KernelSVC(C=10.0)


def _linear_svc() -> Any:
    from maxmargin.linear import OneVsRestSVC

    return OneVsRestSVC(C=0.01)


def _check_device(nets: NetSettings) -> None:
    """Raise InputError where networks cannot be trained here, before any work is done."""
    check_torch()
    from maxmargin.deep.ingredients import make_accelerator

    make_accelerator(nets.device)


def _check_net(nets: NetSettings) -> None:
    """Raise InputError where the network cannot take the images."""
    from maxmargin.deep.nets import build_net

    if nets.image_shape is not None:
        height, width, *channels = nets.image_shape
        build_net(str(nets.net), (channels[0] if channels else 1, height, width), 2)


def _trained(name: str, title: str, summary: str, loss: str) -> Method:
    return Method(name, title, summary, _net(loss), has_probabilities=True, deep=True, kinds=_DENSE)


DEEP_METHODS = (
    _trained(
        "softmax-net", "Network with softmax", "network trained with cross-entropy", "cross_entropy",
    ),
    _trained(
        "dlsvm-l2", "DLSVM, L2", "network trained with the squared hinge of each class against the rest",
        "squared_hinge",
    ),
    _trained(
        "dlsvm-l1", "DLSVM, L1", "network trained with the hinge of each class against the rest", "hinge"
    ),
    _trained(
        "sm-softmax", "Network with soft-margin softmax",
        "network trained with cross-entropy that takes a margin of 1 off the true class's score",
        "soft_margin_softmax",
    ),
    _trained(
        "l-softmax", "Network with large-margin softmax",
        "network trained with cross-entropy that doubles the angle to the true class, "
        "in half of the score (lambda = 1) and by half of the steps", "l_softmax",
    ),
    _trained(
        "ism3-net", "Network with ISM3",
        "network trained with cross-entropy, penalty sum |w_k - w_l|^p on its last layer", "ism3",
    ),
    Method(
        "cnn+svc", "SVM with RBF kernel on a network's features",
        "network trained with cross-entropy, then an SVM with RBF kernel on its last features",
        _on_features("svc", _svc), deep=True, kinds=("image",),
    ),
    Method(
        "cnn+linear-svc", "Linear SVM on a network's features",
        "network trained with cross-entropy, then a one-vs-rest linear SVM on its last features",
        _on_features("ovr", _linear_svc), deep=True, kinds=("image",),
    ),
    Method(
        "ae+svc", "SVM with RBF kernel on an autoencoder's codes",
        "convolutional autoencoder trained without labels, then an SVM with RBF kernel on its codes",
        _ae_svc, deep=True, kinds=("image",),
    ),
    Method(
        "pca+svc", "SVM with RBF kernel on principal components",
        "principal components that hold 90 % of the variance, then an SVM with RBF kernel",
        _pca_svc, {"svc__C": (0.1, 1.0, 10.0, 100.0)}, kinds=_DENSE,
    ),
)  # fmt: skip
"""Compared where they are asked for: they take minutes, and all but the last need PyTorch."""
