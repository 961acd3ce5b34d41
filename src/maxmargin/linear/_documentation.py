"""What the docstrings of all linear classifiers say alike."""

PARAMETERS = """C : float, default=1.0
    What the summed loss counts against the penalty; a larger C fits the training rows more closely.
fit_intercept : bool, default=True
    Whether to add an intercept to each class; it is not penalised.
class_weight : dict, "balanced" or None, default=None
    Weight of each class, multiplied onto the sample weights; "balanced" makes all classes count alike.
tol : float, default=1e-4
    The fit has converged when its certificate is at most ``tol``: the duality gap relative to the objective
    or, where no dual bound is known (M3SVM and ISM3 at p = 1), the largest gradient entry relative to that
    at zero weights.
max_iter : int, default=1000
    Quasi-Newton and Newton steps, or sweeps of coordinate ascent, at the most.
warm_start : bool, default=False
    Whether ``fit`` starts from the last solution.
random_state : int, RandomState or None, default=None
    Seed of what is drawn at random; it changes a solution by no more than ``tol``.
verbose : bool, default=False
    Whether to print the objective after each step."""

PROBABILITY = """probability : {"temperature", "coupling"} or None, default=None
    Calibration that makes ``predict_proba``, fitted on scores out of a five-fold cross-validation, which
    costs five more fits: one temperature for all scores, or a sigmoid for each pair of classes, coupled."""

COEFFICIENTS = """coef_ : ndarray of shape (n_classes, n_features)
    Weights, one row a class, with two classes as well.
intercept_ : ndarray of shape (n_classes,)
    Intercepts.
"""

FOUND = """classes_ : ndarray of shape (n_classes,)
    Class labels, sorted.
n_iter_ : int
    Steps taken.
objective_ : float
    Value of the objective at the solution.
certificate_ : dict
    Proof of how near the optimum that is: "primal", "dual" and "relative_gap" or, where no dual
    bound is known (M3SVM and ISM3 at p = 1), "primal" and "relative_gradient".
converged_ : bool
    Whether the certificate is at most ``tol``; where it is not, ``fit`` warns.
n_features_in_ : int
    Number of features.
feature_names_in_ : ndarray of shape (n_features,)
    Names of the features, where X had names that are all strings."""


def documented(cls: type) -> type:
    """Fill {parameters}, {probability} and {attributes} of a docstring with what the classifiers share.

    {found} is {attributes} without coefficients, for those who have other ones.
    """
    indent = "\n    "
    texts = {
        "{parameters}": PARAMETERS,
        "{probability}": PROBABILITY,
        "{attributes}": COEFFICIENTS + FOUND,
        "{found}": FOUND,
    }
    for key, text in texts.items():
        cls.__doc__ = (cls.__doc__ or "").replace(key, text.replace("\n", indent))
    return cls
