"""The cases: what is fitted, on which data, by which methods, and by how much ours has to be faster."""

from dataclasses import dataclass

OURS = ("maxmargin", "maxmargin, default tol")
LOGISTIC = tuple(
    f"LogisticRegression({solver})" for solver in ("lbfgs", "newton-cg", "newton-cholesky", "sag", "saga")
)


@dataclass(frozen=True)
class Case:
    """One table.

    ``against`` names the peers of the demand, of which the fastest counts, and ``least`` the ratio demanded.
    ``goal`` names a method whose own objective is to be reached; without it, 1e-4 above the best known is.
    """

    name: str
    title: str
    data: str
    objective: str
    C: float
    methods: tuple[str, ...]
    against: tuple[str, ...]
    least: float | None
    intercept: bool = False
    goal: str = ""
    Cs: tuple[float, ...] = ()
    note: str = ""


BIAS = "Without intercept on every side: LIBLINEAR would regularise it, maxmargin does not."
FREE = "The intercept is not regularised on either side; intercept_scaling=100 comes close to that."

L2 = (
    *OURS,
    "LinearSVC(dual=False)",
    "LinearSVC(dual=False), default tol",
    "LinearSVC(dual=True)",
    "liblinear-multicore -s 2",
    "liblinear-multicore -s 1",
    "snapml",
    "SGDClassifier(average=True)",
)
FREE_L2 = (*OURS, "LinearSVC(dual=False, intercept_scaling=100)", "liblinear-multicore -s 2")
CRAMMER_SINGER = (*OURS, "LinearSVC(crammer_singer)", "liblinear-multicore -s 4")
SOFTMAX = (*OURS, *LOGISTIC, "sklearnex LogisticRegression")
M3 = (*OURS, "torch Adam, 500 steps")
GRID = "GridSearchCV(LinearSVC(dual=False), n_jobs=2)"

CASES = (
    Case(
        "l2svm-synthetic",
        "L2-SVM one-vs-rest, 50000 x 128, 10 classes",
        "synthetic-50000",
        "squared_hinge",
        1.0,
        L2,
        ("LinearSVC(dual=False)",),
        20,
        note=BIAS,
    ),
    Case(
        "l2svm-synthetic-intercept",
        "L2-SVM one-vs-rest with an intercept, 50000 x 128, 10 classes",
        "synthetic-50000",
        "squared_hinge",
        1.0,
        FREE_L2,
        ("LinearSVC(dual=False, intercept_scaling=100)",),
        None,
        intercept=True,
        note=FREE,
    ),
    Case(
        "l2svm-mnist",
        "L2-SVM one-vs-rest, MNIST 60000 x 784",
        "mnist",
        "squared_hinge",
        0.1,
        L2,
        ("LinearSVC(dual=False)",),
        8,
        note=BIAS,
    ),
    Case(
        "crammer-singer-mnist",
        "Crammer-Singer, MNIST 60000 x 784",
        "mnist",
        "crammer_singer",
        0.1,
        CRAMMER_SINGER,
        ("LinearSVC(crammer_singer)",),
        4,
        note=BIAS,
    ),
    Case(
        "softmax-synthetic",
        "Multinomial logistic, 50000 x 128, 10 classes",
        "synthetic-50000",
        "cross_entropy",
        1.0,
        SOFTMAX,
        LOGISTIC,
        3,
        intercept=True,
    ),
    Case(
        "softmax-mnist",
        "Multinomial logistic, MNIST 60000 x 784",
        "mnist",
        "cross_entropy",
        0.1,
        SOFTMAX,
        LOGISTIC,
        3,
        intercept=True,
    ),
    Case(
        "m3-mnist",
        "M3SVC p = 4, MNIST 60000 x 784",
        "mnist",
        "m3",
        50.0,
        M3,
        ("torch Adam, 500 steps",),
        20,
        intercept=True,
        goal="torch Adam, 500 steps",
    ),
    Case(
        "m3-isolet",
        "M3SVC p = 4, ISOLET 1248 x 617, 26 classes, the script's learning rate for ISOLET",
        "isolet",
        "m3",
        20.0,
        (*OURS, "torch Adam, 500 steps of lr 0.001"),
        ("torch Adam, 500 steps of lr 0.001",),
        20,
        intercept=True,
        goal="torch Adam, 500 steps of lr 0.001",
    ),
    Case(
        "m3-isolet-fast",
        "M3SVC p = 4, ISOLET 1248 x 617, 26 classes, a learning rate that gets ten times as far",
        "isolet",
        "m3",
        20.0,
        M3,
        ("torch Adam, 500 steps",),
        None,
        intercept=True,
        goal="torch Adam, 500 steps",
    ),
    Case(
        "search-synthetic",
        "24 values of C x 5 folds, L2-SVM one-vs-rest, 10000 x 128, 10 classes",
        "synthetic-10000",
        "squared_hinge",
        1.0,
        (
            "maxmargin LinearSearchCV",
            "maxmargin LinearSearchCV, n_jobs=2",
            "maxmargin LinearSearchCV, default tol",
            GRID,
            f"{GRID}, default tol",
        ),
        (GRID,),
        20,
        Cs=tuple(float(f"{10 ** (-4 + k * 6 / 23):.3g}") for k in range(24)),
        note=BIAS,
    ),
    Case(
        "hinge-text",
        "Hinge one-vs-rest, sparse text 20000 x 50000, 20 classes",
        "text",
        "hinge",
        1.0,
        (
            *OURS,
            "LinearSVC(dual=True)",
            "liblinear-multicore -s 3",
            "snapml",
            "skglm",
            "SGDClassifier(average=True)",
        ),
        ("LinearSVC(dual=True)",),
        1.5,
        note=BIAS,
    ),
    Case(
        "l2svm-text",
        "L2-SVM one-vs-rest, sparse text 20000 x 50000, 20 classes",
        "text",
        "squared_hinge",
        1.0,
        L2,
        ("LinearSVC(dual=True)",),
        1.5,
        note=BIAS,
    ),
)
