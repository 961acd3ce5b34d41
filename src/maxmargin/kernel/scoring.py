"""Scores of new rows by a fitted kernel machine, computed where the rows or the machine's device are."""

from typing import TYPE_CHECKING, Any

import numpy as np
from array_api_compat import array_namespace, is_torch_array
from scipy import sparse
from sklearn.utils.validation import check_is_fitted, validate_data

from maxmargin._typing import Floats, Ints
from maxmargin.kernel.functions import Kernel, Rows
from maxmargin.kernel.strategies import STRATEGIES
from maxmargin.kernel.tensor_inputs import moved, new_tensor
from maxmargin.kernel.tensors import prepared, tensor_decisions
from maxmargin.kernel.training import decisions, rounds_off

if TYPE_CHECKING:
    from maxmargin.kernel.svc import KernelSVC


def kernel_scores(classifier: "KernelSVC", X: Any) -> Floats:
    """Scores of the classes; only they leave the device of a tensor."""
    check_is_fitted(classifier)
    strategy, starts = STRATEGIES[classifier._strategy], classifier._starts
    decide: Any = decisions
    if is_torch_array(X) or classifier.device is not None:
        decide, (rows, support) = tensor_decisions, _tensors(classifier, new_tensor(classifier, X))
    else:
        rows, support = _arrays(classifier, X)
    found = decide(classifier._kernel, rows, support, strategy, classifier.dual_coef_, starts)
    found = found + classifier.intercept_
    return strategy.scores(found, len(classifier.classes_), break_ties=classifier.break_ties)


def _arrays(classifier: "KernelSVC", X: Any) -> tuple[Rows, Rows]:
    """New rows and support vectors as the kernel takes them."""
    kernel, vectors = classifier._kernel, classifier.support_vectors_
    accepted = False if kernel.is_given else "csr"
    X = validate_data(classifier, X, accept_sparse=accepted, dtype=[np.float64, np.float32], reset=False)
    if kernel.is_given:
        return _given(X, classifier.support_)
    if sparse.issparse(X) != sparse.issparse(vectors) and not callable(kernel.name):
        X, vectors = sparse.csr_matrix(X), sparse.csr_matrix(vectors)
    centre = kernel.centre(vectors)
    dtype = _precision(classifier, X, vectors, centre)
    return kernel.rows(X, centre, dtype), kernel.rows(vectors, centre, dtype)


def _tensors(classifier: "KernelSVC", X: Any) -> tuple[Rows, Rows]:
    kernel: Kernel = classifier._kernel
    if kernel.is_given:
        return _given(X, classifier.support_)
    vectors = moved(classifier.support_vectors_, X.device)
    if callable(kernel.name):  # which multiplies tensors of one type only
        xp = array_namespace(X)
        dtype = xp.result_type(X, vectors)
        X, vectors = (xp.astype(each, dtype, copy=False) for each in (X, vectors))
    centre = kernel.centre(vectors)
    dtype = _precision(classifier, X, vectors, centre)
    return prepared(kernel, X, centre, dtype), prepared(kernel, vectors, centre, dtype)


def _given(X: Any, support: Ints) -> tuple[Rows, Rows]:
    values = X[:, support]
    return Rows(values, values), Rows(values, values)


def _precision(classifier: "KernelSVC", X: Any, vectors: Any, centre: Any) -> Any:
    kernel, dtype = classifier._kernel, classifier._dtype
    if callable(kernel.name):
        return dtype
    if dtype != np.float32 or kernel.name != "rbf" or rounds_off(classifier.dual_coef_, classifier.tol):
        return np.float64
    return np.result_type(kernel.precision(X, centre), kernel.precision(vectors, centre))
