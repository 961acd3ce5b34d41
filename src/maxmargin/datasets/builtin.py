"""The small data sets that come with scikit-learn."""

from typing import Any

import numpy as np

from maxmargin.datasets._dataset import Dataset, checked


def load_builtin(name: str) -> Dataset:
    """Load one of scikit-learn's own data sets, without any download."""
    from sklearn import datasets

    if name == "digits":
        return checked(_digits())
    bunch = getattr(datasets, f"load_{name}")(as_frame=True)
    return checked(
        Dataset(
            name=name,
            X=bunch.data,
            y=np.asarray(bunch.target_names, dtype=str)[bunch.target.to_numpy()],
            feature_names=list(bunch.data.columns),
            target_name="target",
            kind="table",
            source=name,
        )
    )


def _digits() -> Dataset:
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    X = (bunch.data / 16).astype(np.float32)
    return Dataset(
        name="digits",
        X=X,
        y=bunch.target.astype(np.int64),
        feature_names=[f"p{j}" for j in range(X.shape[1])],
        target_name="digit",
        kind="image",
        image_shape=(8, 8),
        source="digits",
    )
