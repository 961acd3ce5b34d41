import numpy as np
import pytest

from maxmargin._checks import InputError
from maxmargin.conventions import convention, convert, convert_coef, evaluate
from maxmargin.losses import CrammerSinger, OneVsRest, SoftmaxCrossEntropy, WestonWatkins
from maxmargin.penalties import PairwiseMargin


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: convert(1, "libsvn", "shark", loss=CrammerSinger()),
            "unknown convention 'libsvn'; choose from",
        ),
        (lambda: convention("torch", margins=2), "unknown field of a convention 'margins'; choose from"),
        (lambda: convention("torch", margin=0), "margin is 0; it must be a positive number"),
        (lambda: convert(-1, "shark", "maxmargin", loss=CrammerSinger()), "value is -1; it must be"),
        (lambda: convert(1, "shark", "maxmargin", loss="hinge"), "loss is 'hinge'; it must be one of"),
        (
            lambda: convert(1, "maxmargin", "liblinear", loss=WestonWatkins(), fit_intercept=False),
            "liblinear has no WestonWatkins(surrogate=Hinge()); choose from OneVsRest(surrogate=Hinge()), ",
        ),
        (
            lambda: convert(1, "m3svm-script", "liblinear", loss=SoftmaxCrossEntropy(), fit_intercept=False),
            "penalty=...)",
        ),
        (
            lambda: convert(1, "liblinear", "maxmargin", loss=OneVsRest()),
            "liblinear regularises the intercept (intercept_scaling=1.0), maxmargin leaves",
        ),
        (
            lambda: convert(
                1, "liblinear", convention("liblinear", intercept_scaling=2.0), loss=CrammerSinger()
            ),
            "convert with fit_intercept=False",
        ),
        (
            lambda: convert(
                1, convention("maxmargin", penalty=PairwiseMargin(2)), "maxmargin", loss=OneVsRest()
            ),
            "maxmargin penalises by PairwiseMargin(p=2), maxmargin by Frobenius(): under OneVsRest",
        ),
        (
            lambda: convert(1, "m3svm-paper", "maxmargin", loss=WestonWatkins()),
            "m3svm-paper penalises by PairwiseMargin(p=4.0), maxmargin by Frobenius()",
        ),
        (
            lambda: convert(
                1,
                convention("m3svm-paper", penalty=PairwiseMargin(2)),
                "maxmargin",
                loss=WestonWatkins(),
            ),
            "give n_classes",
        ),
        (
            lambda: convert(1, "torch", "maxmargin", loss=SoftmaxCrossEntropy(), fit_intercept=False),
            "torch divides by total_weight, which is unknown; give n_samples, or total_weight",
        ),
        (
            lambda: evaluate(np.eye(2), 0, np.eye(2), [0, 1], 1, "m3svm-script", loss=SoftmaxCrossEntropy()),
            "m3svm-script divides by n_all, which is unknown; give n_all",
        ),
        (
            lambda: evaluate(
                np.eye(2), 0, np.eye(2), [0, 1], 1, convention("torch", margin=2), loss=SoftmaxCrossEntropy()
            ),
            "torch asks for a margin of 2, but SoftmaxCrossEntropy(margin=0.0) does not scale with it",
        ),
        (
            lambda: convention("maxmargin", penalty=PairwiseMargin(2), binary=True),
            "set binary=False and intercept_scaling=None",
        ),
        (
            lambda: convention("maxmargin", penalty="l2"),
            "penalty is 'l2'; it must be Frobenius() or PairwiseMargin(p)",
        ),
        (
            lambda: evaluate(np.eye(2), 0, np.eye(2), [0, 1], 1, "libsvm", loss=OneVsRest()),
            "coef has shape (2, 2); under libsvm it must be of shape (1, n_features)",
        ),
        (
            lambda: evaluate(np.eye(1), 0, np.eye(1), [0], 1, loss=OneVsRest()),
            "coef has shape (1, 1); under maxmargin it must be of shape (n_classes, n_features)",
        ),
        (
            lambda: convert_coef(np.eye(3), 0, "maxmargin", "libsvm", loss=OneVsRest()),
            "coef has 3 rows, but libsvm is of two classes",
        ),
        (
            lambda: evaluate(np.eye(2), [1.0], np.eye(2), [0, 1], 1, loss=OneVsRest()),
            "intercept has shape (1,); it must be of shape (2,)",
        ),
        (
            lambda: evaluate([["a"], ["b"]], 0, np.eye(1), [0], 1, loss=OneVsRest()),
            "coef is not a dense array of numbers",
        ),
        (
            lambda: evaluate([[np.nan], [0.0]], 0, np.eye(1), [0], 1, loss=OneVsRest()),
            "coef holds NaN or infinity",
        ),
        (
            lambda: evaluate(np.eye(2), 0, [[0.0, np.nan]], [0], 1, loss=OneVsRest()),
            "X cannot be used: Input contains NaN",
        ),
        (
            lambda: evaluate(np.eye(2), 0, np.eye(3), [0, 1, 1], 1, loss=OneVsRest()),
            "X has 3 columns, but coef has 2",
        ),
        (
            lambda: evaluate(np.eye(2), 0, np.eye(2), [0], 1, loss=OneVsRest()),
            "y has shape (1,); it must be of shape (2,)",
        ),
        (
            lambda: evaluate(np.eye(2), 0, np.eye(2), [1, 2], 1, loss=OneVsRest()),
            "y holds 2, which is none of the classes [0, 1]; give the labels",
        ),
        (
            lambda: evaluate(np.eye(2), 0, np.eye(2), [1, 2], 1, loss=OneVsRest(), classes=[1, 2, 3]),
            "classes has shape (3,); it must name the 2 classes",
        ),
        (
            lambda: evaluate(np.eye(2), 0, np.eye(2), [0, 1], 1, loss=OneVsRest(), sample_weight=[1, -1]),
            "sample_weight must hold a number of at least 0 for each of the 2 rows",
        ),
    ],
)
def test_what_does_not_exist_is_refused_in_one_line(call, message):
    with pytest.raises(InputError) as refusal:
        call()
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)
