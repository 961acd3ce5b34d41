"""Fully connected networks."""

from collections.abc import Sequence

from maxmargin.deep.nets.stack import LayerStack


def mlp(input_shape: Sequence[int], units: Sequence[int] = (256, 256)) -> LayerStack:
    """Fully connected ReLU layers of the given ``units``, on flattened inputs.

    Examples
    --------
    >>> mlp((784,), units=(300, 100)).width
    100
    """
    stack = LayerStack(input_shape)
    for n_units in units:
        stack.dense(n_units)
    return stack.flatten()


def tang_mnist(input_shape: Sequence[int]) -> LayerStack:
    """Tang's MNIST network: two layers of 512 ReLU units, in the paper on 70 principal components.

    References
    ----------
    Tang, Deep Learning using Linear Support Vector Machines (2013), the section on MNIST.

    Examples
    --------
    >>> tang_mnist((70,)).width
    512
    """
    return mlp(input_shape, units=(512, 512))
