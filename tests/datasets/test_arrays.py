import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp

from maxmargin.datasets import load_dataset
from tests.datasets import refusals

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3))
Y = np.arange(12) % 3
SPOT = np.isclose(X, X[4, 1])
PIXELS = RNG.integers(0, 256, size=(12, 4, 5), dtype=np.uint8)


def refusal(path, **arguments):
    message = refusals.refusal(path, **arguments)
    assert message.startswith(f"{path}: ")
    return message


def save(path, **arrays):
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    elif path.suffix == ".mat":
        scipy.io.savemat(path, arrays)
    else:
        with h5py.File(path, "w") as file:
            for key, value in arrays.items():
                file[key.replace("__", "/")] = value
    return path


@pytest.mark.parametrize("ending", ["npz", "mat", "h5", "hdf5"])
def test_features_and_labels_are_found_by_name(tmp_path, ending):
    data = load_dataset(save(tmp_path / f"a.{ending}", X=X, Y=Y, weight=np.ones(12)))
    assert (data.name, data.kind, data.target_name) == ("a", "array", "y")
    assert data.feature_names == ["c0", "c1", "c2"]
    assert data.X.dtype == np.float64
    assert (data.X == X).all()
    assert data.y.tolist() == Y.tolist()


@pytest.mark.parametrize("ending", ["npz", "mat", "h5"])
def test_names_of_any_kind_when_there_is_one_choice(tmp_path, ending):
    data = load_dataset(save(tmp_path / f"a.{ending}", measurements=X, outcome=Y[:, None]))
    assert data.target_name == "outcome"
    assert data.y.tolist() == Y.tolist()


