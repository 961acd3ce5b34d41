"""Large-margin classifiers with kernels in scikit-learn's manners."""

from maxmargin.kernel.search import KernelSearchCV
from maxmargin.kernel.svc import KernelSVC

__all__ = ["KernelSVC", "KernelSearchCV"]
