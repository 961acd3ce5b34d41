import os
import subprocess
import sys

import numpy as np
import pytest

from maxmargin.datasets import available_datasets, load_dataset

INFO = {info.name: info for info in available_datasets()}
HERE = [name for name, info in INFO.items() if info.present and info.n_samples is not None]


@pytest.mark.skipif(
    not os.environ.get("MAXMARGIN_DATA"), reason="MAXMARGIN_DATA does not name the folder of data sets"
)
@pytest.mark.parametrize("name", [name for name in HERE if INFO[name].where])
def test_real_sets_are_as_listed(name):
    data, info = load_dataset(name), INFO[name]
    assert data.X.shape == (info.n_samples, info.n_features)
    assert len(np.unique(data.y)) == info.n_classes
    assert len(data.feature_names) == info.n_features
    if data.kind == "image":
        assert int(np.prod(data.image_shape)) == info.n_features
        assert 0 <= data.X.min() < data.X.max() <= 1


@pytest.mark.skipif(
    not (os.environ.get("MAXMARGIN_DATA") and INFO["mnist"].present and INFO["cifar10"].present),
    reason="MAXMARGIN_DATA has no MNIST and CIFAR-10",
)
def test_known_facts_of_the_real_sets():
    mnist = load_dataset("mnist")
    assert mnist.y[:5].tolist() == [5, 0, 4, 1, 9]
    assert mnist.y[60000:60005].tolist() == [7, 2, 1, 0, 4]
    assert mnist.X[:60000].mean() == pytest.approx(0.1307, abs=1e-4)
    cifar = load_dataset("cifar10")
    assert np.unique(cifar.y, return_counts=True)[1].tolist() == [6000] * 10
    channels = cifar.X[:50000].reshape(-1, 1024, 3).mean(axis=(0, 1), dtype=float)
    assert channels == pytest.approx([0.4914, 0.4822, 0.4465], abs=1e-4)


@pytest.mark.parametrize("name", ["digits", "iris", "wine", "breast_cancer"])
def test_builtin_sets(name):
    data, info = load_dataset(name), INFO[name]
    assert data.X.shape == (info.n_samples, info.n_features)
    assert len(np.unique(data.y)) == info.n_classes
    assert data.kind == ("image" if name == "digits" else "table")
    assert data.y.dtype.kind == ("i" if name == "digits" else "U")
    if name == "digits":
        assert data.image_shape == (8, 8)
        assert data.X.max() == 1
        assert data.X.dtype == np.float32


def test_importing_is_light():
    heavy = "{'pandas', 'sklearn', 'scipy', 'h5py', 'pyarrow', 'PIL', 'pooch', 'requests', 'torch'}"
    code = f"import sys, maxmargin.datasets; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
