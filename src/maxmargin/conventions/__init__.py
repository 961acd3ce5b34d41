"""What C, lambda and the margin mean elsewhere, and how they convert into what they mean here.

Every large-margin classifier minimises a penalty plus a risk, and hardly two write it alike. With
f = W x + b, u = f_y - f_k the gap to a rival class, n rows (n_all with the test rows) and c classes:

============  ========================================  ==============================  ===========
convention    penalty                                   risk                            intercept
============  ========================================  ==============================  ===========
maxmargin     1/2 |W|^2 or sum_{k<l} |w_k - w_l|^p      C sum_i loss                    free
liblinear     1/2 |W|^2                                 C sum_i loss                    regularised
libsvm        1/2 |w|^2, one w for two classes          C sum_i hinge                   free
shark         1/2 |W|^2                                 C sum_i loss, of u / 2          free
torch         lambda/2 |W|^2 (weight_decay)             mean loss; MultiMarginLoss / c  regularised
tang          1/2 |W|^2                                 C sum_i one-vs-rest hinge       regularised
m3svm-paper   lambda sum_{k<l} |w_k - w_l|^p            sum_i loss                      free
m3svm-script  (2 lambda / n_all) sum_{k<l} (the same)   mean over rows and classes      free
============  ========================================  ==============================  ===========

Each is one row of ``CONVENTIONS``; an option that a library offers is a changed row, for instance
``convention("liblinear", intercept_scaling=10.0)`` or ``convention("torch", margin=2.0)``. All conversions
follow from one identity. Let a row ask for a margin of M where it sees m u, and put W = (M/m) V and
b = (M/m) b'. The penalty P is homogeneous of degree p and the hinge of degree h (1, or 2 if squared), so

    A P(W) + B sum phi(M - m u) = A (M/m)^p P(V) + B M^h sum phi(1 - u'),

which up to a factor is our objective of V and b', at ``C = B M^h / (A (M/m)^p)``. For Shark, M = 1, m = 1/2
and p = 2, hence W_shark(C) = 2 W(C/4).

References
----------
Fan et al. (2008), LIBLINEAR: a library for large linear classification.
Chang and Lin (2011), LIBSVM: a library for support vector machines.
Igel, Heidrich-Meisner and Glasmachers (2008), Shark.
Tang (2013), Deep Learning using Linear Support Vector Machines, eqs 5 and 6.
Weston and Watkins (1998), Multi-class support vector machines, whose margin is 2.
Multi-class Support Vector Machine with Maximizing Minimum Margin (AAAI 2024), eqs 21 and 25 and Lemma 3, and
the script that its authors published, which differs from it.
"""

from maxmargin.conventions.conversion import convert, convert_coef
from maxmargin.conventions.evaluation import evaluate
from maxmargin.conventions.table import CONVENTIONS, Convention, convention

__all__ = ["CONVENTIONS", "Convention", "convention", "convert", "convert_coef", "evaluate"]
