"""A picture of a search: the score over C and gamma."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from maxmargin._typing import Floats

_MOST_NUMBERS = 12  # values on an axis up to which each cell has its number


def draw_heatmap(params: Sequence[dict[str, Any]], scores: Floats, *, label: str, ax: Any = None) -> Any:
    """Draw scores over C and gamma, lighter being better, the best cell framed.

    Parameters
    ----------
    params : sequence of dict
        "C" and "gamma" of each candidate: a full grid.
    scores : ndarray of shape (n_candidates,)
        The score of each.
    label : str
        What the scores are.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; the colour scale stands beside them.
    """
    import matplotlib.pyplot as plt
    from matplotlib.patches import Rectangle

    Cs = sorted({one["C"] for one in params})
    gammas = sorted({one["gamma"] for one in params}, key=lambda g: (isinstance(g, str), g))
    table = np.full((len(Cs), len(gammas)), np.nan)
    for one, score in zip(params, scores, strict=True):
        table[Cs.index(one["C"]), gammas.index(one["gamma"])] = score
    if ax is None:
        size = (2.4 + 0.55 * len(gammas), 1.6 + 0.4 * len(Cs))
        _, ax = plt.subplots(figsize=size, layout="constrained")
    image = ax.imshow(table, origin="lower", aspect="auto", cmap="gray")
    ax.set_xticks(range(len(gammas)), [_power(value) for value in gammas], rotation=45, ha="right")
    ax.set_yticks(range(len(Cs)), [_power(value) for value in Cs])
    ax.set_xlabel("gamma")
    ax.set_ylabel("C")
    row, column = np.unravel_index(np.nanargmax(table), table.shape)
    frame = Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="#c2410c", lw=2.5)
    ax.add_patch(frame)
    ax.set_title(
        f"best {label} {table[row, column]:.4f} at C = {_power(Cs[row])}, gamma = {_power(gammas[column])}"
    )
    if max(table.shape) <= _MOST_NUMBERS:
        _number(ax, table)
    ax.figure.colorbar(image, ax=ax, label=label)
    return ax


def _number(ax: Any, table: Floats) -> None:
    """Write each score into its cell, dark on light and light on dark."""
    middle = (np.nanmin(table) + np.nanmax(table)) / 2
    for (row, column), score in np.ndenumerate(table):
        colour = "black" if score > middle else "white"
        ax.text(column, row, f"{score:.3f}", ha="center", va="center", color=colour, fontsize=7)


def _power(value: Any) -> str:
    """A value as a person reads it: powers of 2 as such.

    Examples
    --------
    >>> _power(0.125), _power(2**2.75), _power(0.1), _power("scale")
    ('$2^{-3}$', '$2^{2.75}$', '0.1', 'scale')
    """
    if isinstance(value, str):
        return value
    exponent = 4 * np.log2(value)
    if abs(exponent - round(exponent)) < 1e-9:
        return f"$2^{{{round(exponent) / 4:g}}}$"
    return f"{value:.3g}"
