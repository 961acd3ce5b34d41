"""Labelled data from known names, files and folders, checked and explained on reading."""

from maxmargin.datasets._dataset import Dataset, Rows
from maxmargin.datasets.fetching import fetch_dataset
from maxmargin.datasets.loading import load_dataset, read_features
from maxmargin.datasets.registry import DatasetInfo, available_datasets

__all__ = [
    "Dataset",
    "DatasetInfo",
    "Rows",
    "available_datasets",
    "fetch_dataset",
    "load_dataset",
    "read_features",
]
