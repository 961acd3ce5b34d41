import numpy as np
import pytest
from sklearn import metrics as oracle

from maxmargin._checks import InputError
from maxmargin.metrics import confusion_matrix, margins, per_class_recall


def test_confusion_and_recall_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    true, predicted = rng.integers(0, 7, 500), rng.integers(0, 7, 500)
    confusion = confusion_matrix(true, predicted, 7)
    assert confusion.tolist() == oracle.confusion_matrix(true, predicted, labels=range(7)).tolist()
    assert per_class_recall(confusion) == pytest.approx(oracle.recall_score(true, predicted, average=None))


def test_classes_that_do_not_occur_keep_their_place():
    confusion = confusion_matrix([2, 2], [2, 1], n_classes=4)
    assert confusion.tolist() == oracle.confusion_matrix([2, 2], [2, 1], labels=range(4)).tolist()
    recall = per_class_recall(confusion)
    assert recall[2] == 0.5
    assert np.isnan(recall[[0, 1, 3]]).all()


def test_no_samples_at_all():
    assert confusion_matrix([], [], 3).tolist() == np.zeros((3, 3)).tolist()


def test_margins_by_a_loop():
    rng = np.random.default_rng(1)
    scores, target = rng.normal(size=(40, 5)), rng.integers(0, 5, 40)
    expected = [s[t] - max(s[k] for k in range(5) if k != t) for s, t in zip(scores, target, strict=True)]
    before = scores.copy()
    assert margins(scores, target) == pytest.approx(expected)
    assert (scores == before).all()
    assert ((margins(scores, target) > 0) == (scores.argmax(1) == target)).all()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: confusion_matrix([0, 3], [0, 1], 3), "true_indices contains 3; with 3 classes use 0 to 2"),
        (lambda: confusion_matrix([0, 1], [0, -1], 3), "predicted_indices contains -1"),
        (lambda: confusion_matrix([0, 1], [0], 3), "2 true indices but 1 predicted"),
        (lambda: confusion_matrix([0.5], [0], 3), "true_indices is float64"),
        (lambda: per_class_recall([[1, 2]]), r"shape \(1, 2\)"),
        (lambda: margins([[1.0], [2.0]], [0, 0]), r"shape \(2, 1\)"),
        (lambda: margins([[1.0, 2.0]], [0, 1]), "1 rows of scores but 2 targets"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(call, words):
    with pytest.raises(InputError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
