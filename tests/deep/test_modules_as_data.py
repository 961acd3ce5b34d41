import copy
import dataclasses
import functools
import inspect
import json
import sys

import numpy as np
import pytest

from maxmargin._checks import InputError
from maxmargin.losses import OneVsRest, SoftmaxCrossEntropy
from maxmargin.losses.surrogates import SmoothHinge
from maxmargin.penalties import PairwiseMargin

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import maxmargin.nn  # noqa: E402
from maxmargin.deep import augmentation, averaging, ingredients, nets, preprocessing  # noqa: E402
from maxmargin.deep.modules_as_data import from_data, module_from_data, module_to_data, to_data  # noqa: E402

IMAGES, ROWS, SEQUENCES = (2, 4, 6, 6), (3, 4), (2, 5, 4)
LAYERS = {
    "linear": (lambda: nn.Linear(4, 3), ROWS),
    "no bias": (lambda: nn.Linear(4, 3, bias=False), ROWS),
    "conv": (lambda: nn.Conv2d(4, 6, 3, padding="same", padding_mode="reflect", groups=2), IMAGES),
    "transposed": (lambda: nn.ConvTranspose2d(4, 2, 3, stride=2, output_padding=1), IMAGES),
    "pools": (lambda: nn.Sequential(nn.MaxPool2d(2), nn.AdaptiveAvgPool2d((None, 1)), nn.Flatten()), IMAGES),
    "lp pool": (lambda: nn.LPPool2d(2, 2), IMAGES),
    "batch norm": (lambda: nn.BatchNorm2d(4, momentum=None), IMAGES),
    "instance norm": (lambda: nn.InstanceNorm2d(4, affine=True, track_running_stats=True), IMAGES),
    "other norms": (lambda: nn.Sequential(nn.GroupNorm(2, 4), nn.LayerNorm([6, 6]), nn.RMSNorm(6)), IMAGES),
    "local norm": (lambda: nn.LocalResponseNorm(3), IMAGES),
    "activations": (lambda: nn.Sequential(nn.PReLU(4), nn.GELU("tanh"), nn.Softplus(2.0), nn.ELU(0.5)), ROWS),
    "dropout": (lambda: nn.Sequential(nn.Dropout(0.3), nn.AlphaDropout(0.1)).eval(), ROWS),
    "upsampling": (lambda: nn.Upsample(scale_factor=2.0, mode="bilinear"), IMAGES),
    "shapes": (lambda: nn.Sequential(nn.PixelShuffle(2), nn.ZeroPad2d(1), nn.Unflatten(1, (1, 1))), IMAGES),
    "lstm": (
        lambda: nn.LSTM(4, 5, num_layers=2, bidirectional=True, batch_first=True),
        SEQUENCES,
    ),
    "gru": (lambda: nn.GRU(4, 5), SEQUENCES),
    "rnn cell": (lambda: nn.RNNCell(4, 5, nonlinearity="relu"), ROWS),
    "encoder": (
        lambda: nn.TransformerEncoder(
            nn.TransformerEncoderLayer(4, 2, 8, activation="gelu", batch_first=True), 2
        ).eval(),
        SEQUENCES,
    ),
    "lazy": (lambda: _materialised(nn.LazyLinear(3)), ROWS),
    "empty": (lambda: nn.Identity(), ROWS),
    "half": (lambda: nn.Linear(4, 3).bfloat16(), ROWS),
    "double": (lambda: nn.Linear(4, 3).double(), ROWS),
}
HOLDERS = {
    "module list": lambda: nn.ModuleList([nn.Linear(1, 1), None, nn.ReLU()]),
    "module dict": lambda: nn.ModuleDict({"b": nn.Linear(1, 1), "a": nn.ReLU()}),
    "parameter list": lambda: nn.ParameterList([torch.ones(2), torch.zeros(0, 3)]),
    "parameter dict": lambda: nn.ParameterDict({"b": torch.ones(2), "a": nn.Parameter(torch.tensor(1.0))}),
    "embedding": lambda: nn.Embedding(5, 2, padding_idx=1, max_norm=1.5),
    "projecting lstm": lambda: nn.LSTM(4, 5, proj_size=2),
    "bilinear": lambda: nn.Bilinear(2, 3, 4),
    "attention": lambda: nn.MultiheadAttention(4, 2, kdim=3, vdim=5, add_bias_kv=True),
    "adaptive softmax": lambda: nn.AdaptiveLogSoftmaxWithLoss(4, 9, [2, 5], div_value=2.0),
    "cross-entropy": lambda: nn.CrossEntropyLoss(torch.tensor([1.0, 2.0]), label_smoothing=0.1),
    "multi margin": lambda: nn.MultiMarginLoss(p=2, margin=0.5),
    "complex": lambda: nn.ParameterList([torch.tensor([1 + 2j]).conj()]),
    "float8": lambda: _with_buffer(torch.tensor([0.5, -448.0]).to(torch.float8_e4m3fn)),
    "strided": lambda: _with_buffer(torch.arange(6).reshape(2, 3).T),
    "special": lambda: _with_buffer(torch.tensor([np.nan, -0.0, np.inf, 1e-45])),
}


