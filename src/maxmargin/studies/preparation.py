"""What stands before every classifier: encoding, imputation and scaling, learnt from training rows alone."""

from typing import Any

import numpy as np

from maxmargin.datasets import Dataset

_MOST_CATEGORIES = 100


def build_preparation(dataset: Dataset) -> tuple[Any, list[str]]:
    """Build the unfitted transformer that makes rows of this kind ready for a classifier.

    Parameters
    ----------
    dataset : Dataset
        Its kind and columns decide; no value is learnt from here.

    Returns
    -------
    transformer : scikit-learn transformer
        To be fitted on training rows.
    sentences : list of str
        What it does, for the report.

    Examples
    --------
    >>> from maxmargin.datasets import load_dataset
    >>> transformer, sentences = build_preparation(load_dataset("iris"))
    >>> sentences
    ['4 numeric columns: missing values imputed with the median, then centred and scaled to variance 1']
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MaxAbsScaler, StandardScaler

    if dataset.kind == "table":
        return _for_table(dataset.X)
    if dataset.kind == "sparse":
        return MaxAbsScaler(), ["sparse columns scaled to a largest absolute value of 1, zeros kept"]
    if dataset.kind == "image":
        return StandardScaler(with_std=False), [
            "pixels in 0..1, centred on their mean over the training rows"
        ]
    steps = [StandardScaler()]
    sentence = "columns centred and scaled to variance 1"
    if np.isnan(dataset.X).any():
        steps.insert(0, _median_imputer())
        sentence = "missing values imputed with the median, then " + sentence
    return make_pipeline(*steps), [sentence]


def text_columns(X: Any) -> list[str]:
    """Names of the columns of a DataFrame that do not hold numbers; none for an array.

    Examples
    --------
    >>> import pandas as pd
    >>> text_columns(pd.DataFrame({"height": [1.5, 1.7], "colour": ["red", "blue"]}))
    ['colour']
    """
    if not hasattr(X, "columns"):
        return []
    return [name for name in X.columns if X[name].dtype.kind not in "iufb"]


def _for_table(X: Any) -> tuple[Any, list[str]]:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    text = text_columns(X)
    numeric = [name for name in X.columns if name not in set(text)]
    parts, sentences = [], []
    if numeric:
        parts.append(("numeric", make_pipeline(_median_imputer(), StandardScaler()), numeric))
        sentences.append(
            f"{_counted(numeric, 'numeric column')}: missing values imputed with the median, "
            "then centred and scaled to variance 1"
        )
    if text:
        encode = OneHotEncoder(
            handle_unknown="infrequent_if_exist", max_categories=_MOST_CATEGORIES, sparse_output=False
        )
        fill = SimpleImputer(missing_values=np.nan, strategy="constant", fill_value="(missing)")
        parts.append(("text", make_pipeline(fill, encode), text))
        sentences.append(
            f"{_counted(text, 'text column')}: one column of 0 and 1 a value (the rarest together beyond "
            f"{_MOST_CATEGORIES} values), a missing value being a value of its own"
        )
    return ColumnTransformer(parts, verbose_feature_names_out=False), sentences


def _median_imputer() -> Any:
    from sklearn.impute import SimpleImputer

    return SimpleImputer(strategy="median", keep_empty_features=True)


def _counted(names: list[str], noun: str) -> str:
    return f"{len(names)} {noun}{'' if len(names) == 1 else 's'}"
