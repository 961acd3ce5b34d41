"""How a saved model does on labelled rows, as a table."""

from typing import TYPE_CHECKING

import numpy as np

from maxmargin.metrics import confusion_matrix, per_class_recall

if TYPE_CHECKING:
    from rich.table import Table


def evaluation_table(truth: np.ndarray, predicted: np.ndarray, classes: np.ndarray) -> "Table":
    """Recall and precision of each class, and the accuracy, of predictions on labelled rows.

    Parameters
    ----------
    truth, predicted : ndarray of shape (n,)
        Labels; a true label that the model does not know counts as an error.
    classes : ndarray
        Labels that the model knows.

    Examples
    --------
    >>> table = evaluation_table(np.array(["a", "b", "b"]), np.array(["a", "a", "b"]), np.array(["a", "b"]))
    >>> table.caption
    'accuracy 0.6667: 2 of 3 rows right'
    """
    from rich.table import Table
    from rich.text import Text

    labels = list(dict.fromkeys([*map(str, classes.tolist()), *sorted(map(str, truth.tolist()))]))
    place = {label: i for i, label in enumerate(labels)}
    true_index = np.array([place[str(label)] for label in truth.tolist()])
    predicted_index = np.array([place[str(label)] for label in predicted.tolist()])
    confusion = confusion_matrix(true_index, predicted_index, len(labels))
    right = int(np.trace(confusion))
    caption = f"accuracy {right / len(truth):.4f}: {right} of {len(truth)} rows right"
    table = Table("class", "rows", "recall", "predicted", "precision", caption=caption, box=None)
    recall, precision = per_class_recall(confusion), per_class_recall(confusion.T)
    for i, label in enumerate(labels):
        rows, guesses = int(confusion[i].sum()), int(confusion[:, i].sum())
        table.add_row(Text(label), str(rows), _share(recall[i]), str(guesses), _share(precision[i]))
    return table


def _share(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.4f}"