def _materialised(layer):
    layer(torch.ones(ROWS))
    return layer


def _with_buffer(buffer):
    module = nn.Module()
    module.register_buffer("kept", buffer)
    module.register_buffer("volatile", torch.tensor(True), persistent=False)
    module.register_buffer("missing", None)
    return module


def through_json(data):
    """The data as other means than pickle bring them back."""

    def plain(value):
        if isinstance(value, np.ndarray):
            return {"bytes": value.tobytes().hex(), "type": str(value.dtype), "shape": value.shape}
        raise TypeError(type(value))

    def arrays(found):
        if set(found) == {"bytes", "type", "shape"}:
            return np.frombuffer(bytes.fromhex(found["bytes"]), found["type"]).reshape(found["shape"])
        return found

    return json.loads(json.dumps(data, default=plain), object_hook=arrays)


def bits(tensor):
    return (
        tensor.dtype,
        tuple(tensor.shape),
        tensor.requires_grad,
        type(tensor),
        tensor.detach().resolve_conj().contiguous().flatten().view(torch.uint8).numpy().tobytes(),
    )


def described(module):
    """Everything that a module is, but for the weak references of recurrent layers."""
    if module is None:
        return None
    found = {"class": type(module)}
    for name, value in module.__dict__.items():
        if name in ("_parameters", "_buffers"):
            value = [(key, None if tensor is None else bits(tensor)) for key, tensor in value.items()]
        elif name == "_modules":
            value = [(key, described(child)) for key, child in value.items()]
        elif name == "_flat_weights":
            value = [bits(tensor) for tensor in value]
        if name != "_flat_weight_refs":
            found[name] = value
    return found


def assert_same(found, module):
    assert described(found) == described(module)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_rebuilt_to_the_bit(name):
    make, shape = LAYERS[name]
    torch.manual_seed(0)
    module = make()
    rebuilt = module_from_data(through_json(module_to_data(module)))
    assert_same(rebuilt, module)
    batch = torch.randn(shape).to(next(module.parameters(), torch.empty(0)).dtype)
    torch.manual_seed(1)
    expected = module(batch)
    torch.manual_seed(1)
    found = rebuilt(batch)
    first = lambda output: output if isinstance(output, torch.Tensor) else output[0]  # noqa: E731
    assert torch.equal(first(found), first(expected))
    # What the forward pass changed (running statistics) is changed alike.
    assert_same(rebuilt, module)


@pytest.mark.parametrize("name", HOLDERS)
def test_a_holder_of_tensors_or_modules_is_rebuilt_to_the_bit(name):
    module = HOLDERS[name]()
    assert_same(module_from_data(through_json(module_to_data(module))), module)


