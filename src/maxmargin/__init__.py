"""Large-margin classification: every multi-class SVM and margin-regularised softmax, one vocabulary.

Everything heavy is imported on first use, so ``import maxmargin`` costs no more than its standard library.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maxmargin.persistence import load_model, save_model

__version__ = "0.1.0"
__all__ = ["__version__", "load_model", "save_model"]


def __getattr__(name: str) -> Any:
    if name in ("load_model", "save_model"):
        return getattr(import_module("maxmargin.persistence"), name)
    raise AttributeError(f"module 'maxmargin' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
