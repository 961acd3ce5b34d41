"""A fitted model as a folder that is safe to load: a guarded manifest beside its arrays, and no pickle."""

from maxmargin.persistence._manifest import read_manifest
from maxmargin.persistence._model import check_replaceable, load_model, save_model

__all__ = ["check_replaceable", "load_model", "read_manifest", "save_model"]