ARGUMENTS = {
    "in_features": 4,
    "n_classes": 3,
    "margin": 2,
    "k": 2,
    "pixels": 1,
    "n_components": 2,
    "features": nn.Flatten(),
    "head": nn.Linear(4, 3),
    "nets": [nn.Linear(4, 3), nn.Linear(4, 3)],
    "preprocessing": nn.Flatten(),
    "net": nn.Linear(4, 3),
    "loss": nn.CrossEntropyLoss(),
}


def own_modules():
    """Every module of ours, its required arguments by name, and networks by name."""
    for place in (maxmargin.nn, augmentation, averaging, ingredients, nets, preprocessing):
        for name, kind in vars(place).items():
            if not (isinstance(kind, type) and issubclass(kind, nn.Module) and kind is not nn.Module):
                continue
            if inspect.isabstract(kind):
                continue
            parameters = inspect.signature(kind.__init__).parameters.values()
            needed = [ARGUMENTS[p.name] for p in parameters if p.name in ARGUMENTS and p.default is p.empty]
            make = functools.partial(kind, *needed)
            yield pytest.param(make, id=f"{place.__name__}.{name}")
    for name, shape in {"mlp": (4,), "sm-mnist": (1, 28, 28)}.items():
        yield pytest.param(lambda name=name, shape=shape: nets.build_net(name, shape, 3), id=name)
    rows = torch.randn(9, 4)
    yield pytest.param(lambda: preprocessing.PrincipalComponents(2).fit(rows), id="fitted components")
    yield pytest.param(lambda: ingredients.Standardisation().fit(rows), id="fitted scales")


@pytest.mark.parametrize("make", list(own_modules()))
def test_every_module_of_ours_is_rebuilt_to_the_bit(make):
    module = make()
    assert_same(module_from_data(through_json(module_to_data(module))), module)


def test_training_flags_and_frozen_parameters_are_kept():
    net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Dropout(), nn.BatchNorm1d(2)), nn.Linear(2, 1))
    net[1].eval()
    net[0].weight.requires_grad_(False)
    rebuilt = module_from_data(module_to_data(net))
    assert [part.training for part in rebuilt.modules()] == [True, True, False, False, False, True]
    assert [p.requires_grad for p in rebuilt.parameters()] == [False, True, True, True, True, True]


def test_tied_parameters_and_modules_stay_tied():
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    net[2].weight = net[0].weight
    net.append(net[1])
    rebuilt = module_from_data(module_to_data(net))
    assert rebuilt[2].weight is rebuilt[0].weight
    assert rebuilt[2].bias is not rebuilt[0].bias
    assert rebuilt[3] is rebuilt[1]
    assert len(module_to_data(net)["tensors"]) == 3


def test_the_data_and_the_modules_share_no_memory():
    net = nn.Linear(2, 2)
    data = module_to_data(net)
    before = copy.deepcopy(data)
    rebuilt = module_from_data(data)
    with torch.no_grad():
        net.weight.add_(1)
        rebuilt.weight.add_(2)
    assert all(
        np.array_equal(a["values"], b["values"])
        for a, b in zip(data["tensors"], before["tensors"], strict=True)
    )


def test_a_rebuilt_recurrent_net_trains():
    net = module_from_data(module_to_data(nn.LSTM(2, 3)))
    optimizer = torch.optim.SGD(net.parameters(), lr=1.0)
    before = net(torch.ones(4, 1, 2))[0]
    before.sum().backward()
    optimizer.step()
    assert not torch.equal(net(torch.ones(4, 1, 2))[0], before)


def test_losses_and_penalties_are_attributes():
    module = nn.Identity()
    module.loss = OneVsRest(SmoothHinge(delta=0.3))
    module.parts = {
        "softmax": [SoftmaxCrossEntropy()],
        2: (PairwiseMargin(p=3.0), torch.float64, torch.Size([1]), np.float64(0.1)),
    }
    rebuilt = module_from_data(through_json(module_to_data(module)))
    assert rebuilt.loss == module.loss
    assert rebuilt.parts == module.parts


