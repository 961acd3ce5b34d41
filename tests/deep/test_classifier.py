"""What a person relies on beyond scikit-learn's own checks."""

import copy
import pickle
import random

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from maxmargin import load_model, save_model
from maxmargin._checks import InputError

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from maxmargin.deep.averaging import ExponentialAverage, Snapshots  # noqa: E402
from maxmargin.deep.classifier import MarginClassifier  # noqa: E402
from maxmargin.deep.ingredients import device_name, make_device  # noqa: E402
from maxmargin.deep.nets import build_net  # noqa: E402
from maxmargin.deep.preprocessing import PrincipalComponents  # noqa: E402
from maxmargin.deep.schedules import LinearDecay, StepDecay  # noqa: E402
from maxmargin.deep.stopping import EarlyStopping  # noqa: E402
from maxmargin.nn import OneVsRestHingeLoss, TopKHingeLoss  # noqa: E402
from tests.deep.digits import DIGITS, NAMES, Y, make, tiny, weights  # noqa: E402


def convolutional(input_shape, n_classes):
    return nn.Sequential(nn.Conv2d(input_shape[0], 4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(n_classes))


class Foreign(nn.Linear):
    """A class that no one but this file knows."""


class Own(nn.Module):
    """A network that is made without arguments."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(64, 5)


def no_cnn(input_shape, n_classes):
    return build_net("ism3", input_shape, n_classes)


@pytest.fixture(scope="module")
def fitted():
    return make().fit(DIGITS, NAMES)


def test_defaults_do_well_on_rows_that_were_not_trained_on():
    X, y = load_digits(return_X_y=True)
    model = MarginClassifier(random_state=0).fit(X[::3], y[::3])
    assert model.score(X[1::3], y[1::3]) > 0.94
    assert [epoch["epoch"] for epoch in model.history_] == list(range(20))


def test_two_classes_have_one_score():
    kept = Y < 2
    model = make().fit(DIGITS[kept], NAMES[kept])
    scores = model.decision_function(DIGITS[kept])
    assert scores.shape == (kept.sum(),)
    np.testing.assert_array_equal(model.predict(DIGITS[kept]), np.where(scores > 0, "elm", "ash"))


def test_the_seed_decides_the_weights_and_no_global_generator_moves():
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    one, two, three = (make(random_state=seed).fit(DIGITS, NAMES) for seed in (1, 1, 2))
    np.testing.assert_array_equal(weights(one), weights(two))
    assert np.abs(weights(one) - weights(three)).max() > 1e-3
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    assert random.getstate() == before[2]


def test_a_module_is_never_trained_in_place():
    net, loss = tiny((64,), 5), OneVsRestHingeLoss()
    given = copy.deepcopy(net.state_dict())
    model = make(net, loss).fit(DIGITS, NAMES)
    assert model.net is net
    assert model.loss is loss
    assert all(torch.equal(value, given[name]) for name, value in net.state_dict().items())
    assert model.net_ is not net
    again = make(net, loss).fit(DIGITS, NAMES)
    np.testing.assert_array_equal(weights(again), weights(model))


def test_net_takes_the_rows_as_they_are_given(fitted):
    assert not any(part.training for part in fitted.net_.modules())
    with torch.no_grad():
        scores = fitted.net_(torch.tensor(DIGITS)).numpy()
    np.testing.assert_allclose(scores, fitted.decision_function(DIGITS), rtol=1e-5, atol=1e-5)


def test_features_are_standardised_in_double_precision():
    shift = 1e8
    model, plain = make().fit(DIGITS + shift, NAMES), make().fit(DIGITS, NAMES)
    np.testing.assert_allclose(
        model.decision_function(DIGITS + shift), plain.decision_function(DIGITS), atol=1e-3
    )


def test_preprocessing_is_fitted_to_the_training_rows_and_part_of_the_net():
    layer = PrincipalComponents(10)
    model = make(preprocessing=layer).fit(DIGITS, NAMES)
    assert layer.mean is None
    assert model.net_.net[1].in_features == 10
    assert model.score(DIGITS, NAMES) > 0.9
    bare = make(preprocessing=None).fit(DIGITS / 16, NAMES)
    assert isinstance(bare.net_.preprocessing, nn.Identity)
    assert bare.score(DIGITS / 16, NAMES) > 0.9


def test_images_in_rows_and_with_channels_first_give_the_same_model():
    colours = np.stack([DIGITS, 16 - DIGITS, DIGITS / 2], axis=2)  # channels last
    rows = colours.reshape(300, -1)
    first = colours.reshape(300, 8, 8, 3).transpose(0, 3, 1, 2)
    of_rows = make(convolutional, image_shape=(8, 8, 3)).fit(rows, NAMES)
    of_images = make(convolutional).fit(first, NAMES)
    assert of_rows.input_shape_ == of_images.input_shape_ == (3, 8, 8)
    assert of_rows.n_features_in_ == of_images.n_features_in_ == 192
    np.testing.assert_array_equal(weights(of_rows), weights(of_images))
    np.testing.assert_array_equal(of_rows.decision_function(first), of_images.decision_function(first))
    np.testing.assert_array_equal(of_rows.decision_function(rows), of_images.decision_function(first))
    with pytest.raises(InputError, match=r"rows of shape \(8, 8, 3\); the net was trained on .*\(3, 8, 8\)"):
        of_images.predict(first.transpose(0, 2, 3, 1))
    grey = make(convolutional, image_shape=(8, 8), epochs=1).fit(DIGITS, NAMES)
    assert grey.input_shape_ == (1, 8, 8)
    assert grey.net_.preprocessing.mean.shape == (1, 1, 1, 1)


def test_tensors_are_answered_by_tensors(fitted):
    rows = torch.tensor(DIGITS)
    model = make().fit(rows, torch.tensor(Y))
    np.testing.assert_array_equal(weights(model), weights(fitted))
    for answer in (model.predict(rows), model.decision_function(rows), model.predict_proba(rows)):
        assert isinstance(answer, torch.Tensor)
        assert answer.device == rows.device
    assert model.score(rows, torch.tensor(Y)) == fitted.score(DIGITS, NAMES)
    np.testing.assert_array_equal(fitted.predict(rows), fitted.predict(DIGITS))


def test_float32_and_float64_rows_give_about_the_same_scores(fitted):
    # Pixels of whole numbers are the same in both.
    single = make().fit(DIGITS.astype(np.float32), NAMES)
    np.testing.assert_array_equal(weights(single), weights(fitted))
    assert single.decision_function(DIGITS).dtype == np.float32


def test_names_of_features_are_kept_and_checked():
    frame = pd.DataFrame(DIGITS[:, 20:24], columns=["a", "b", "c", "d"])
    model = make(epochs=1).fit(frame, NAMES)
    assert model.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["b", "a", "c", "d"]])


def test_partial_fit_goes_on_from_the_present_weights():
    model = make(lr=0.01)
    for _ in range(4):
        model.partial_fit(DIGITS, NAMES, classes=np.unique(NAMES))
    losses = [epoch["train_loss"] for epoch in model.history_]
    assert [epoch["epoch"] for epoch in model.history_] == list(range(4))
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] / 10
    before = weights(model)
    mean = model.net_.preprocessing.mean.clone()
    model.partial_fit(DIGITS[200:] + 1, NAMES[200:])
    assert 0 < np.abs(weights(model) - before).max() < 0.3
    assert torch.equal(model.net_.preprocessing.mean, mean)
    unborn = make(lr=-1.0)
    with pytest.raises(InputError, match="lr is -1"):
        unborn.partial_fit(DIGITS, NAMES, classes=np.unique(NAMES))
    assert unborn.set_params(lr=0.01).partial_fit(DIGITS, NAMES).score(DIGITS, NAMES) > 0.5
    with pytest.raises(InputError, match=r"'pine'.*not among the classes"):
        model.partial_fit(DIGITS[:1], ["pine"])


def test_partial_fit_needs_to_know_the_classes_only_not_a_row_of_each():
    model = make().partial_fit(DIGITS[Y < 3], Y[Y < 3], classes=range(5))
    assert model.decision_function(DIGITS).shape == (300, 5)


def test_warm_start_goes_on_and_otherwise_begins_anew():
    cold = make().fit(DIGITS, NAMES)
    warm = make(warm_start=True).fit(DIGITS, NAMES)
    np.testing.assert_array_equal(weights(warm), weights(cold))
    losses = [epoch["train_loss"] for epoch in warm.fit(DIGITS, NAMES).history_]
    assert len(losses) == 8
    assert losses[4] < losses[0] / 10
    np.testing.assert_array_equal(weights(cold.fit(DIGITS, NAMES)), weights(make().fit(DIGITS, NAMES)))
    fresh = make().fit(DIGITS[:, :20], NAMES)
    np.testing.assert_array_equal(weights(warm.fit(DIGITS[:, :20], NAMES)), weights(fresh))


def test_grid_search_and_pipeline_take_nets_losses_and_their_parameters():
    pipeline = make_pipeline(StandardScaler(), make(epochs=3))
    grid = {"marginclassifier__loss": ["hinge", nn.MultiMarginLoss()], "marginclassifier__lr": [1e-6, 0.03]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(DIGITS, NAMES)
    assert search.best_params_["marginclassifier__lr"] == 0.03
    assert search.best_score_ > 0.85


def test_early_stopping_holds_out_a_tenth_and_returns_to_the_best_epoch():
    model = make(epochs=60, lr=0.05, early_stopping=EarlyStopping(patience=2)).fit(DIGITS, NAMES)
    accuracies = [epoch["validation_accuracy"] for epoch in model.history_]
    assert len(accuracies) < 60
    assert max(accuracies) >= 0.8
    assert max(accuracies) * 30 == pytest.approx(round(max(accuracies) * 30))
    assert make().fit(DIGITS, NAMES).history_[0]["validation_accuracy"] is None


def test_probabilities_are_calibrated_on_the_rows_held_out():
    noisy = np.where(np.arange(300) % 3 == 0, np.roll(NAMES, 1), NAMES)
    options = {"epochs": 12, "batch_size": 32}
    sure, careful = (make(validation_fraction=share, **options).fit(DIGITS, noisy) for share in (None, 0.3))
    assert careful.predict_proba(DIGITS).max(axis=1).mean() < sure.predict_proba(DIGITS).max(axis=1).mean()
    assert careful.calibration_.temperature_ > sure.calibration_.temperature_


@pytest.mark.parametrize("averaging", [ExponentialAverage(0.9), Snapshots(every=2, last=2)])
def test_averages_are_what_predicts_and_is_saved(averaging, tmp_path):
    model = make("mlp", averaging=averaging, warm_start=True, lr=0.003).fit(DIGITS, NAMES)
    plain = make("mlp", lr=0.003).fit(DIGITS, NAMES)
    assert np.abs(model.decision_function(DIGITS) - plain.decision_function(DIGITS)).max() > 1e-3
    again = load_model(save_model(model, tmp_path / "model"))
    np.testing.assert_array_equal(again.predict_proba(DIGITS), model.predict_proba(DIGITS))
    assert again.fit(DIGITS, NAMES).score(DIGITS, NAMES) > 0.95


def test_bf16_moves_the_weights_and_leaves_them_in_single_precision(fitted):
    model = make(precision="bf16-mixed").fit(DIGITS, NAMES)
    start = make(lr=1e-12).fit(DIGITS, NAMES)
    for parameter, first in zip(model.net_.parameters(), start.net_.parameters(), strict=True):
        assert parameter.dtype == torch.float32
        assert ((parameter - first).abs() > 1e-4).float().mean() > 0.7
    assert model.score(DIGITS, NAMES) > 0.95
    assert np.abs(weights(model) - weights(fitted)).max() > 1e-6


@pytest.mark.parametrize("precision", ["64-true", "bf16-true"])
def test_whatever_the_precision_of_the_training_rows_are_predicted(precision):
    assert make(precision=precision, epochs=8).fit(DIGITS, NAMES).score(DIGITS, NAMES) > 0.85


def test_noise_and_augmentation_apply_to_training_alone():
    flip = nn.Sequential(nn.Unflatten(1, (8, 8)), nn.Flatten(), nn.Dropout(0.5))
    plain = make().fit(DIGITS, NAMES)
    flip.eval()
    for options in ({"noise": LinearDecay(0.5)}, {"augmentation": flip}):
        model = make(**options).fit(DIGITS, NAMES)
        assert np.abs(weights(model) - weights(plain)).max() > 1e-3
        np.testing.assert_array_equal(model.decision_function(DIGITS), model.decision_function(DIGITS))
    assert not flip.training


EVERYTHING = {
    "loss": TopKHingeLoss(2),
    "net": nn.Sequential(nn.Linear(64, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 5)),
    "lr_schedule": StepDecay(at=(0.5,)),
    "noise": LinearDecay(0.1),
    "augmentation": nn.Dropout(0.1),
    "early_stopping": EarlyStopping(patience=3),
    "preprocessing": PrincipalComponents(64, scale="none"),
}


@pytest.mark.parametrize(
    "options", [{}, {"net": "mlp", "loss": "ism3"}, EVERYTHING], ids=["plain", "mlp", "all"]
)
def test_saved_copied_and_pickled_models_answer_to_the_bit(options, tmp_path):
    model = make(**({"net": "mlp", "epochs": 2} | options)).fit(DIGITS, NAMES)
    saved = load_model(save_model(make_pipeline(model), tmp_path / "model"))[-1]
    for again in (saved, pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):  # noqa: S301
        np.testing.assert_array_equal(again.decision_function(DIGITS), model.decision_function(DIGITS))
        np.testing.assert_array_equal(again.predict_proba(DIGITS), model.predict_proba(DIGITS))
        assert str(again.get_params()) == str(model.get_params())
        assert again.history_ == model.history_
        assert not again.net_.training
        again.set_params(epochs=1, early_stopping=None).partial_fit(DIGITS, NAMES)
    unfitted = clone(model)
    assert not hasattr(unfitted, "net_")
    assert str(unfitted.get_params()) == str(model.get_params())


def test_the_same_model_is_saved_as_the_same_bytes(tmp_path):
    model = make("mlp", epochs=1).fit(DIGITS, NAMES)
    folders = [
        save_model(each, tmp_path / name) for each, name in ((model, "a"), (copy.deepcopy(model), "b"))
    ]
    contents = [{file.name: file.read_bytes() for file in folder.iterdir()} for folder in folders]
    assert contents[0] == contents[1]


def test_a_strangers_net_is_copied_and_pickled_but_not_saved(tmp_path):
    model = make(Foreign(64, 5)).fit(DIGITS, NAMES)
    for again in (pickle.loads(pickle.dumps(model)), copy.copy(model)):  # noqa: S301
        np.testing.assert_array_equal(again.decision_function(DIGITS), model.decision_function(DIGITS))
    assert isinstance(clone(model).fit(DIGITS, NAMES).net_.net, Foreign)
    with pytest.raises(InputError, match=r"Foreign, no part of torch.nn; .* save its state_dict"):
        save_model(model, tmp_path / "model")
    assert not (tmp_path / "model").exists()


REFUSED = {
    "scores of 3 classes": ({"net": nn.Linear(64, 3)}, "gives 3 scores a row and there are 5 classes"),
    "other features": ({"net": nn.Linear(7, 5)}, r"does not take rows of shape \(64,\)"),
    "a net of images": ({"net": nn.Flatten(0)}, r"maps 2 rows to \(128,\)"),
    "an unknown net": ({"net": "resnet"}, "unknown net 'resnet'; choose from"),
    "no net": ({"net": 3}, "net is 3; give one of"),
    "a function of no net": (
        {"net": lambda *_: None},
        r"<lambda>\(\(64,\), 5\) returns None; give a module \(an i",
    ),
    "a class for a net": (
        {"net": Own},
        r"net is Own; Own\(\(64,\), 5\) raises TypeError: .*give a module \(an",
    ),
    "a layer's class": (
        {"net": nn.Linear},
        r"Linear\(\(64,\), 5\) raises TypeError: .*an instance, no class",
    ),
    "a function that fails": ({"net": lambda shape, _: shape[3]}, r"raises IndexError: tuple index"),
    "a function that builds no net": ({"net": no_cnn}, r"^input_shape is \(64,\); this net needs images"),
    "an unknown loss": ({"loss": "log"}, "unknown loss 'log'; choose from squared_hinge"),
    "no loss": ({"loss": 3}, "loss is 3; give one of"),
    "k above the classes": ({"loss": TopKHingeLoss(5)}, "k is 5|k=5"),
    "an unknown device": ({"device": "tpu"}, "unknown device 'tpu'; choose from auto, cpu, cuda"),
    "no epochs": ({"epochs": 0}, "epochs is 0"),
    "no batch": ({"batch_size": 0}, "batch_size is 0"),
    "a batch by name": ({"batch_size": "big"}, "unknown batch_size 'big'; choose from auto"),
    "a negative rate": ({"lr": -1.0}, "lr is -1.0"),
    "an unknown optimizer": ({"optimizer": "lion"}, "unknown optimizer 'lion'"),
    "an unknown precision": ({"precision": "4"}, "unknown precision '4'"),
    "an unknown preprocessing": ({"preprocessing": "whiten"}, "unknown preprocessing 'whiten'"),
    "no preprocessing": ({"preprocessing": 3}, "preprocessing is 3"),
    "all held out": ({"validation_fraction": 1.0}, "validation_fraction is 1.0"),
    "no share": ({"validation_fraction": "half"}, "validation_fraction is 'half'; it must lie between"),
    "too small a share": (
        {"validation_fraction": 0.01},
        "validation_fraction is 0.01, which parts 300 rows of 5 classes in 297 and 3; each part needs a row",
    ),
    "a name for the average": ({"averaging": "ema"}, "averaging is 'ema'"),
    "a truth for the stopping": ({"early_stopping": True}, "early_stopping is True"),
    "an unknown weighting": ({"class_weight": "even"}, "unknown class_weight 'even'; choose from balanced"),
    "weights by place": ({"class_weight": [1, 2]}, r"class_weight is \[1, 2\]; give \"balanced\", a dict"),
    "a weight of no class": (
        {"class_weight": {"pine": 1}},
        "label in class_weight 'pine'; choose from ash,",
    ),
    "no weight": ({"class_weight": {"ash": 0}}, r"class_weight\['ash'\] is 0; it must be a positive number"),
    "weights beside a module": (
        {"class_weight": "balanced", "loss": TopKHingeLoss(2)},
        "class_weight is given beside the loss TopKHingeLoss; .*give the module its own weight",
    ),
    "a later device of none": ({"device": "cuda:x"}, "device is 'cuda:x'; it must be 'auto', 'cpu', 'cuda'"),
    "another shape": ({"image_shape": (7, 7)}, r"image_shape is \(7, 7\) and rows hold 64 values"),
    "a loss that overflows": ({"lr": 1e30, "optimizer": "sgd"}, "the loss is .* lower lr"),
}


@pytest.mark.parametrize(("options", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_used_is_shown(options, message):
    with pytest.raises(InputError, match=message):
        make(**options).fit(DIGITS, NAMES)


def test_cuda_asked_for_and_absent(fitted, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="device is 'cuda', but no CUDA device is here; choose 'cpu'"):
        make(device="cuda").fit(DIGITS, NAMES)
    moved = copy.deepcopy(fitted).set_params(device="cuda")
    with pytest.raises(InputError, match="no CUDA device"):
        moved.predict(DIGITS)
    assert moved.set_params(device="cpu").score(DIGITS, NAMES) > 0.95


def test_a_device_of_torch_is_one_as_well(fitted):
    model = make(device=torch.device("cpu")).fit(DIGITS, NAMES)
    np.testing.assert_array_equal(weights(model), weights(fitted))


def test_a_later_cuda_device_is_for_answers_alone(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert make_device("cuda:1") == make_device(torch.device("cuda", 1)) == torch.device("cuda", 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"Model {device.index}")
    assert device_name("cuda:1") == "Model 1"
    with pytest.raises(InputError, match=r"device is 'cuda:2', but CUDA devices here are 0..1"):
        make_device("cuda:2")
    with pytest.raises(
        InputError, match=r"device is 'cuda:1', but a training takes the first; .* CUDA_VISIBLE"
    ):
        make(device="cuda:1").fit(DIGITS, NAMES)


def test_a_class_of_one_row_cannot_be_held_out():
    with pytest.raises(InputError, match="class 'yew' has one row, and a part of each class is held out"):
        make(early_stopping=EarlyStopping()).fit(
            np.vstack([DIGITS[Y < 4], DIGITS[Y == 4][:1]]), [*NAMES[Y < 4], "yew"]
        )


def test_batch_normalisation_takes_any_number_of_rows():
    net = nn.Sequential(nn.Linear(64, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 5))
    X, y = np.vstack([DIGITS, DIGITS[:40]]), np.hstack([NAMES, NAMES[:40]])
    for n in range(300, 341):
        model = make(net, epochs=1).fit(X[:n], y[:n])
        assert model.history_[0]["train_loss"] > 0
    for n in (2, 3, 9, 17):
        model.partial_fit(X[:n], y[:n])
    assert len(model.history_) == 5


def test_rows_that_cannot_be_used(fitted):
    with pytest.raises(InputError, match=r"one class: \['ash'\]"):
        make().fit(DIGITS, ["ash"] * 300)
    for X in (np.full((2, 64), np.nan), torch.full((2, 64), torch.nan)):
        with pytest.raises(ValueError, match="NaN"):
            make().fit(X, [0, 1])
        with pytest.raises(ValueError, match="NaN"):
            fitted.predict(X)
    with pytest.raises(ValueError, match="63 features"):
        fitted.predict(DIGITS[:, 1:])


@pytest.mark.parametrize("go_on", ["fit", "partial_fit"])
def test_a_failed_fit_leaves_the_fitted_model_as_it_was(fitted, go_on):
    model = copy.deepcopy(fitted).set_params(lr=1e30, optimizer="sgd", warm_start=True)
    with pytest.raises(InputError, match="the loss is"):
        getattr(model, go_on)(DIGITS, NAMES)
    with pytest.raises(InputError, match="the loss is"):
        model.fit(DIGITS, Y % 2)
    np.testing.assert_array_equal(model.decision_function(DIGITS), fitted.decision_function(DIGITS))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_trained_on_cuda_pickled_for_the_cpu():
    model = make(device="cuda").fit(DIGITS, NAMES)
    assert next(model.net_.parameters()).is_cuda
    again = pickle.loads(pickle.dumps(model))  # noqa: S301
    assert not next(again.net_.parameters()).is_cuda
    rows = torch.tensor(DIGITS, device="cuda")
    assert model.predict_proba(rows).is_cuda
    np.testing.assert_allclose(
        again.set_params(device="cpu").decision_function(DIGITS), model.decision_function(DIGITS), atol=1e-3
    )