def test_target_names_the_label_key(tmp_path):
    path = save(tmp_path / "a.npz", data=X, coarse=Y // 2, fine=Y)
    assert "several arrays may be the label" in refusal(path)
    assert "the file holds data 12x3, coarse 12, fine 12" in refusal(path)
    assert load_dataset(path, target="coarse").y.tolist() == (Y // 2).tolist()
    assert "no array 'rough'" in refusal(path, target="rough")
    assert "'data' is no label" in refusal(path, target="data")


@pytest.mark.parametrize("ending", ["npz", "h5"])
def test_train_and_test_are_joined_in_this_order(tmp_path, ending):
    arrays = {"x_test": X[8:], "x_train": X[:8], "y_train": Y[:8], "y_test": Y[8:]}
    if ending == "h5":
        arrays = {"test__data": X[8:], "test__target": Y[8:], "train__data": X[:8], "train__target": Y[:8]}
    data = load_dataset(save(tmp_path / f"a.{ending}", **arrays))
    assert (data.X == X).all()
    assert data.y.tolist() == Y.tolist()
    assert "(8) and " in data.notes[0]
    assert data.notes[0].endswith("are joined, in this order")


def test_texts_as_labels(tmp_path):
    names = np.array(["ant", "bee", "cat"])[Y]
    assert load_dataset(save(tmp_path / "a.npz", X=X, y=names)).y.tolist() == names.tolist()
    assert load_dataset(save(tmp_path / "a.h5", X=X, y=names.astype("S"))).y.tolist() == names.tolist()
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["X"] = X
        file.create_dataset("y", data=list(names), dtype=h5py.string_dtype())
    assert load_dataset(tmp_path / "b.h5").y.tolist() == names.tolist()
    assert load_dataset(save(tmp_path / "a.mat", X=X, y=names)).y.tolist() == names.tolist()
    cells = np.array(names, dtype=object)[:, None]
    assert load_dataset(save(tmp_path / "c.mat", X=X, y=cells)).y.tolist() == names.tolist()


@pytest.mark.parametrize("ending", ["npz", "mat", "h5"])
def test_bytes_of_images_become_fractions(tmp_path, ending):
    data = load_dataset(save(tmp_path / f"a.{ending}", images=PIXELS, labels=Y))
    assert (data.kind, data.image_shape, data.X.dtype) == ("image", (4, 5), np.float32)
    assert data.feature_names[-1] == "p19"
    assert data.notes == []
    np.testing.assert_allclose(data.X, PIXELS.reshape(12, -1) / 255, rtol=1e-6)


def test_colour_images_with_channels_second_and_rows_last(tmp_path):
    colour = RNG.integers(0, 256, size=(12, 6, 5, 3), dtype=np.uint8)
    expected = colour.reshape(12, -1) / np.float32(255)
    for array in (colour, colour.transpose(0, 3, 1, 2), colour.transpose(1, 2, 3, 0)):
        data = load_dataset(save(tmp_path / "a.npz", X=array, y=Y))
        assert data.image_shape == (6, 5, 3)
        np.testing.assert_array_equal(data.X, expected)
    grey = load_dataset(save(tmp_path / "a.npz", X=PIXELS[..., None], y=Y))
    assert grey.image_shape == (4, 5)


@pytest.mark.parametrize(
    ("pixels", "kind", "top"),
    [
        (PIXELS / 255, "image", PIXELS.max() / 255),
        (PIXELS.astype(float), "image", PIXELS.max() / 255),
        (PIXELS.astype(np.uint16) * 257, "image", PIXELS.max() / 255),
        (PIXELS > 127, "image", 1.0),
        (PIXELS - 128.0, "array", PIXELS.max() - 128.0),
    ],
)
def test_scale_of_images(tmp_path, pixels, kind, top):
    data = load_dataset(save(tmp_path / "a.npz", X=pixels, y=Y))
    assert data.kind == kind
    assert data.X.max() == pytest.approx(float(top))
    assert data.X.shape == (12, 20)


def test_columns_as_rows_are_turned(tmp_path):
    data = load_dataset(save(tmp_path / "a.npz", X=X.T, y=Y))
    assert (data.X == X).all()
    assert "last axis" in data.notes[0]


def test_missing_values_are_kept_and_noted(tmp_path):
    holes = X.copy()
    holes[0, 1] = holes[3, 2] = np.nan
    data = load_dataset(save(tmp_path / "a.npz", X=holes, y=Y))
    assert np.isnan(data.X).sum() == 2
    assert data.notes[0].startswith("2 values (5.6 %) in 2 features are missing: the median")
    holes[:, 1] = np.nan
    assert "feature 'c1' is missing in every row" in refusal(save(tmp_path / "b.npz", X=holes, y=Y))


def test_sparse_matrices_stay_sparse(tmp_path):
    dense = np.where(X > 0, X, 0)
    data = load_dataset(save(tmp_path / "a.mat", X=sp.csc_matrix(dense), Y=Y))
    assert data.kind == "sparse"
    assert sp.issparse(data.X)
    assert data.X.format == "csr"
    assert (data.X.toarray() == dense).all()


@pytest.mark.parametrize("ending", ["npz", "mat", "h5"])
@pytest.mark.parametrize("damage", ["garbage", "cut", "empty"])
def test_damaged_files(tmp_path, ending, damage):
    path = save(tmp_path / f"a.{ending}", X=RNG.normal(size=(500, 20)), y=np.arange(500) % 2)
    data = path.read_bytes()
    path.write_bytes({"garbage": b"what is this " * 40, "cut": data[: len(data) // 2], "empty": b""}[damage])
    expected = "the file is empty" if damage == "empty" else f"not a readable {ending} file"
    assert expected in refusal(path)


def test_flipped_bytes_inside_npz_and_mat(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", X=RNG.normal(size=(500, 20)), y=np.arange(500) % 2)
    scipy.io.savemat(tmp_path / "a.mat", {"X": X.repeat(99, 0), "y": Y.repeat(99)}, do_compression=True)
    for name in ("a.npz", "a.mat"):
        data = bytearray((tmp_path / name).read_bytes())
        data[400:440] = b"\x55" * 40
        (tmp_path / name).write_bytes(data)
        assert "not a readable" in refusal(tmp_path / name)


class Attack:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return (open, (str(self.marker), "w"))


def test_pickled_objects_are_refused_and_not_run(tmp_path):
    marker = tmp_path / "ran"
    np.savez(tmp_path / "a.npz", X=X, y=np.array([Attack(marker)] * 12, dtype=object))
    assert "'y' holds Python objects: save it as numbers or with .astype(str)" in refusal(tmp_path / "a.npz")
    assert not marker.exists()
    np.savez(tmp_path / "b.npz", X=X, y=Y, remark=np.array([Attack(marker)], dtype=object))
    assert load_dataset(tmp_path / "b.npz").X.shape == (12, 3)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ({"X": X}, "no array of labels (one value a row); name it with --target: the file holds X 12x3"),
        ({"y": Y}, "no array of features"),
        (
            {"a": X, "b": X, "y": Y},
            "several arrays may be the features; call one 'X': the file holds a 12x3, b 12x3",
        ),
        ({"X": X, "y": Y[:5]}, "12 rows of features but 5 labels"),
        (
            {"X": X, "y": np.eye(3)[Y]},
            "no array of labels (one value a row); name it with --target: the file holds X",
        ),
        ({"X": X, "y": X[:, 0]}, "looks like regression"),
        ({"X": X, "y": np.zeros(12)}, "one class, 0"),
        ({"X": np.zeros((12, 3)), "y": Y}, "every feature column is constant"),
        ({"X": np.where(SPOT, np.inf, X), "y": Y}, "column 'c1' has the value inf in row 5"),
        ({"X": np.where(SPOT, -1e200, X), "y": Y}, "column 'c1' has the value -1e+200 in row 5"),
        (
            {"X": sp.csc_matrix(np.where(SPOT, np.inf, X)), "y": Y},
            "column 'c1' has the value inf in row 5",
        ),
        (
            {"X": sp.csc_matrix(np.where(SPOT, np.nan, X)), "y": Y},
            "a value of the sparse features is nan",
        ),
        ({"x_train": X, "y_train": Y, "x_test": X[:, :2], "y_test": Y}, "differ in their number or kind"),
        ({"x_train": X, "y_train": Y, "y_test": Y}, "do not come in pairs"),
    ],
)
def test_unusable_arrays(tmp_path, arrays, expected):
    assert expected in refusal(save(tmp_path / "a.mat", **arrays))


def test_matlab_7_3_is_hdf5_with_axes_reversed(tmp_path):
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["X"] = X.T
        file["Y"] = Y[None, :]
    data = path.read_bytes()
    path.write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(128, b" ") + data[128:])
    read = load_dataset(path)
    assert (read.X == X).all()
    assert read.y.tolist() == Y.tolist()


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize("length", [None, 4])
def test_labels_beyond_ascii(tmp_path, encoding, length):
    names = np.array(["ä", "ö", "c"])[Y]
    stored = [name.encode(encoding) for name in names]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["X"] = X
        file.create_dataset("y", data=stored, dtype=h5py.string_dtype(length=length))
    expected = names.tolist()
    if encoding == "latin-1":  # no UTF-8: unreadable, but three classes still
        expected = [{"ä": "\\xe4", "ö": "\\xf6", "c": "c"}[name] for name in names]
    assert load_dataset(tmp_path / "a.h5").y.tolist() == expected


def test_labels_that_differ_by_blanks_are_merged_aloud(tmp_path):
    data = load_dataset(save(tmp_path / "a.npz", X=X, y=np.array(["ant", "bee", "ant "])[Y]))
    assert sorted(set(data.y.tolist())) == ["ant", "bee"]
    assert data.notes == ["labels that differ only by blanks around them count as one"]