def test_values_round_trip():
    value = {
        "a": [1, True, None, 0.5, float("inf")],
        "b": ((), {}, "text"),
        "net": nn.ReLU(),
        "t": torch.arange(3),
    }
    found = from_data(through_json(to_data(value)))
    assert (found["a"], found["b"]) == (value["a"], value["b"])
    assert isinstance(found["net"], nn.ReLU)
    assert torch.equal(found["t"], value["t"])


class Foreign(nn.Module):
    pass


@dataclasses.dataclass(frozen=True)
class Record:
    size: int = 1


def _having(name, value):
    module = nn.Sequential(nn.Linear(1, 1))
    setattr(module[0], name, value)
    return module


def _hooked(register):
    module = nn.Sequential(nn.Linear(1, 1))
    getattr(module[0], register)(lambda *_: None)
    return module


def _holding_itself():
    module = nn.ModuleList()
    module.append(module)
    return module


REFUSED = {
    "foreign": (
        lambda: nn.Sequential(Foreign()),
        r"Sequential\.0 is a .*Foreign, no part of torch\.nn; build",
    ),
    "main": (lambda: type("Net", (nn.Module,), {"__module__": "__main__"})(), r"__main__\.Net"),
    "impostor": (
        lambda: type("Linear", (nn.Module,), {"__module__": "torch.nn.modules.linear"})(),
        "no part of",
    ),
    "parametrised": (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(1, 1)), "ParametrizedLinear"),
    "forward hook": (
        lambda: _hooked("register_forward_hook"),
        r"Sequential\.0 \(Linear\) has hooks.*remove them",
    ),
    "pre-hook": (lambda: _hooked("register_forward_pre_hook"), "has hooks"),
    "backward hook": (lambda: _hooked("register_full_backward_hook"), "has hooks"),
    "state hook": (lambda: _hooked("register_load_state_dict_pre_hook"), "has hooks"),
    "object": (
        lambda: _having("thing", object()),
        r"Sequential\.0\.thing is a object, which is no plain data",
    ),
    "function": (lambda: _having("thing", len), "builtin_function_or_method"),
    "own record": (lambda: _having("thing", Record()), r"thing is a Record"),
    "set": (lambda: _having("thing", [{1}]), r"thing\[0\] is a set"),
    "key": (lambda: _having("thing", {(1, 2): 3}), r"thing has the key \(1, 2\)"),
    "lazy": (lambda: nn.LazyLinear(3), "has hooks|no shape yet"),
    "meta": (lambda: nn.Linear(1, 1, device="meta"), r"weight is a Parameter of torch\.float32"),
    "sparse": (lambda: _with_buffer(torch.eye(2).to_sparse()), "kept is a Tensor"),
    "cycle": (_holding_itself, r"ModuleList\.0 holds itself"),
    "class": (lambda: nn.Linear, "is no module; give an nn.Module"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_could_not_be_rebuilt_is_refused(name):
    make, said = REFUSED[name]
    with pytest.raises(InputError, match=said) as caught:
        module_to_data(make())
    assert "\n" not in str(caught.value)


def _changed(path, value):
    def change(data):
        *steps, last = path
        for step in steps:
            data = data[step]
        data[last] = value

    return change


LAST, FIRST = ("modules", -1), ("tensors", 0)
ATTACKS = {
    "os.system": _changed((*LAST, "class"), "os.system"),
    "main": _changed((*LAST, "class"), "__main__"),
    "main of ours": _changed((*LAST, "class"), "maxmargin.__main__.Net"),
    "hidden": _changed((*LAST, "class"), "torch.nn.modules.linear.__builtins__"),
    "imported by a module": _changed((*LAST, "class"), "torch.nn.modules.linear.Tensor"),
    "imported module": _changed((*LAST, "class"), "torch.nn.modules.linear.Module"),
    "helper": _changed((*LAST, "class"), "maxmargin.deep.modules_as_data._Reader"),
    "not there": _changed((*LAST, "class"), "torch.nn.modules.evil.Linear"),
    "elsewhere": _changed((*LAST, "class"), "torch.hub.load"),
    "prefix only": _changed((*LAST, "class"), "torch.nn.modules_evil.Linear"),
    "hostile": _changed((*LAST, "class"), "hostile_net.Net"),
    "class of a wrong type": _changed((*LAST, "class"), 7),
    "record of another class": _changed(
        ("value",), {"record": "subprocess.Popen", "fields": [["args", "true"]]}
    ),
    "record that is a module": _changed(
        ("value",), {"record": "torch.nn.modules.linear.Linear", "fields": [["in_features", 1]]}
    ),
    "record that refuses": _changed(
        ("value",), {"record": "maxmargin.losses.surrogates.SmoothHinge", "fields": [["delta", -1.0]]}
    ),
    "function": _changed(("value",), {"function": "handle_torch_function"}),
    "dtype": _changed(("value",), {"dtype": "load"}),
    "tag": _changed(("value",), {"call": "os.system"}),
    "two tags": _changed(("value",), {"list": [], "tuple": []}),
    "object": _changed(("value",), object()),
    "no module": _changed(("value",), {"list": []}),
    "part out of range": _changed(("value",), {"module": 99}),
    "negative part": _changed(("value",), {"module": -1}),
    "cycle": _changed((*LAST, "modules"), [["0", 2]]),
    "method": _changed((*LAST, "attributes"), [["forward", "text"]]),
    "dunder": _changed((*LAST, "attributes"), [["__class__", "text"]]),
    "hooks": _changed((*LAST, "attributes"), [["_forward_hooks", {"dict": [[1, {"function": "relu"}]]}]]),
    "child over a method": _changed((*LAST, "modules"), [["forward", 0]]),
    "dotted name": _changed((*LAST, "modules"), [["a.b", 0]]),
    "attribute of a wrong type": _changed((*LAST, "attributes"), [["size", {1, 2}]]),
    "key of a wrong type": _changed((*LAST, "attributes"), [[["a"], 1]]),
    "training of a wrong type": _changed((*LAST, "training"), "yes"),
    "values that are a list": _changed((*FIRST, "values"), [[1.0]]),
    "values of another dtype": _changed((*FIRST, "values"), np.ones((3, 4))),
    "object array": _changed((*FIRST, "values"), np.array([object()])),
    "unknown dtype": _changed((*FIRST, "dtype"), "load"),
    "integer parameter": _changed(
        ("tensors", 0),
        {
            **dict.fromkeys(("is_parameter", "requires_grad"), True),
            "dtype": "int64",
            "values": np.ones(2, np.int64),
        },
    ),
    "buffer as parameter": _changed((*FIRST, "is_parameter"), False),
    "missing entry": _changed(("modules",), [{}]),
    "format": _changed(("format",), 2),
    "further entry": _changed(("more",), 1),
    "deep": lambda data: data.update(value=_nested(100_000)),
}


def _nested(depth):
    value = {"list": []}
    for _ in range(depth):
        value = {"list": [value]}
    return value


@pytest.mark.parametrize("name", ATTACKS)
def test_hostile_or_damaged_data_are_refused(name, tmp_path, monkeypatch):
    (tmp_path / "hostile_net.py").write_text("raise SystemExit('the hostile module ran')\n")
    monkeypatch.syspath_prepend(tmp_path)
    data = module_to_data(nn.Sequential(nn.Linear(4, 3), nn.ReLU()))
    assert isinstance(module_from_data(data), nn.Sequential)
    ATTACKS[name](data)
    with pytest.raises(InputError) as caught:
        module_from_data(data)
    assert "\n" not in str(caught.value)
    assert "hostile_net" not in sys.modules


@pytest.mark.parametrize("data", [None, [], "text", {}, {"format": 1}])
def test_what_is_no_data_of_a_module_is_refused(data):
    with pytest.raises(InputError, match="no data of a module"):
        module_from_data(data)
