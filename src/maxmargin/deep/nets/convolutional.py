"""The convolutional networks of the four papers."""

from collections.abc import Sequence

from maxmargin.deep.nets.stack import LayerStack


def tang_cifar(input_shape: Sequence[int], kernel_size: int = 5) -> LayerStack:
    """Tang's CIFAR-10 network: 32 and 64 filters, each pooled, 3072 units, dropout 0.2.

    The paper does not print the size of the filters; 5x5, padded to keep the extent, is our choice.

    References
    ----------
    Tang, Deep Learning using Linear Support Vector Machines (2013), the section on CIFAR-10.

    Examples
    --------
    >>> tang_cifar((3, 32, 32)).width
    3072
    """
    return tang_fer(input_shape, kernel_size).dropout(0.2)


def tang_fer(input_shape: Sequence[int], kernel_size: int = 5) -> LayerStack:
    """Tang's network for facial expressions: 32 and 64 filters, each pooled, 3072 units.

    The paper does not print the number and size of the filters; we take those of his CIFAR-10 network.
    Its mirroring and similarity layers are :mod:`maxmargin.deep.augmentation`.

    References
    ----------
    Tang, Deep Learning using Linear Support Vector Machines (2013), the section on FER2013.

    Examples
    --------
    >>> tang_fer((1, 48, 48)).width
    3072
    """
    stack = LayerStack(input_shape)
    for filters in (32, 64):
        stack.convolution(filters, kernel_size, padding=kernel_size // 2).pool()
    return stack.dense(3072)


def gogos(input_shape: Sequence[int], units: int = 64) -> LayerStack:
    """Gogos's CIFAR-10 networks: four valid 3x3 convolutions of 32 filters, ``units`` of 64 or 128.

    References
    ----------
    Gogos, Neural Networks: Working with SVMs (2023), sections 2.1 and 3.1.

    Examples
    --------
    >>> gogos((3, 32, 32), units=128).width
    128
    """
    stack = LayerStack(input_shape)
    for rate in (0.25, 0.3):
        stack.convolution(32, 3).convolution(32, 3).pool().dropout(rate)
    return stack.dense(units).dropout(0.5)


def sm_mnist(input_shape: Sequence[int]) -> LayerStack:
    """Liang et al.'s MNIST network: ten 3x3 convolutions of 64 filters, 256 units.

    References
    ----------
    Liang et al., Soft-Margin Softmax for Deep Classification (2017), Table 1.

    Examples
    --------
    >>> sm_mnist((1, 28, 28)).width
    256
    """
    return _soft_margin(input_shape, first=64, stages=(64, 64, 64), repeats=3, units=256)


def sm_cifar10(input_shape: Sequence[int]) -> LayerStack:
    """Liang et al.'s CIFAR-10 network: thirteen 3x3 convolutions, 256 units.

    As Table 1 prints it, with 64 filters in the last stage after 96 in the one before it.

    References
    ----------
    Liang et al., Soft-Margin Softmax for Deep Classification (2017), Table 1.

    Examples
    --------
    >>> sm_cifar10((3, 32, 32)).width
    256
    """
    return _soft_margin(input_shape, first=64, stages=(64, 96, 64), repeats=4, units=256)


def sm_cifar100(input_shape: Sequence[int]) -> LayerStack:
    """Liang et al.'s CIFAR-100 network: thirteen 3x3 convolutions, 512 units.

    References
    ----------
    Liang et al., Soft-Margin Softmax for Deep Classification (2017), Table 1.

    Examples
    --------
    >>> sm_cifar100((3, 32, 32)).width
    512
    """
    return _soft_margin(input_shape, first=96, stages=(96, 192, 384), repeats=4, units=512)


def _soft_margin(
    input_shape: Sequence[int], first: int, stages: Sequence[int], repeats: int, units: int
) -> LayerStack:
    """A convolution, then stages of ``repeats`` convolutions and a pool; Caffe's pools, theirs, round up."""
    stack = LayerStack(input_shape).convolution(first, 3, padding=1)
    for filters in stages:
        for _ in range(repeats):
            stack.convolution(filters, 3, padding=1)
        stack.pool(ceil=True)
    return stack.dense(units)


def ism3(input_shape: Sequence[int]) -> LayerStack:
    """The M3SVM paper's five convolutions of 16, 32, 64, 64 and 64 filters of 5x5, each pooled.

    Pools round up, so that images of 28x28 (the paper's FashionMNIST) outlast five of them.

    References
    ----------
    Multi-class Support Vector Machine with Maximizing Minimum Margin (AAAI 2024), Table 3.

    Examples
    --------
    >>> ism3((3, 96, 96)).width
    576
    """
    stack = LayerStack(input_shape)
    for filters in (16, 32, 64, 64, 64):
        stack.convolution(filters, 5, padding=2).pool(ceil=True)
    return stack.flatten()
